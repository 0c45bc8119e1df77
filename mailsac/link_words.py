"""The words that say what a link is for, in the languages that people test their mail in; written as in `code_words`.

verify, reset, magic, invite, unsubscribe    speak of what the links of these kinds do
signin      makes a link magic whose URL is for one reader only; that of a log-in page is for everybody
join        makes a link an invitation where the mail speaks of one
here        asks to follow a link, for what the subject says
elsewhere   names links of no kind, some of which sound alike: "privacy", "not you?", "invite your friends"
"""

from __future__ import annotations

from typing import Final

LINK_WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "verify": """verify verification "confirm email" "confirm your" "confirm my" "confirm address"
            "confirm account" "confirm subscription" "confirm registration" "confirm the" "confirm this" confirm
            activate activation "finish registration" "complete registration" "complete your registration"
            "complete sign" "finish signing up" "finish sign" validate "yes subscribe" "opt in"
            "email confirmation" "confirmation link" """,
        "reset": """"reset password" "reset your" "reset my" "reset the" "reset it" reset "new password"
            "change password" "change your password" "change my password" "forgot password" "forgotten password"
            "choose a new" "choose new" "set a new" "set new" "create a new password" "create new password"
            "recover account" "recover your" "recover my" "password recovery" "set password" "set your password"
            "choose another password" "pick a new" "make a new password" "forgot your password"
            "forgotten your password" "password changed" "password was changed" "password has been changed"
            "password has changed" """,
        "magic": """"magic link" "log me in" "sign me in" "sign in link" "login link" passwordless
            "without a password" "no password needed" "no password" "link to sign in" "link to log in"
            "log in link" "link below to sign" "log in with this link" "no need for a password"
            "don t need a password" """,
        "signin": """"sign in" "log in" login signin "signing in" "logging in" """,
        "invite": """invitation "accept invitation" "accept invite" "invited you" "has invited" "invites you"
            invited invitations "has invited you" "inviting you" "added you" "wants you to join" """,
        "join": """join "join team" "join the" "join now" "join us" "accept the" accept""",
        "unsubscribe": """unsubscribe unsubscribing "opt out" optout "no more" "stop receiving" "stop these"
            "stop emails" "stop it" "turn off" "remove me" "mailing list" "leave this list" "leave the list"
            "sign off" unsub "stop this" "stop getting" "don t want to receive" "no longer wish" "no longer want"
            "remove my address" "stop sending" "stop it with" "cancel subscription" "end your subscription"
            "don t want these" "don t want this" "no longer receive" """,
        "here": """click here "this link" link button continue "get started" "go to" visit tap press yes""",
        "elsewhere": """privacy terms legal imprint help support faq contact preferences settings "view in"
            "view this" "in your browser" "in browser" "wasn t" "not you" "didn t" "did not" "was not" "not me"
            "not request" "invite your friends" "invite friends" "invite a friend" refer "learn more" report
            "help centre" "help center" "secure your account" policy "follow us" "our guide" "find us" """,
    },
    "de": {
        "verify": """bestätigen bestätige verifizieren verifiziere aktivieren aktiviere freischalten
            "registrierung abschließen" "anmeldung abschließen" "ja ich" bestätigungslink aktivierungslink
            "konto aktivieren" "bestätigung ihrer e" "bestätigung deiner e" "ohne bestätigung" """,
        "reset": """zurücksetzen zurückzusetzen zurücksetzt "neues passwort" "neues kennwort" "passwort ändern"
            "passwort vergessen" "passwort vergeben" "passwort festlegen" "passwort setzen" "kennwort ändern"
            "passwort wählen" passwortänder* "neues passwort*" "passwort wurde geändert"
            "kennwort wurde geändert" "passwort geändert" "hier zurück" """,
        "magic": """anmeldelink "ohne passwort" einmallink "magischer link" "direkt anmelden" loginlink
            zugangslink passwortlos* "ohne kennwort" anmeldelinks "kein passwort" "ganz ohne passwort" """,
        "signin": """einloggen anmelden login "jetzt anmelden" """,
        "invite": """einladung* eingeladen "einladung annehmen" lädt "dich hinzugefügt" "sie hinzugefügt"
            "möchte mit" """,
        "join": """beitreten mitmachen teilnehmen annehmen""",
        "unsubscribe": """abmelden abbestellen abmeldung abzumelden abbestellung austragen "keine weiteren"
            abmeldelink "nicht mehr" "keine lust mehr" "abo beenden" "newsletter abbestellen" "nicht länger"
            abbestell*""",
        "here": """klick* hier link knopf button weiter schaltfläche ja""",
        "elsewhere": """datenschutz* impressum agb nutzungsbedingungen hilfe kontakt einstellungen browser
            onlineansicht "nicht sie" "nicht du" "freunde einladen" "freunde werben" "nicht ich" "folge uns"
            "folgen sie uns" "gefällt mir" """,
    },
    "fr": {
        "verify": """confirmer confirmez confirme "je confirme" valider validez valide vérifier vérifiez
            vérification activer activez active "j active" activation finaliser finalisez
            "terminer votre inscription" "terminez votre inscription" "terminer ton inscription"
            "finaliser votre inscription" "lien de confirmation" "confirmation de votre adresse"
            "confirmation de l adresse" """,
        "reset": """réinitialis* "nouveau mot de passe" "changer mon mot" "changer le mot" "changer de mot"
            "changer votre mot" "modifier mon mot" "modifier le mot" "modifier votre mot" "mot de passe oublié"
            "choisir un nouveau" "choisir un mot" "définir un nouveau" "créer un nouveau" récupérer
            "mot de passe a été modifié" "mot de passe a été changé" "mot de passe modifié" """,
        "magic": """"lien de connexion" "lien magique" "sans mot de passe" "pas besoin de mot"
            "plus besoin de mot" """,
        "signin": """"me connecter" "se connecter" "vous connecter" "connectez vous" "connecte moi" connexion""",
        "invite": """invitation invité invitée "vous invite" "t invite" "accepter l invitation" "vous a ajouté"
            "t a ajouté" """,
        "join": """rejoindre rejoignez rejoins accepter participer""",
        "unsubscribe": """désabonner désabonnement désabonnez désinscri* "ne plus recevoir" "me désinscrire"
            "me désabonner" "plus recevoir" désabonne stop résilier "plus de courriels" "plus envie"
            "plus de messages" "ne plus être" """,
        "here": """cliquez clique cliquer ici lien bouton continuer oui""",
        "elsewhere": """confidentialité légales conditions cgu cgv aide contact préférences paramètres navigateur
            "en ligne" parrainer parrainez "n êtes pas" "ce n est pas" "n avez pas" "pas vous" "inviter vos amis"
            "invitez vos amis" "inviter des amis" faq "suivez nous" "tes potes" "tes amis" "vos amis" parrainage""",
    },
    "es": {
        "verify": """verificar verifica verifique verificación confirmar confirma confirme activar activa active
            activación validar valida valide "completar registro" "completa tu registro" "enlace de confirmación"
            "confirmación de correo" """,
        "reset": """restablec* restablezc* "nueva contraseña" "cambiar contraseña" "cambiar la contraseña"
            "cambiar mi contraseña" "cambia tu contraseña" "cambiar tu contraseña" "cambie su contraseña"
            "cambiar su contraseña" "recuperar contraseña" "recuperar la contraseña" "olvidé mi" "olvidado tu"
            "crear contraseña" recuperar "elegir una contraseña" "elige una contraseña" "nueva clave"
            "contraseña se cambió" "cambiado tu contraseña" "cambiado su contraseña" "elige otra" "elija otra"
            recuperación "olvidaste tu" "contraseña ha cambiado" "contraseña fue cambiada"
            "contraseña ha sido modificada" "contraseña modificada" """,
        "magic": """"enlace mágico" "sin contraseña" "enlace de acceso" "acceso directo" "enlace de inicio"
            "sin clave" "entrar con este enlace" "no necesitas contraseña" "no hace falta contraseña" """,
        "signin": """"iniciar sesión" "inicia sesión" "inicie sesión" acceder entrar ingresar accede acceso entra""",
        "invite": """invitación invitaciones invitado invitada "te invita" "le invita" "te ha invitado"
            "te ha añadido" "te agregó" invitó""",
        "join": """unirme unirse únete únase aceptar unirte acepta colaborar""",
        "unsubscribe": """"darse de baja" "darme de baja" "date de baja" "dese de baja" "cancelar suscripción"
            "cancelar la suscripción" "cancelar mi suscripción" "no recibir" "dejar de recibir" baja desuscrib*
            desuscripción "anular suscripción" "anular la suscripción" "no deseas" "no desea"
            "no quieres recibir" "no quiere recibir" "más correos" "más publicidad" darse""",
        "here": """clic pulsa pulse aquí enlace botón continuar sí""",
        "elsewhere": """privacidad legal términos condiciones ayuda contacto preferencias ajustes navegador
            "no has sido" "no fuiste" "no ha sido" "no fue" "no reconoces" "no solicitaste" "no eres"
            "invita a tus amigos" "invitar amigos" faq síguenos""",
    },
    "it": {
        "verify": """verifica verificare verifichi conferma confermare confermi confermo attiva attivare
            attivazione convalida convalidare "completa la registrazione" completa""",
        "reset": """reimposta* reimpostare reimpostazione ripristina* "nuova password" "cambia password"
            "cambia la password" "cambiare password" "cambiare la password" "cambia la tua password"
            "recupera password" "recupera la password" "password dimenticata" "recupero password"
            "scegli una nuova" "imposta una nuova" "reset password" "modifica la password"
            "dimenticato la password" "hai dimenticato" "cambiata la password" "scelga una nuova" "nuova parola"
            "password modificata" "password è stata modificata" "password è stata cambiata" "crearne una nuova" """,
        "magic": """"link di accesso" "link magico" "senza password" "accesso rapido" "il link per"
            "non serve la password" "senza digitare la password" "senza la password" """,
        "signin": """accedi accedere entra entrare accesso login""",
        "invite": """invito inviti invitato invitata "ti invita" "ti ha invitato" "accetta l invito" "la invita"
            "accetta invito" "ti ha aggiunto" "ti vuole" """,
        "join": """unisciti unirsi partecipa accetta entra""",
        "unsubscribe": """disiscri* cancellati cancellarti "annulla iscrizione" "annulla l iscrizione"
            "non ricevere" "non desideri" "annullare l iscrizione" "cancella iscrizione" "cancella l iscrizione"
            cancellarsi disdici "non scrivetemi" "non scriveteci" "non vuoi più" "non vuole più" disiscriversi
            basta "più ricevere" togliermi cancellami""",
        "here": """clicca clicchi cliccare qui link pulsante continua prosegua sì""",
        "elsewhere": """privacy legali termini condizioni assistenza contatti preferenze impostazioni browser
            aiuto "non sei stato" "non sei stata" "non hai" "non è stato" "non è stata" "invita i tuoi amici"
            "invita amici" faq seguici""",
    },
    "pt": {
        "verify": """verificar verifique verifica verificação confirmar confirme confirma confirmo ativar ative
            ativação activar validar valide valida "concluir cadastro" "concluir registo" ativares activares
            confirmares "concluir a inscrição" "finalizar cadastro" "terminar o registo" "link de confirmação"
            "confirmação de e mail" "confirmação de email" """,
        "reset": """redefin* repor reponha recuper* "nova senha" "nova palavra passe" "alterar senha"
            "alterar a senha" "alterar palavra passe" "alterar a palavra" "mudar a senha" "trocar a senha"
            "trocar senha" esqueci "criar nova" "criar uma nova" redefinição "alterar sua senha" "definir nova"
            "palavra passe nova" "senha alterada" esqueceu "senha foi alterada" "palavra passe foi alterada" """,
        "magic": """"link mágico" "link de acesso" "sem senha" "sem palavra passe" "ligação de acesso"
            "não precisa de senha" "não precisas de palavra" """,
        "signin": """entrar acessar aceder "iniciar sessão" "inicie sessão" "fazer login" entre acesse aceda""",
        "invite": """convite convites convidado convidada convidou "te convidou" convida "aceitar convite"
            "convidou você" adicionou""",
        "join": """aceitar participar juntar junte aceite entrar""",
        "unsubscribe": """"cancelar inscrição" "cancelar a inscrição" "cancelar subscrição"
            "cancelar a subscrição" "cancelar assinatura" "cancelar a assinatura" descadastr* "não receber"
            "deixar de receber" "sair da lista" "não quero receber" remover "anular subscrição"
            "anular a subscrição" desinscrever "parar de receber" remova sair "não deseja" "não quer receber"
            "não quer mais" "mais e mails" "tire meu" "parar os" """,
        "here": """clique clica aqui link botão ligação continuar sim""",
        "elsewhere": """privacidade legais termos condições ajuda contato contacto preferências configurações
            definições navegador "não foi você" "não foste" "não solicitou" "não pediu" "se não" "convide amigos"
            "convida amigos" "convidar amigos" suporte faq""",
    },
    "nl": {
        "verify": """bevestig bevestigen verifieer verifiëren verificatie activeer activeren activatie activering
            "registratie voltooien" "aanmelding afronden" bevestigingslink "bevestiging van je e"
            "bevestiging e mail" """,
        "reset": """resetten "opnieuw instellen" "nieuw wachtwoord" "wachtwoord wijzigen" "wachtwoord herstellen"
            "wachtwoord vergeten" "wijzig je wachtwoord" "wijzig uw wachtwoord" "wachtwoord instellen" herstel
            herstellen "wachtwoord resetten" "wachtwoord veranderen" "kies een nieuw" "wachtwoord opnieuw"
            "wachtwoord kwijt" "nieuw ww" "wachtwoord is gewijzigd" "wachtwoord gewijzigd"
            "wachtwoord is veranderd" """,
        "magic": """inloglink "zonder wachtwoord" "magische link" "log me in" "zonder ww" "geen wachtwoord" """,
        "signin": """inloggen "log in" aanmelden "log direct in" ingelogd inlogt""",
        "invite": """uitnodiging* uitgenodigd "nodigt je" "nodigt u" "je uit voor" "u uit voor" toegevoegd
            "wil je erbij" """,
        "join": """"word lid" deelnemen "doe mee" "sluit je aan" accepteren toetreden meedoen""",
        "unsubscribe": """afmelden uitschrijven uitschrijving afmelding "meld je af" "meld u af" "schrijf je uit"
            "schrijf u uit" "niet meer" "geen mails" "geen e mails" opzeggen "stop met" "geen nieuwsbrief"
            "wil je geen" "wilt u geen" "niet langer" """,
        "here": """klik klikken hier link knop doorgaan ga ja""",
        "elsewhere": """privacy* voorwaarden hulp help contact voorkeuren instellingen browser "niet aangevraagd"
            "was u dit" "was jij dit" "ben jij dit" "niet zelf" "vrienden uitnodigen" "nodig vrienden"
            "nodig je vrienden" "niet jij" "bent u dit" """,
    },
    "pl": {
        "verify": """potwierdź potwierdzić potwierdzam zweryfikuj zweryfikować weryfikacja weryfikuj aktywuj
            aktywować aktywacja aktywacyjny "dokończ rejestrację" "potwierdzenie adresu" "link potwierdzający" """,
        "reset": """zresetuj resetuj zresetować resetowanie "nowe hasło" "zmień hasło" "zmienić hasło"
            "zmiana hasła" "odzyskaj hasło" odzyskać odzyskaj "ustaw hasło" "ustaw nowe" "ustawić nowe"
            "nie pamiętasz hasła" reset "reset hasła" "hasło zostało zmienione" "hasło zmienione" """,
        "magic": """"magiczny link" "bez hasła" "link do logowania" "hasło nie jest" "nie potrzebujesz hasła" """,
        "signin": """zaloguj zalogować logowanie logowania""",
        "invite": """zaproszenie zaproszenia zaprasza zaprosił zaprosiła "przyjmij zaproszenie" "dodał cię"
            "dodała cię" """,
        "join": """dołącz dołączyć przyjmij zaakceptuj""",
        "unsubscribe": """wypisz wypisać zrezygnuj rezygnuję rezygnacja "anuluj subskrypcję"
            "nie chcę otrzymywać" "nie chcę" wyrejestruj odsubskryb* wypisuję zrezygnować "nie chcesz" "nie chce"
            "przestać otrzymywać" """,
        "here": """kliknij kliknąć tutaj tu link przycisk odnośnik dalej tak""",
        "elsewhere": """prywatności regulamin pomoc kontakt preferencje ustawienia przeglądarce "to nie ty"
            "to nie pan" "jeśli to nie" "zaproś znajomych" "zaproś przyjaciół" "nie prosiłeś" faq""",
    },
    "sv": {
        "verify": """bekräfta bekräftar verifiera verifiering aktivera aktivering "slutför registreringen"
            "slutföra registreringen" "bekräftelse av e" bekräftelselänk""",
        "reset": """återställ återställa återställning "nytt lösenord" "byt lösenord" "byta lösenord"
            "ändra lösenord" "glömt lösenord" "välj ett nytt" "skapa nytt" "ändra lösenordet" "byt lösenordet"
            nollställ "lösenord har ändrats" "lösenordet har ändrats" "lösenordet är ändrat" """,
        "magic": """inloggningslänk "utan lösenord" "magisk länk" "inget lösenord" "behöver inget lösenord" """,
        "signin": """"logga in" inloggning loggas""",
        "invite": """inbjudan inbjuden bjuder "bjudit in" "acceptera inbjudan" tillagd "vill ha med"
            "lagt till dig" """,
        "join": """"gå med" "tacka ja" delta anslut acceptera""",
        "unsubscribe": """avregistrera avprenumerera avsluta "inte längre" "sluta få" slippa avanmäl* avanmäl
            avanmälan "säg upp" "inga fler" prenumerationen "vill du inte" "vill inte ha" avbeställ""",
        "here": """klicka här länk länken knappen fortsätt ja""",
        "elsewhere": """integritet* villkor hjälp kontakt inställningar webbläsare* "inte du" "inte begärt"
            "inte bett" "bjud in vänner" "bjud in dina" "var det inte" support cookies""",
    },
    "tr": {
        "verify": """doğrula* onayla* onaylıyorum etkinleştir* aktifleştir* aktivasyon "kaydı tamamla"
            "kaydınızı tamamlayın" "kaydınızı tamamlamak" """,
        "reset": """sıfırla* "yeni şifre" "yeni parola" "şifremi unuttum" "şifre değiştir" "şifreyi değiştir"
            "şifreni değiştir" "şifrenizi değiştirin" "parola değiştir" "parolanı değiştir" "şifremi değiştir"
            "yeni bir şifre" "yeni bir parola" yenile* "şifreniz değiştirildi" "parolanız değiştirildi"
            "şifreniz değişti" """,
        "magic": """"giriş bağlantısı" "sihirli bağlantı" şifresiz "şifre olmadan" "giriş linki" "şifre gerekmez"
            "şifreye gerek yok" parolasız""",
        "signin": """"giriş yap" "giriş yapın" "oturum aç" "oturum açın" "oturum açma" giriş gir girin oturum
            oturumun oturumunuz""",
        "invite": """davet daveti davetiye davetini "davet etti" "davet ediyor" "daveti kabul" "seni ekledi"
            "sizi ekledi" """,
        "join": """katıl katılın katılmak kabul""",
        "unsubscribe": """"abonelikten çık" "abonelikten ayrıl" "aboneliği iptal" "aboneliğini iptal"
            "aboneliğimi iptal" "abonelikten çıkmak" abonelikten "listeden çık" "almak istemiyorum"
            "almak istemiyorsanız" "e posta alma" "listeden ayrıl" "artık almak" çıkmak "iptal etmek" bırakmak
            "listeden çıkın" "iptal et" istemiyorsanız istemiyorum "çıkmak için" "almayı bırak" "almayı bırakmak" """,
        "here": """tıkla tıklayın tıklayınız buraya buradan bağlantı bağlantıya bağlantıyı düğme devam evet""",
        "elsewhere": """gizlilik koşulları şartları kvkk yardım iletişim tercihler tercihleri ayarlar ayarları
            tarayıcıda "siz değilseniz" "sen değilsen" "siz yapmadıysanız" "sen yapmadıysan"
            "arkadaşlarını davet" "arkadaşlarınızı davet" destek""",
    },
    "ru": {
        "verify": """подтверд* подтвержд* активир* активац* "завершить регистрацию" верифик*
            "завершите регистрацию" "завершения регистрации" """,
        "reset": """сброс* "новый пароль" "изменить пароль" "сменить пароль" "смените пароль" "забыли пароль"
            восстанов* "смена пароля" "задать пароль" "задайте новый" "придумайте новый" "создать новый пароль"
            "измените пароль" "задать новый" "придумать новый" "пароль изменён" "пароль изменен"
            "пароль был изменён" """,
        "magic": """"ссылка для входа" "ссылке для входа" "без пароля" "волшебная ссылка" "магическая ссылка"
            "пароль не нужен" """,
        "signin": """войти войдите вход входа""",
        "invite": """приглаш* "принять приглашение" "добавил вас" "добавила вас" зовёт""",
        "join": """присоедин* вступить принять""",
        "unsubscribe": """отписаться отпишитесь отписка отписки "отказаться от" "не получать" "больше не"
            отписать отписк* отпис* "не хотите" """,
        "here": """нажмите перейдите здесь сюда ссылке ссылку ссылка кнопку продолжить да""",
        "elsewhere": """конфиденциальности соглашение условия помощь контакты настройки браузере "это были не"
            "это не вы" "не вы" "пригласите друзей" "пригласить друзей" "приглашайте друзей" "пригласи друзей"
            поддержк* "не запрашивали" правила""",
    },
    "uk": {
        "verify": """підтверд* підтвердж* активу* активац* "завершити реєстрацію" верифік* "завершіть реєстрацію"
            "завершення реєстрації" """,
        "reset": """скин* "новий пароль" "змінити пароль" "змініть пароль" "забули пароль" віднов* "зміна пароля"
            "задати пароль" "встановити новий" "створити новий пароль" "скидання пароля" "задати новий"
            "придумайте новий" "пароль змінено" "пароль було змінено" """,
        "magic": """"посилання для входу" "посиланням для входу" "без пароля" "чарівне посилання"
            "пароль не потрібен" "без паролю" """,
        "signin": """увійти увійдіть вхід входу""",
        "invite": """запрош* запрос* "прийняти запрошення" "додав вас" "додала вас" кличе""",
        "join": """приєдн* долуч* прийняти""",
        "unsubscribe": """відписатися відписатись відпишіться відписка відписки "не отримувати" "більше не"
            "відмовитися від" "скасувати підписку" відпис* "не хочете" """,
        "here": """натисніть перейдіть тут сюди посилання посиланням кнопку продовжити так""",
        "elsewhere": """конфіденційності угода умови допомога контакти налаштування браузері "це були не"
            "це не ви" "не ви" "запросіть друзів" "запросити друзів" "запрошуйте друзів" підтримк* правила
            "не надсилали" """,
    },
    "ja": {
        "verify": """確認する 認証する 確認してください メールアドレスを確認 メールアドレスの確認 有効にする
            有効化 本登録 登録を完了 アドレスを認証 認証を完了 確認を完了 登録を確認 メール認証 アドレス確認
            登録完了 承認する メールアドレス認証 登録を確定""",
        "reset": """再設定 リセット 新しいパスワード パスワードを変更 パスワード変更 パスワードの変更
            パスワードをお忘れ 再発行 パスワードを設定 パスワードの設定 パスワードが変更""",
        "magic": """マジックリンク パスワードなし パスワード不要 ログインリンク ログイン用リンク ログインurl""",
        "signin": """ログインする ログイン サインイン""",
        "invite": """招待 招待を承認""",
        "join": """参加する 参加 加わる""",
        "unsubscribe": """配信停止 配信を停止 購読解除 登録解除 配信解除 メール停止 受信を停止 退会 受け取らない
            停止する 解除 受信拒否 配信不要 今後メール""",
        "here": """クリック こちら リンク ボタン 下記url 次のurl タップ はい""",
        "elsewhere": """プライバシー 利用規約 規約 ヘルプ お問い合わせ 設定を変更 配信設定 ブラウザ 心当たり
            友だちを招待 お友達を招待 友達を招待 特定商取引 よくある質問 マイページ""",
    },
    "ko": {
        "verify": """인증하기 "이메일 인증" 이메일인증 "주소 인증" 확인하기 "이메일 확인" "주소 확인" 활성화
            "가입 완료" "가입을 완료" "인증을 완료" "구독 확인" """,
        "reset": """재설정 초기화 "새 비밀번호" "비밀번호 변경" "비밀번호를 변경" "비밀번호 찾기"
            "비밀번호를 설정" "비밀번호 설정" "비밀번호가 변경" """,
        "magic": """"매직 링크" "비밀번호 없이" "로그인 링크" """,
        "signin": """로그인하기 로그인""",
        "invite": """초대""",
        "join": """참여하기 수락 참여 합류 참가""",
        "unsubscribe": """수신거부 "수신 거부" "구독 취소" 구독취소 "구독 해지" 구독해지 "수신 해지" "받지 않"
            "알림 끄기" "수신을 원하지" "원치 않" "알림 그만" "그만 받기" """,
        "here": """클릭 여기 링크 버튼 누르 눌러 계속""",
        "elsewhere": """개인정보 약관 도움말 고객센터 브라우저 "본인이 아" 요청하지 "친구 초대" "친구를 초대"
            "자주 묻는" "알림 설정" "수신 설정" "환경 설정" """,
    },
    "zh": {
        "verify": """验证邮箱 驗證信箱 验证您的 驗證您的 确认邮箱 確認信箱 激活 启用 啟用 完成注册 完成註冊
            确认您的 確認您的 验证电子 驗證電子 确认订阅 確認訂閱 验证邮件 验证我的 確認電子 确认电子 点击验证
            立即验证 立即驗證 确认地址 驗證郵件 验证 点此确认 點此確認 请确认订阅 完成訂閱 激活账号""",
        "reset": """重置 重設 重设 新密码 新密碼 修改密码 修改密碼 更改密码 變更密碼 找回密码 忘记密码 忘記密碼
            更改密碼 设置新密码 設定新密碼 重新设置 重新設定 密码已修改 密碼已變更 密码已更改""",
        "magic": """立即登录 点击登录 立即登入 一键登录 一鍵登入 免密 無需密碼 无需密码 无密码 登录链接 登入連結
            魔法链接 直接登录""",
        "signin": """登录 登入""",
        "invite": """邀请 邀請""",
        "join": """加入 接受""",
        "unsubscribe": """退订 退訂 取消订阅 取消訂閱 不再接收 停止接收 不想再收到 不想收到 不再收到 不希望""",
        "here": """点击 點擊 这里 這裡 链接 連結 按钮 按鈕 继续 繼續 点此 點此 打开 是的""",
        "elsewhere": """隐私 隱私 条款 條款 帮助 幫助 客服中心 设置 設定 浏览器 瀏覽器 非本人 不是您 不是本人
            邀请好友 邀請好友 邀请朋友 联系我们 聯絡我們 常见问题""",
    },
}
