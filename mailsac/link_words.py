"""The words that say what a link is for, in the languages that people test their mail in; written as in `code_words`.

verify, reset, magic, invite, unsubscribe    speak of what the links of these kinds do
step        says in a subject that little is left to do: to verify
signin      makes a link magic whose URL is for one reader only; that of a log-in page is for everybody
join        makes a link an invitation where the mail speaks of one
enter       says either of these two
here        asks to follow a link, for what the subject says
"""

from __future__ import annotations

from typing import Final

LINK_WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "verify": """verify verification confirm activate activation "finish registration"
            "complete registration" "complete your registration" "complete sign" "finish signing up"
            "finish sign" validate "yes subscribe" "opt in" "email confirmation" "confirmation link"
            "my address" "this is my email" "finish creating" "finish setting up" "complete your sign"
            "prove it" "prove that" "complete your profile" "opt me in" "add me to the list" "address is yours"
            "address belongs to you" "email is yours" "it s really you" "it s you" "switch your account on"
            "wake it up" "sign me up" "subscribe me" "count me in" "that was me" "it was me" "this was me"
            "yes it s me" "i own this" "approve the change" "finalize your" "finalise your"
            "finish your registration" "complete the registration" "complete your account" "activate your"
            "it s mine" "it is mine" "this is mine" "meant for you" "keep my account" "complete signup"
            "complete sign up" "confirm me" "verify me" "yes that s me" "my inbox" "my mailbox" "my e mail"
            verifyemail confirmemail emailverification emailconfirmation confirmaccount activateaccount
            verifyaccount validation doi optin "double opt in" confirmsubscription""",
        "step": """"one more step" "one last step" "last step" "final step" "almost done" "nearly done"
            "almost there" "nearly there" "just one click" "one more click" "one click left" "one step left"
            "almost finished" "one small thing" "one click more" "a click away" "last click" "just one more" """,
        "reset": """reset "new password" "change password" "change your password" "change my password"
            "forgot password" "forgotten password" "choose a new" "choose new" "set a new" "set new"
            "recover account" "recover your" "recover my" "password recovery" "set password" "set your password"
            "pick a new" "forgot your password" "forgotten your password" "password changed"
            "password was changed" "password has been changed" "password has changed" "another password"
            "different password" "forgot it" "regain access" "restore access" "back into your account"
            "unlock your account" "password again" "set one now" "lost your password" "lost password"
            "other password" "pick your own" "choose your own" "unlock account" "unlock my account"
            "get back in" "change it now" "back into my account" resetpassword passwordreset resetpw pwreset
            resetpwd pwdreset setpassword newpassword changepassword forgotpassword lostpassword "pw reset"
            "reset pw" recoverpassword accountrecovery""",
        "magic": """"magic link" "sign me in" "sign in link" passwordless "without a password" "no password"
            "link to sign in" "link to log in" "log in link" "link below to sign" "log in with this link"
            "no need for a password" "don t need a password" "sign in with one click" "log in with one click"
            "sign in with a link" "one click sign in" "one click login" "instant login" "sign in instantly"
            "log in instantly" "this link to log in" "this link to sign in" "signs you in" "logs you in"
            "log you in" "sign you in" "forget passwords" "without password" "no passwords" "one time login"
            "one time link" "let me in" "lets you in" "take me in" "straight into your account"
            "no password needed" "link signs" "enter without" "one tap login" "way in" magiclink magiclogin
            autologin loginlink tokenlogin onetimelogin""",
        "signin": """"sign in" login signin "signing in" "logging in" """,
        "invite": """invitation "accept invitation" "accept invite" "invites you" invited invitations
            "inviting you" "added you" "wants you to join" "like you to join" "asked you to join"
            "asks you to join" rsvp "wants you in" "wants you on" "made you a member" "shared with you"
            "shares with you" invites "you re invited" "you are invited" "wants to share" "want you to join"
            "has invited" "would love you to" "been asked to" invitee joinrequest "gave you access"
            "has given you access" """,
        "join": """join accept "take part" participate""",
        "enter": """""",
        "unsubscribe": """unsubscribe unsubscribing "opt out" optout "no more" "turn off" "remove me"
            "mailing list" "leave this list" "leave the list" "sign off" unsub "don t want to receive"
            "no longer wish" "no longer want" "remove my address" "cancel subscription" "end your subscription"
            "don t want these" "don t want this" "no longer receive" "no longer interested" "not interested"
            "cancel my subscription" "cancel your subscription" "any more mails" "off this list" "off the list"
            "mute these" "end these" "pause these" "take me off" "quit this list" "cancel these"
            "switch them off" "turn them off" "switch these off" "switch off these" "had enough"
            "too many emails" "too many mails" "don t send me" "do not send me" "stop sending" "send me no"
            "don t email me" "do not email me" "stop mails" "stop emails" "stop these" "no more mails"
            "no more emails" "hear from us again" "mute thread" "mute this" "won t write again" "too much mail"
            "leave the mailing" "stop receiving" "stop getting" "quit the list" "delete this alert"
            "remove from list" "manage or unsubscribe" unsubscribed listunsubscribe removeme nomail "no mail"
            "stop mail" optouts unsubscription "no surveys" "no reminders" "fewer mails" """,
        "here": """click here link button continue "get started" "go to" visit tap press yes""",
    },
    "de": {
        "verify": """bestätigen bestätige verifizieren verifiziere aktivieren aktiviere freischalten
            "registrierung abschließen" "anmeldung abschließen" "ja ich" bestätigungslink aktivierungslink
            "bestätigung ihrer e" "bestätigung deiner e" "ohne bestätigung" freizuschalten "meine adresse"
            "adresse stimmt" "anmeldung vollenden" "registrierung fertigstellen" "registrierung vollenden"
            "adresse ihnen gehört" "adresse dir gehört" "ihre adresse ist" "deine adresse ist" "wirklich du"
            "ja anmelden" "trag mich ein" "tragt mich ein" "nehmt mich auf" "das war ich" "ich war das"
            "ja das bin ich" "ja das war ich" aktivierungs* bestätigungs* verifizierungs*
            "registrierung abzuschließen" "anmeldung abzuschließen" "anmeldung fertig" "konto fertig"
            "das ist mein postfach" "mein postfach" "stimmt so" "ja ich möchte" "konto einrichten abschließen"
            "meine mail" "meine e mail" "adresse freigeben" "ja stimmt" bestaetig* verifizierung aktivierung""",
        "step": """"nur noch ein" "noch ein schritt" "letzter schritt" "fast geschafft" "fast fertig"
            "gleich geschafft" "noch ein klick" "ein klick fehlt" "ein letzter klick" "letzter klick"
            "nur ein klick" "ein schritt fehlt" "noch ein letzter" """,
        "reset": """zurücksetzen zurückzusetzen zurücksetzt "neues passwort" "neues kennwort" "passwort ändern"
            "passwort vergessen" "passwort vergeben" "passwort festlegen" "passwort setzen" "kennwort ändern"
            "passwort wählen" passwortänder* "passwort wurde geändert" "kennwort wurde geändert"
            "passwort geändert" "hier zurück" "passwort neu" "zugang wiederherstellen" "konto wiederherstellen"
            "wieder hinein" "anderes passwort" "kennwort vergessen" "passwort erstellen" "kennwort festlegen"
            "neu vergeben" "neues festlegen" zurückgesetzt "zurück setzen" *zurücksetzung "konto entsperren"
            "konto freigeben" "passwort jetzt ändern" "wieder anmelden können" "zugang zurück" zuruecksetz*
            passwortreset "passwort aendern" "passwort waehlen" """,
        "magic": """anmeldelink "ohne passwort" einmallink "magischer link" "direkt anmelden" loginlink
            zugangslink passwortlos* "ohne kennwort" anmeldelinks "kein passwort" "mit einem klick anmelden"
            "mit einem klick einloggen" "diesem link melden" "diesem link kommst" "diesem link kommen"
            "ohne passworteingabe" passwortfrei "sofort anmelden" "direkt einloggen" "link zum anmelden"
            "link zur anmeldung" "link zum einloggen" "anmelde link" "login link" "keine passwörter"
            "kein kennwort" "bist du drin" "bist drin" "sind sie drin" "ohne weitere eingaben"
            "ohne weitere eingabe" "einmal login" einmalzugang einmalanmeldung reinkommen "lass mich rein"
            "ohne kennworteingabe" "zugang für einmal" "direkt in ihr konto" "direkt in dein konto" direktlink
            direktzugang einmallogin""",
        "signin": """einloggen anmelden login angemeldet eingeloggt""",
        "invite": """einladung* eingeladen "einladung annehmen" lädt "dich hinzugefügt" "sie hinzugefügt"
            "möchte mit" einlädt "möchte dich" "möchte sie dabei" teilnahmelink "wurden zur gruppe"
            "wurdest zur gruppe" "wurden zum team" "wurdest zum team" "wurden in die gruppe"
            "wurdest in die gruppe" "teilt mit dir" "teilt mit ihnen" "mit dir geteilt" "mit ihnen geteilt"
            "lädt dich" "lädt sie" "dich aufgenommen" "sie aufgenommen" "nimmt dich auf" "zum mitmachen"
            "fragt ob du" "hat dich ins" "hat sie ins" "hat dir zugriff" "hat ihnen zugriff" "zugriff gegeben" """,
        "join": """beitreten mitmachen teilnehmen annehmen""",
        "enter": """""",
        "unsubscribe": """abmelden abbestellen abmeldung abzumelden abbestellung austragen "keine weiteren"
            abmeldelink "nicht mehr" "keine lust mehr" "abo beenden" "nicht länger" abbestell* "keine post"
            "abo kündigen" abzubestellen "keine mails" "keine e mails" "keine nachrichten" "keine newsletter"
            "benachrichtigungen aus" stummschalten "aus dem verteiler" "von der liste" "post stoppen"
            "genug davon" "zu viele mails" "schalten sie sie ab" "bericht ab" "newsletter ab" "mails ab"
            "benachrichtigungen abschalten" "mails abschalten" "benachrichtigung abschalten"
            "hinweise abschalten" "nichts mehr hören" "nichts mehr von uns" abmelde* "nicht mehr senden"
            "nicht mehr schicken" "nichts mehr schicken" "schickt mir" "nichts mehr von" "schreibt mir nicht"
            "stumm schalten" "zustellung beenden" "alarm löschen" "keine werbung" "keine erinnerungen"
            "keine einladungen" "lasst mich" "keine zusendung" "abonnement beenden" "bezug beenden"
            "kündigen sie den newsletter" "liste verlassen" "aus der liste" "weniger mails" "keine umfragen"
            "keine angebote" "keine hinweise" "keine infos" "keine benachrichtigungen" "hier raus"
            "raus aus der" "mich streichen" "adresse streichen" """,
        "here": """klick* hier link knopf button weiter schaltfläche ja""",
    },
    "fr": {
        "verify": """confirmer confirmez confirme valider validez valide vérifier vérifiez vérification activer
            activez active activation finaliser finalisez "terminer votre inscription"
            "terminez votre inscription" "terminer ton inscription" "lien de confirmation"
            "confirmation de votre adresse" "confirmation de l adresse" "mon adresse" "c est bien moi"
            "terminer mon inscription" "terminer l inscription" "compléter votre inscription" "je m abonne"
            "adresse est la vôtre" "adresse est bien" "adresse est à vous" "adresse vous appartient"
            "boîte est la vôtre" "boîte est bien" "boîte est à vous" "adresse mail est la vôtre" "inscrivez moi"
            "je m inscris" "c est moi" "c était moi" "c est la mienne" "abonnez moi" "lien d activation"
            "lien de validation" "lien de vérification" "finaliser l inscription" "inscription définitive"
            "c est bien mon" "c est mon adresse" "je valide" "j active" "je confirme" "oui c est" "mon e mail"
            "ma boîte" "accepter le changement" "je m y inscris" validation vérif""",
        "step": """"plus qu une" "dernière étape" "encore une étape" "presque terminé" "presque fini"
            "plus qu un clic" "encore un clic" "y êtes presque" "un dernier clic" "dernier clic"
            "un clic encore" "plus qu un pas" """,
        "reset": """réinitialis* "changer mon mot" "changer le mot" "changer de mot" "changer votre mot"
            "modifier mon mot" "modifier le mot" "modifier votre mot" "mot de passe oublié" "choisir un nouveau"
            "choisir un mot" "définir un nouveau" "créer un nouveau" récupérer "mot de passe a été modifié"
            "mot de passe a été changé" "mot de passe modifié" "définir un mot" "définir votre mot"
            "définir mon mot" "en choisir un" "en créer un" "choisissez en un" "retrouver l accès"
            "mot de passe perdu" "nouveau code secret" "changez le mot" "changez votre mot" "modifiez votre mot"
            réinitialisez "autre mot de passe" "nouveau mot" "débloquer mon compte" "débloquer votre compte"
            "déverrouiller mon compte" "retrouver mon accès" "retrouver mon compte" reinit "mdp oublie"
            "nouveau mdp" """,
        "magic": """"lien de connexion" "lien magique" "sans mot de passe" "pas besoin de mot"
            "plus besoin de mot" "connectez vous en un clic" "connexion en un clic" "se connecter en un clic"
            "vous connecter en un clic" "entrer sans mot" "entrez sans mot" "lien pour vous connecter"
            "lien pour entrer" "ce lien vous connecte" "connexion directe" "accès direct" "ouvrir ma session"
            "ouvrir votre session" "pas de mot de passe" "aucun mot de passe" "sans avoir à retenir"
            "un clic et vous y êtes" "accès unique" "connexion immédiate" "entrer directement"
            "laissez moi entrer" "lien unique" """,
        "signin": """"me connecter" "se connecter" "vous connecter" "connectez vous" "connecte moi" connexion
            connecté connectée""",
        "invite": """invitation invité invitée "accepter l invitation" "vous a ajouté" "t a ajouté"
            "vous convie" "t attend" "invités à" "vous a ajoutée" "t a ajoutée" "vous a inscrit"
            "partage avec toi" "partage avec vous" "t invite" "vous invite" "êtes invité" "êtes invitée"
            "es invité" "aimerait t avoir" "souhaite t avoir" "t a donné accès" "vous a donné accès"
            "pense à toi" """,
        "join": """rejoindre rejoignez rejoins accepter participer participiez "je participe" """,
        "enter": """""",
        "unsubscribe": """désabonner désabonnement désabonnez désinscri* "plus recevoir" désabonne stop résilier
            "plus de courriels" "plus envie" "plus de messages" "ne plus être" désactiver "me retirer" stopper
            "plus de mails" "plus de newsletter" "quitter la liste" "plus être informé" "annuler l abonnement"
            "vous retirer" "plus aucun" "arrêter les" "arrêter ces" "arrêtez les" "arrêtez ces" "assez de ces"
            "trop de messages" "trop d e mails" "ne plus recevoir" "ne plus m envoyer" "ne m envoyez plus"
            "n envoyez plus" "retirez moi" "ôtez moi" "couper les" "plus de rappels" "plus d invitations"
            "plus d e mails" "plus rien recevoir" "ne plus être contacté" "quitter cette liste" "se désinscrire"
            "fin de l abonnement" "désactiver cette alerte" "supprimer cette alerte" desabo "stop mail"
            "stop mails" """,
        "here": """cliquez clique cliquer ici lien bouton continuer oui""",
    },
    "es": {
        "verify": """verificar verifica verifique verificación confirmar confirma confirme activar activa active
            activación validar valida valide "completar registro" "completa tu registro"
            "enlace de confirmación" "confirmación de correo" "completar el registro" "completa el registro"
            "finalizar registro" "finalizar el registro" "termina de registrarte" "terminar el registro"
            "mi dirección" confirmarla confírmala confírmelo confirmarlo "sí quiero" "dirección es tuya"
            "dirección es suya" "correo es tuyo" "correo es suyo" "te pertenece" actíval* confírmal* verifícal*
            valídal* "eres tú" suscríbeme apúntame "fui yo" "soy yo" "he sido yo" "completar la suscripción"
            "completa la suscripción" "enlace de activación" "enlace de verificación" "finaliza tu registro"
            "terminar tu registro" "completar tu registro" "es mi correo" "es mi dirección" "sí es mi"
            "sí soy yo" "aceptar el cambio" "mi correo" "mi buzón" "sí me suscribo" "me suscribo" validación""",
        "step": """"ya casi" "casi listo" "casi está" "último paso" "falta un" "un paso más" "solo falta"
            "un último paso" "un clic más" "un último clic" "último clic" "solo un clic" "queda un paso"
            "un clic y listo" """,
        "reset": """restablec* restablezc* "nueva contraseña" "cambiar contraseña" "cambiar la contraseña"
            "cambiar mi contraseña" "cambia tu contraseña" "cambiar tu contraseña" "cambie su contraseña"
            "cambiar su contraseña" "recuperar contraseña" "recuperar la contraseña" "olvidé mi" "olvidado tu"
            "crear contraseña" "elegir una contraseña" "elige una contraseña" "nueva clave"
            "contraseña se cambió" "cambiado tu contraseña" "cambiado su contraseña" "elige otra" "elija otra"
            recuperación "olvidaste tu" "contraseña ha cambiado" "contraseña fue cambiada"
            "contraseña ha sido modificada" "contraseña modificada" "recuperar el acceso" "contraseña nueva"
            "otra contraseña" "contraseña olvidada" olvidaste "crear una nueva" "crea una nueva"
            "volver a entrar" "cambia la contraseña" "cambie la contraseña" "definir contraseña"
            "establecer contraseña" "establece una nueva" "recuperar acceso" "recuperar la cuenta"
            "recuperar tu cuenta" "recuperar mi cuenta" "recuperar clave" "recupera el acceso" "recupera tu"
            "poner una nueva" "pon una nueva" "desbloquear cuenta" "desbloquear mi cuenta"
            "desbloquear tu cuenta" cámbiala cambiarla""",
        "magic": """"enlace mágico" "sin contraseña" "sin claves" "enlace de acceso" "acceso directo" "enlace de inicio"
            "sin clave" "entrar con este enlace" "no necesitas contraseña" "no hace falta contraseña"
            "acceder con un clic" "entrar con un clic" "enlace para entrar" "enlace para acceder"
            "enlace para iniciar" "en tu cuenta directamente" "sin necesidad de contraseña" "ninguna contraseña"
            "sin recordar contraseñas" "no necesita contraseña" "estás dentro" "estarás dentro"
            "acceso de un solo uso" "enlace de un solo uso" "directo a tu cuenta" "entra directamente"
            "déjame entrar" "entrar directamente" """,
        "signin": """"iniciar sesión" "inicia sesión" "inicie sesión" acceder ingresar accede acceso""",
        "invite": """invitación invitaciones invitado invitada "te invita" "le invita" "te ha añadido"
            "te agregó" invitó "quiere que te unas" "te espera en" sumarte "te añadió" "te sumó" "le ha añadido"
            "comparte contigo" "ha compartido contigo" "comparte con usted" "te ha compartido"
            "le gustaría tenerte" "estás invitado" "estás invitada" "te ha incluido" "te han invitado" "te suma"
            "te da acceso" "te ha dado acceso" "quiere contar contigo" "cuenta contigo" """,
        "join": """unirme unirse únete únase aceptar unirte acepta colaborar participar participa colabora""",
        "enter": """entrar entra entre""",
        "unsubscribe": """"cancelar suscripción" "cancelar la suscripción" "cancelar mi suscripción"
            "no recibir" "dejar de recibir" baja desuscrib* desuscripción "anular suscripción"
            "anular la suscripción" "no deseas" "no desea" "no quieres recibir" "no quiere recibir"
            "más correos" "más publicidad" darse borrarme borrarse "quitarme de" "eliminarme de"
            "salir de la lista" "cancela tu suscripción" "cancelar el boletín" "dejar de recibirlos"
            "no me interesa" desactíval* cancélal* "demasiados correos" desactívela "desactivar notificaciones"
            "desactivar las notificaciones" "desactivar avisos" "desactivar estos"
            "desactiva las notificaciones" "desactiva estos" "dejar de recibirlo" "dejar de recibirla"
            "dejar de recibirlas" "no me envíen" "no me lo envíen" "no enviarme" "no me manden"
            "dejen de enviar" sacarme sácame quítame "no más" "dejar la lista" "no volver a recibir"
            "ya no quiero" "dejar de seguir" silenciar "eliminar alerta" "no recibir más" "salir del boletín"
            "dejen de" "no más encuestas" "no más avisos" "sin más avisos" """,
        "here": """clic pulsa pulse aquí enlace botón continuar sí""",
    },
    "it": {
        "verify": """verifica verificare verifichi conferma confermare confermi confermo attiva attivare
            attivazione convalida convalidare "completa la registrazione" "mio indirizzo"
            "completa l iscrizione" "completare la registrazione" "completare l iscrizione"
            "termina la registrazione" finalizza confermalo "sì voglio" confermarla "indirizzo è tuo"
            "indirizzo è suo" "ti appartiene" "le appartiene" attival* confermal* verifical* convalidal*
            "sei tu" "casella è tua" "casella è sua" "casella è davvero" "indirizzo è davvero" "e mail è tua"
            "e mail è sua" "è la mia e mail" "è il mio indirizzo" iscrivimi "sono io" "sono stato io"
            "sono stata io" "ero io" "link di attivazione" "link di conferma" "link di verifica"
            "completa il tuo profilo" "ultimare la registrazione" "finire la registrazione" "è la mia" "sì è"
            "mia casella" "mia e mail" "accetta la modifica" "sì mi iscrivo" "mi iscrivo"
            "completa registrazione" "completa iscrizione" validazione convalid*""",
        "step": """"ci siamo quasi" "ultimo passo" "manca poco" "ancora un passo" "manca solo" "ancora un clic"
            "quasi fatto" "quasi finito" "un ultimo clic" "ultimo clic" "solo un clic" "un passo ancora"
            "ultimo passaggio" """,
        "reset": """reimposta* reimpostare reimpostazione ripristina* "nuova password" "cambia password"
            "cambia la password" "cambiare password" "cambiare la password" "cambia la tua password"
            "recupera password" "recupera la password" "password dimenticata" "scegli una nuova"
            "imposta una nuova" "modifica la password" "dimenticato la password" "hai dimenticato"
            "cambiata la password" "scelga una nuova" "nuova parola" "password modificata"
            "password è stata modificata" "password è stata cambiata" "crearne una nuova" "recupera l accesso"
            "recuperare l accesso" "recupera account" "altra password" "password nuova" "impostane una" cambiala
            "modifica password" "cambi la password" "sceglierne una" recupero "nuova chiave" "sblocca account"
            "sbloccare account" "rientrare nel" "recupera accesso" recuperopassword""",
        "magic": """"link di accesso" "senza password" "accesso rapido" "il link per" "non serve la password"
            "senza digitare la password" "senza la password" "entra con un clic" "accedi con un clic"
            "accesso con un clic" "link per accedere" "link per entrare" "apri la sessione" "accesso diretto"
            "accesso immediato" "niente password" "nessuna password" "non serve password" "senza ricordare"
            "sei dentro" "e sei dentro" "accesso usa" "link usa e getta" "un clic e ci sei"
            "direttamente al tuo account" "fammi entrare" "entra subito" "accedi subito" """,
        "signin": """accedi accedere accesso login""",
        "invite": """invito inviti invitato invitata "ti invita" "accetta l invito" "la invita" "accetta invito"
            "ti ha aggiunto" "ti vuole" "ti aspetta" "vuole invitarti" "ti ha aggiunta" "la ha aggiunta"
            "vi ha aggiunti" "condivide con te" "ha condiviso con te" "condivide con lei" "ti vorrebbe"
            "sei invitato" "sei invitata" "ti ha messo" "ti hanno invitato" "ti ha inserito"
            "ti ha dato accesso" "le ha dato accesso" """,
        "join": """unisciti unirsi partecipa accetta collabora""",
        "enter": """entra entrare""",
        "unsubscribe": """disiscri* cancellati cancellarti "annulla iscrizione" "annulla l iscrizione"
            "non ricevere" "non desideri" "annullare l iscrizione" "cancella iscrizione" "cancella l iscrizione"
            cancellarsi disdici "non scrivetemi" "non scriveteci" "non vuoi più" "non vuole più" disiscriversi
            "più ricevere" togliermi cancellami toglimi toglietemi rimuovimi "dalla lista" "smettere di"
            "non più email" "non mi interessa" "ferma le" "annulla abbonamento" disattival* "troppe email"
            "troppe e mail" "non più messaggi" fermale "disattiva le notifiche" "disattiva notifiche"
            "disattivare le notifiche" "disattivare questi" "disattiva queste" "disattiva gli avvisi"
            "non ricevere più" "non voglio più" "non vuoi più riceverle" "non inviarmi" "non inviarmelo"
            "non mandarmi" "non inviatemi" "basta mail" "basta e mail" "basta messaggi" "esci dalla"
            "uscire dalla" "lascia la lista" "elimina avviso" silenzia "smetti di" "non mi scrivete" "stop alle"
            "basta sondaggi" "basta avvisi" "basta promemoria" """,
        "here": """clicca clicchi cliccare qui link pulsante continua prosegua sì""",
    },
    "pt": {
        "verify": """verificar verifique verifica verificação confirmar confirme confirma confirmo ativar ative
            ativação activar validar valide valida "concluir cadastro" "concluir registo" ativares activares
            confirmares "concluir a inscrição" "finalizar cadastro" "terminar o registo" "link de confirmação"
            "confirmação de e mail" "confirmação de email" "concluir o cadastro" "concluir o registo"
            "completar cadastro" "completar o cadastro" finalize "finalizar o cadastro" "finalizar o registo"
            "meu endereço" "terminar o cadastro" "quero assinar" "ativá la" "endereço é seu" "endereço é teu"
            "e mail é seu" "email é seu" "lhe pertence" "te pertence" "é você" "caixa é sua" "caixa é tua"
            "caixa de entrada é sua" "endereço é mesmo" "e mail é mesmo" "é meu e mail" "é meu sim"
            "inscreva me" "quero me inscrever" "fui eu" "sou eu" "sim sou eu" "quero participar da lista"
            "link de ativação" "link de verificação" "finalizar seu cadastro" "completar seu cadastro"
            "concluir seu cadastro" "é o meu" "sim é" "minha caixa" "meu e mail" "aceitar alteração"
            "quero receber a" "sim quero receber" "conclua o cadastro" "conclua o registo" validação confirmação""",
        "step": """"falta pouco" "só falta" "falta só" "falta apenas" "último passo" "quase lá" "mais um passo"
            "quase pronto" "falta um" "só mais um" "mais um clique" "último clique" "falta só um" """,
        "reset": """redefin* repor reponha "nova senha" "nova palavra passe" "alterar senha" "alterar a senha"
            "alterar palavra passe" "alterar a palavra" "mudar a senha" "trocar a senha" "trocar senha" esqueci
            "criar nova" "criar uma nova" redefinição "alterar sua senha" "definir nova" "palavra passe nova"
            "senha alterada" esqueceu "senha foi alterada" "palavra passe foi alterada" "recuperar acesso"
            "outra senha" "senha nova" "definir uma nova" "definir senha" "definir palavra" "escolha uma nova"
            "crie uma nova" "trocar a palavra" "mudar a palavra" "senha esquecida" "troque a senha"
            "altere a senha" "altere a palavra" "recuperar a senha" "recuperar senha" "recuperar a conta"
            "recuperar conta" "recuperar a palavra" "recuperação de conta" "recuperação de senha"
            "recuperar o acesso" recupere "outra palavra" "desbloquear conta" "desbloquear a conta"
            "desbloquear minha conta" recuperacao""",
        "magic": """"link mágico" "link de acesso" "sem senha" "sem palavra passe" "ligação de acesso"
            "não precisa de senha" "não precisas de palavra" "iniciar sessão com um clique"
            "entrar com um clique" "entre com um clique" "link para entrar" "ligação para entrar"
            "acesso direto" "sem precisar de senha" "link de login" "sessão sem" "nada de senha" "nenhuma senha"
            "não precisa de palavra" "não é preciso senha" "sem lembrar" "acesso de uso único" "acesso único"
            "direto para a sua conta" "um clique e está dentro" "entrar direto" "link de uso único" """,
        "signin": """acessar aceder "iniciar sessão" "inicie sessão" acesse aceda""",
        "invite": """convite convites convidado convidada convidou convida "aceitar convite" adicionou
            "quer que participe" "chamou você" "adicionado ao grupo" "adicionada ao grupo"
            "compartilhou com você" "partilhou contigo" "partilhou consigo" "gostaria de ter você"
            "está convidado" "está convidada" "colocou você" "te convidou" "convidou te" "deu acesso a você"
            "deu te acesso" "conta com você" """,
        "join": """aceitar participar juntar junte aceite participe participa""",
        "enter": """entrar entre entra""",
        "unsubscribe": """"cancelar inscrição" "cancelar a inscrição" "cancelar subscrição"
            "cancelar a subscrição" "cancelar assinatura" "cancelar a assinatura" descadastr* "não receber"
            "deixar de receber" "sair da lista" "anular subscrição" "anular a subscrição" desinscrever remova
            "não deseja" "não quer receber" "não quer mais" "mais e mails" "tire meu" "parar os"
            "quero mais receber" "quero receber" "retirar meu" "cancelar o boletim" "cancelar newsletter"
            "cancele a" "cancele sua" "parar de" "me tire" "retire me" "anular inscrição" "não me interessa"
            "deixe de" "sair desta lista" "remover meu" "remover me" "remover o meu" "desative os" "desative as"
            "e mails demais" "demasiados e mails" "desativar notificações" "desativar as notificações"
            "desativar estes" "desativar avisos" "não quero mais receber" "não quero receber" "não me envie"
            "não me enviem" "não enviar mais" "parem de enviar" "chega de" "tirar me" "tirem me"
            "sair do boletim" "excluir alerta" "eliminar alerta" "não receber mais" "deixar a lista" silenciar
            "parar de receber" "sair do grupo de e" "chega de avisos" "sem mais avisos" """,
        "here": """clique clica aqui link botão ligação continuar sim""",
    },
    "nl": {
        "verify": """bevestig bevestigen verifieer verifiëren verificatie activeer activeren activatie
            activering "registratie voltooien" "aanmelding afronden" bevestigingslink "bevestiging van je e"
            "bevestiging e mail" "registratie afronden" "aanmelding voltooien" "inschrijving afronden"
            "mijn adres" "rond je registratie" "voltooi je" "rond je aanmelding" "maak je account af"
            "ja ik wil" "adres van jou" "adres van u" "adres is van" "adres klopt" "jij het bent" "u het bent"
            "schrijf me in" "meld me aan" "dit was ik" "ik was het" "dat was ik" "dit ben ik" activatie*
            verificatie* bevestigings* "registratie te voltooien" "aanmelding te voltooien"
            "inschrijving te voltooien" "voltooi uw" "ja dat ben ik" "mijn mailbox" "mijn mail" "klopt dit"
            "dit klopt" "wijziging goedkeuren" "ja dit is" "ja schrijf me" bevestiging""",
        "step": """"bijna klaar" "nog één" "laatste stap" "laatste stapje" "bijna gelukt" "nog een klik" "bijna zover"
            "nog één stap" "laatste klik" "nog maar één" """,
        "reset": """resetten "opnieuw instellen" "nieuw wachtwoord" "wachtwoord wijzigen" "wachtwoord vergeten"
            "wijzig je wachtwoord" "wijzig uw wachtwoord" "wachtwoord instellen" herstel herstellen
            "wachtwoord veranderen" "kies een nieuw" "wachtwoord opnieuw" "wachtwoord kwijt" "nieuw ww"
            "wachtwoord is gewijzigd" "wachtwoord gewijzigd" "wachtwoord is veranderd" "ander wachtwoord"
            "wachtwoord vernieuwen" "nieuw instellen" "wachtwoord kiezen" "maak een nieuw" "stel een nieuw"
            "stel opnieuw" "weer toegang" "kies een ander" herstellink resetlink "account deblokkeren"
            "toegang terug" wachtwoordreset wachtwoordherstel""",
        "magic": """inloglink "zonder wachtwoord" "magische link" "log me in" "zonder ww" "geen wachtwoord"
            "aan met één klik" "met één klik inloggen" "direct inloggen" "link om in te loggen" "log direct in"
            "meteen ingelogd" "inloggen zonder" aanmeldlink loginlink "wachtwoord is niet" "ben je binnen"
            "bent u binnen" "je bent binnen" "eenmalige toegang" "eenmalige link" "laat me binnen"
            "rechtstreeks naar je account" "meteen naar binnen" "eenmalige inlog" toegangslink""",
        "signin": """inloggen "log in" aanmelden ingelogd inlogt""",
        "invite": """uitnodiging* uitgenodigd "nodigt je" "nodigt u" "je uit voor" "u uit voor" "wil je erbij"
            "wil je uitnodigen" "vraagt je" "heeft je toegevoegd" "heeft u toegevoegd" "toegevoegd aan de groep"
            "deelt met je" "deelt met u" "heeft met je gedeeld" "heeft je graag" "bent uitgenodigd"
            "je bent uitgenodigd" "heeft je in" "met je gedeeld" "heeft je toegang" "gaf je toegang" """,
        "join": """"word lid" deelnemen "doe mee" "sluit je aan" accepteren toetreden meedoen "ik doe mee"
            meewerken""",
        "enter": """""",
        "unsubscribe": """afmelden uitschrijven uitschrijving afmelding "meld je af" "meld u af"
            "schrijf je uit" "schrijf u uit" "niet meer" "geen mails" "geen e mails" opzeggen "geen nieuwsbrief"
            "wil je geen" "wilt u geen" "niet langer" "haal mij" "haal me" "van de lijst" "geen meldingen"
            "abonnement stoppen" "geen post" "zet uit" "geen interesse" "geen berichten" "zet ze uit"
            "zet deze uit" "te veel mails" "schakel ze uit" "genoeg van" "meldingen uitzetten"
            "meldingen uitschakelen" "mails stopzetten" "deze mails uit" afmeldlink uitschrijflink
            "niet meer sturen" "stuur mij geen" "stuur me geen" "niet meer mailen" "geen post meer"
            "haal mij eraf" "alert verwijderen" "lijst verlaten" "van deze lijst" "stop met" "mail mij niet"
            "niets meer" stopzetten "geen enquêtes" "geen herinneringen" "geen uitnodigingen"
            "geen aanbiedingen" """,
        "here": """klik klikken hier link knop doorgaan ga ja""",
    },
    "pl": {
        "verify": """potwierdzam zweryfikuj zweryfikować weryfikacja weryfikuj aktywuj aktywować aktywacja
            aktywacyjny "dokończ rejestrację" "potwierdzenie adresu" "link potwierdzający" "mój adres"
            "zakończ rejestrację" "dokończyć rejestrację" "ukończ rejestrację" zatwierdź "tak chcę" aktywuję
            weryfikuję "potwierdź adres" "potwierdź swój" "potwierdź e" "potwierdź konto"
            "potwierdź rejestrację" "potwierdź zapis" "potwierdź subskrypcję" "potwierdzić adres"
            "potwierdzić e" "potwierdzić rejestrację" "potwierdzić swój" "potwierdzić konto" "potwierdzić zapis"
            "potwierdź zapisanie" "potwierdź prenumeratę" "adres należy" "to twój adres" "adres jest twój"
            "zapisz mnie" "to ja" "to byłem ja" "to byłam ja" "twoja skrzynka" "to moja skrzynka"
            "link aktywacyjny" "link weryfikacyjny" "dokończenia rejestracji" "ukończyć rejestrację"
            "zakończyć rejestrację" "tak to ja" "moja skrzynka" "mój e mail" "to mój adres" "tak potwierdzam"
            "zapisuję się" "to moja" zatwierdzam potwierdz potwierdzenie aktywuj* aktywac* weryfik*""",
        "step": """"prawie gotowe" "jeszcze jeden" "ostatni krok" "już prawie" "jeszcze tylko" "został jeden"
            "jeszcze jedno kliknięcie" "ostatnie kliknięcie" "jeden krok" "jeszcze krok" "jeszcze jeden krok" """,
        "reset": """zresetuj resetuj zresetować resetowanie "nowe hasło" "zmień hasło" "zmienić hasło"
            "zmiana hasła" odzyskać odzyskaj "ustaw hasło" "ustaw nowe" "ustawić nowe" "nie pamiętasz hasła"
            reset "hasło zostało zmienione" "hasło zmienione" "utwórz nowe" "wybierz nowe" "inne hasło"
            "hasło od nowa" "nadaj nowe" "przywróć dostęp" "ustaw je" "nadać nowe" "zapomniane hasło"
            "zapomniałeś hasła" "wymyśl nowe" "zmień je" "odblokuj konto" "odblokować konto" "odzyskać dostęp"
            "nowe haslo" "zmien haslo" "zmiana hasla" "reset hasla" "haslo nowe" "haslo reset" "ustaw haslo" """,
        "magic": """"magiczny link" "zaloguj mnie" "bez hasła" "link do logowania" "hasło nie jest"
            "nie potrzebujesz hasła"
            "zaloguj się jednym" "zalogować się jednym" "logowanie jednym" "wejdź bez" "wejść bez"
            "logowanie bez" "link logujący" "link do wejścia" "odnośnik do logowania" "zalogować bez"
            "nie potrzeba hasła" "hasło niepotrzebne" "hasło nie będzie" "żadnego hasła" "bez haseł"
            "jednorazowy dostęp" "jednorazowy link" "wpuść mnie" "bezpośrednio na konto" "wpuści cię"
            "link dostępu" "wejście bez" "jednorazowe logowanie" """,
        "signin": """zaloguj zalogować logowanie logowania zalogujemy zalogowany zalogowana""",
        "invite": """zaproszenie zaproszenia zaprasza zaprosił zaprosiła "przyjmij zaproszenie" "dodał cię"
            "dodała cię" "jesteś zaproszony" "jesteś zaproszona" zaproszono "dodał panią" "dodał pana"
            "dzieli się z tobą" "udostępnił ci" "udostępniła ci" "chciałby cię" "chciałaby cię"
            "chce cię widzieć" "zostałeś zaproszony" "zostałaś zaproszona" "zaprasza cię" zaprosz*
            "dał ci dostęp" "dała ci dostęp" """,
        "join": """dołącz dołączyć przyjmij zaakceptuj dołączam współpracuj dolacz""",
        "enter": """""",
        "unsubscribe": """wypisz wypisać zrezygnuj rezygnuję rezygnacja "anuluj subskrypcję" wyrejestruj
            odsubskryb* wypisuję zrezygnować "nie chcesz" "nie chce" "przestać otrzymywać" "usuń mnie" "z listy"
            "nie przysyłajcie" "koniec z" "zakończ subskrypcję" "bez powiadomień" "wyłącz je" "wyłączyć je"
            "za dużo wiadomości" "za dużo maili" "dość tych" "wyłącz powiadomienia" "wyłączyć powiadomienia"
            "wyłącz te" "nie wysyłaj" "nie wysyłajcie" "nie przysyłaj" "przestań wysyłać" "nie chcę więcej"
            "nie chcę otrzymywać" "nie wysyłać" "opuść listę" "usuń alert" "wyłącz alert" wycisz "koniec listów"
            "już nie chcę" wypis""",
        "here": """kliknij kliknąć tutaj tu link przycisk odnośnik dalej tak""",
    },
    "sv": {
        "verify": """bekräfta bekräftar verifiera verifiering aktivera aktivering "slutför registreringen"
            "slutföra registreringen" "bekräftelse av e" bekräftelselänk "min adress" "gör klart" "slutför din"
            "slutför registrering" "adressen är din" "adressen tillhör" "det är du" "anmäl mig" "det var jag"
            "det är jag" "din inkorg" "min inkorg" aktivering* verifiering* bekräftelselänken
            "slutföra din registrering" fullborda färdigställ "min mejl" "min e post" "det stämmer"
            "ja jag vill" "slutför min" "min brevlåda" "godkänn adressen" validera""",
        "step": """"nästan klart" "nästan klar" "ett steg kvar" "ett klick kvar" "sista steget" "bara ett"
            "snart klart" "ett klick till" "sista klicket" "ett steg till" "bara ett klick" "ett sista klick" """,
        "reset": """återställ återställa återställning "nytt lösenord" "byt lösenord" "byta lösenord"
            "ändra lösenord" "glömt lösenord" "välj ett nytt" "skapa nytt" "ändra lösenordet" "byt lösenordet"
            nollställ "lösenord har ändrats" "lösenordet har ändrats" "lösenordet är ändrat" "sätt ett nytt"
            "välja ett nytt" "skapa ett nytt" "annat lösenord" återfå "lösenordet igen" "byt det"
            "välj ett annat" "ställ in ett nytt" "ange ett nytt" återställning* "lås upp kontot"
            "låsa upp kontot" "lås upp ditt" """,
        "magic": """inloggningslänk "utan lösenord" "magisk länk" "inget lösenord" "logga in med ett klick"
            "logga in med länk" "logga in direkt" "länk för att logga" "inloggning utan" direktlänk
            "slipper lösenord" "behöver inte lösenord" "inga lösenord" engångslänk engångsinloggning
            "släpp in mig" "rakt in på" "direkt in på" "kommer du in" "ett klick och du är inne" """,
        "signin": """"logga in" inloggning loggas""",
        "invite": """inbjudan inbjuden bjuder "bjudit in" "acceptera inbjudan" tillagd "vill ha med"
            "lagt till dig" "har blivit inbjuden" "vill bjuda" "bjöd in" "dig i gruppen" "lade till dig"
            "delar med dig" "har delat med dig" "vill ha dig" "ha dig med" "du är bjuden" "du är inbjuden"
            "har lagt dig" "gett dig åtkomst" "gav dig tillgång" "gett dig tillgång" """,
        "join": """"gå med" "tacka ja" delta anslut acceptera medverka "jag är med" """,
        "enter": """""",
        "unsubscribe": """avregistrera avprenumerera "inte längre" "sluta få" slippa avanmäl* avanmäl avanmälan
            "säg upp" "inga fler" "vill du inte" "vill inte ha" avbeställ "avsluta prenumerationen"
            "ta bort mig" "från listan" "inte ha fler" slipp "sluta skicka" "ej längre" "säga upp"
            "inga utskick" "färre mejl" avbeställa "avsluta prenumeration" "avsluta utskick"
            "avsluta nyhetsbrevet" "stäng av dem" "stäng av utskicken" "för många mejl" "nog av"
            "stäng av aviseringar" "stäng av notiser" "stänga av aviseringar" "stäng av mejlen" avregistrering*
            "skicka inte" "skicka inga" "lämna listan" "radera bevakningen" "ta bort bevakningen" "sluta mejla"
            "mejla mig inte" "stoppa utskicken" tysta "bort från" "inga enkäter" "inga påminnelser"
            "inga erbjudanden" """,
        "here": """klicka här länk länken knappen fortsätt ja""",
    },
    "tr": {
        "verify": """doğrula* onayla* onaylıyorum etkinleştir* aktifleştir* aktivasyon "kaydı tamamla"
            "kaydınızı tamamlayın" "kaydınızı tamamlamak" "kaydını tamamla" "kaydı tamamlayın" "benim adresim"
            "üyeliği tamamla" "üyeliğini tamamla" teyit aktive "sana ait" "size ait" "sizin olduğunu"
            "senin olduğunu" "aktif et" "aktif edin" bendim "evet benim" "benim e postam" "beni kaydet"
            "üyeliğini tamamlamak" "üyeliğinizi tamamlamak" "kaydını tamamlamak" "üyeliğinizi tamamlayın"
            "aktivasyon bağlantısı" "bu benim" "adresim doğru" "e postam" "evet ben" "kaydımı tamamla"
            "üye olmayı tamamla" "üyeliğimi tamamla" "posta kutum" """,
        "step": """"son bir adım" "az kaldı" "son adım" "bir adım kaldı" "neredeyse tamam" "neredeyse bitti"
            "tek adım" "bir tık daha" "son bir tık" "bir adım daha" "son tık" "tek tık kaldı" """,
        "reset": """sıfırla* "yeni şifre" "yeni parola" "şifremi unuttum" "şifre değiştir" "şifreyi değiştir"
            "şifreni değiştir" "şifrenizi değiştirin" "parola değiştir" "parolanı değiştir" "şifremi değiştir"
            "yeni bir şifre" "yeni bir parola" "şifreniz değiştirildi" "parolanız değiştirildi"
            "şifreniz değişti" kurtar kurtarın "başka bir şifre" "şifre oluştur" "parola oluştur"
            "parola belirle" "şifre belirle" "şifreni yenile" "erişimi geri" "şifrenizi yenileyin"
            "parolanızı yenileyin" "parolanı yenile" "şifreyi yenile" "şifre yenileme" "parola yenileme"
            "başka bir parola" "hesabın kilidini" "hesap kilidini" "kilidi aç" sifirla* "sifre yenile" """,
        "magic": """"giriş bağlantısı" "sihirli bağlantı" şifresiz "şifre olmadan" "giriş linki"
            "şifre gerekmez" "şifreye gerek yok" parolasız "tek tıkla giriş" "tek tıkla gir" "parola olmadan"
            "şifre girmeden" "parola girmeden" "doğrudan giriş" "giriş yapmak için bu bağlantı"
            "giriş bağlantın" "parola gerekmez" "şifreye ihtiyaç" "şifre gerekmiyor" "parola gerekmiyor"
            "hesabını doğrudan açar" "hesabınızı doğrudan açar" "tek kullanımlık bağlantı"
            "tek kullanımlık giriş" "içeri al" "doğrudan hesabına" "doğrudan hesabınıza" "şifre istemeden" """,
        "signin": """giriş gir girin oturum oturumun oturumunuz""",
        "invite": """davet daveti davetiye davetini "daveti kabul" "seni ekledi" "sizi ekledi" davetlisin
            davetlisiniz davetiniz "katılmanı istiyor" "listesine ekledi" "grubuna ekledi" "ekibine ekledi"
            "projesine ekledi" "seninle paylaştı" "sizinle paylaştı" "seni görmek istiyor" "sizi görmek istiyor"
            "seni çağırıyor" "sizi çağırıyor" "davet etti" "davet ediyor" "davet edildin" "davet edildiniz"
            "erişim verdi" """,
        "join": """katıl katılın katılmak kabul katılıyorum katil""",
        "enter": """""",
        "unsubscribe": """"aboneliği iptal" "aboneliğini iptal" "aboneliğimi iptal" abonelikten "listeden çık"
            "e posta alma" "listeden ayrıl" "artık almak" çıkmak bırakmak "listeden çıkın" istemiyorsanız
            istemiyorum "almayı bırak" "artık gönderme" "posta gönderme" "bülten iptali" "üyelikten çık"
            "bildirimleri kapat" "bildirimleri kapatın" "bildirimlerini iptal" "bildirimleri iptal"
            "bülteni iptal" "üyeliği iptal" "postaları iptal" "çok fazla e" "bunları kapat" "gönderimi durdur"
            "raporları kapat" "bildirimleri durdur" "bir daha gönderme" göndermeyin gönderme "beni çıkar"
            "beni listeden" "alarmı sil" "artık istemiyorum" "bana yazma" "bana yazmayın" "sessize al"
            "bildirim alma" "almak istemiyorum" "bülteni bırak" "abonelikten cik" "listeden cik" gelmesin""",
        "here": """tıkla tıklayın tıklayınız buraya buradan bağlantı bağlantıya bağlantıyı düğme devam evet""",
    },
    "ru": {
        "verify": """подтверд* подтвержд* активир* активац* "завершить регистрацию" верифик*
            "завершите регистрацию" "завершения регистрации" "мой адрес" верифицир* "завершить подписку"
            "закончить регистрацию" "закончите регистрацию" активируй* "да хочу" "адрес ваш" "почта ваша"
            "принадлежит вам" "ваш адрес настоящий" "это я" "это был я" "это была я" "подпишите меня" "ящик ваш"
            "моя почта" "почтовый ящик ваш" "ссылка активации" "окончания регистрации" "мой ящик" "да это"
            "да верно" "это мой" "завершить создание" подписываюсь подпишусь podtverd* podtverzhd* aktivats*
            aktivac*""",
        "step": """"остался один" "почти готово" "последний шаг" "ещё один шаг" "осталось чуть" "один шаг"
            "один клик" "почти всё" "ещё один клик" "последний клик" "ещё шаг" "остался шаг" """,
        "reset": """сброс* "новый пароль" "изменить пароль" "сменить пароль" "смените пароль" "забыли пароль"
            восстанов* "смена пароля" "задать пароль" "задайте новый" "придумайте новый" "измените пароль"
            "задать новый" "придумать новый" "пароль изменен" "пароль был изменён" "другой пароль"
            "придумать пароль" "установить новый" "установите новый" "вернуть доступ" "поменять пароль"
            "поменяйте пароль" "обновить пароль" "создайте новый" "задать другой" разблокир* sbros* vosstanov*
            "novyj parol" "novyi parol" "novyy parol" "smena parolya" """,
        "magic": """"ссылка для входа" "ссылке для входа" "волшебная ссылка" "магическая ссылка"
            "пароль не нужен" "войти в один клик" "войти одним" "вход в один клик" "вход по ссылке"
            "войти по ссылке" "войдёте без" "авторизоваться без" "пароль не понадобится" "пароль не потребуется"
            "пароли не нужны" "никаких паролей" "одноразовая ссылка" "разовая ссылка" "впустит вас"
            "прямо в аккаунт" "сразу в аккаунт" "мгновенный вход" "быстрый вход" "вход без" """,
        "signin": """войти войдите вход входа""",
        "invite": """приглаш* "принять приглашение" "добавил вас" "добавила вас" зовёт пригласил* пригласи*
            "ждет вас" "добавил тебя" "добавила тебя" "добавили вас" "поделился с вами" "поделилась с вами"
            "хочет видеть вас" "зовет вас" "делится с вами" "вас пригласили" "включил вас" priglas* prigl
            "дал вам доступ" "дала вам доступ" "открыл вам доступ" """,
        "join": """присоедин* вступить принять участвовать "принять участие" vstupit prisoedin*""",
        "enter": """""",
        "unsubscribe": """отписаться отпишитесь отписка отписки "отказаться от" "не получать" "больше не"
            отписать отписк* отпис* "не хотите" "удалить меня" "удалите меня" "из списка" "отменить подписку"
            "отмена подписки" "не присылать" "не присылайте" "остановить рассылку" "отказ от" "отключите их"
            "отключить их" "слишком много писем" "надоели письма" "отключить уведомления"
            "отключите уведомления" "отключить рассылку" "отключить письма" "больше не присылать" "не шлите"
            "не отправлять" "не хочу получать" "не хочу больше" "не писать" "не пишите" "уберите меня"
            "убрать из" "выйти из" "удалить оповещение" "без рассылки" заглушить "прекратить рассылку" otpis*
            "ne pisat" "ne prisylat" "не надо больше" "хватит писем" "без опросов" "без напоминаний" """,
        "here": """нажмите перейдите здесь сюда ссылке ссылку ссылка кнопку продолжить да""",
    },
    "uk": {
        "verify": """підтверд* підтвердж* активу* активац* "завершити реєстрацію" верифік*
            "завершіть реєстрацію" "завершення реєстрації" "моя адреса" "моя пошта" верифіку*
            "завершити підписку" "закінчити реєстрацію" активуй* "адреса ваша" "пошта ваша" "належить вам"
            "це я" "це був я" "це була я" "підпишіть мене" "скринька ваша" "моя скринька"
            "закінчення реєстрації" "так це" "так правильно" "це моя" "це мій" підписуюся "завершити створення"
            pidtverd* aktyvats* aktyvac*""",
        "step": """"лишився один" "залишився один" "майже готово" "останній крок" "ще один крок" "один крок"
            "майже все" "ще один клік" "останній клік" "залишився крок" "лишився крок" "ще крок" """,
        "reset": """скин* "новий пароль" "змінити пароль" "змініть пароль" "забули пароль" віднов*
            "зміна пароля" "задати пароль" "встановити новий" "скидання пароля" "задати новий"
            "придумайте новий" "пароль змінено" "пароль було змінено" "інший пароль" "встановити пароль"
            "встановіть новий" "повернути доступ" "створіть новий" "оновити пароль" "придумати новий"
            "задати інший" вигадайте розблок* skyd* vidnov* "novyi parol" "novyj parol" "zmina parolia" """,
        "magic": """"посилання для входу" "посиланням для входу" "без пароля" "чарівне посилання"
            "пароль не потрібен" "без паролю" "увійти в один" "увійти одним" "вхід в один" "вхід за посиланням"
            "увійти за посиланням" "увійдете без" "авторизуватися без" "пароль не знадобиться"
            "паролі не потрібні" "жодних паролів" "пароль не потрібний" "одноразове посилання"
            "разове посилання" "впустить вас" "просто в акаунт" "одразу в акаунт" "миттєвий вхід" "швидкий вхід"
            "вхід без" """,
        "signin": """увійти увійдіть вхід входу""",
        "invite": """запрош* запрос* "прийняти запрошення" "додав вас" "додала вас" кличе запроси*
            "чекає на вас" "додав тебе" "додала тебе" "додали вас" "поділився з вами" "поділилася з вами"
            "хоче бачити вас" "кличе вас" "ділиться з вами" "вас запросили" "включив вас" zaprosh*
            "надав вам доступ" "надала вам доступ" """,
        "join": """приєдн* долуч* прийняти "взяти участь" участь долучитися dolucht* pryiedna*""",
        "enter": """""",
        "unsubscribe": """відписатися відписатись відпишіться відписка відписки "не отримувати" "більше не"
            "відмовитися від" "скасувати підписку" відпис* "не хочете" "видалити мене" "зі списку"
            "скасування підписки" "не надсилати" "не надсилайте" "зупинити розсилку" "відмова від"
            "відмовитись від" "вимкніть їх" "вимкнути їх" "забагато листів" "набридли листи"
            "вимкнути сповіщення" "вимкніть сповіщення" "вимкнути розсилку" "вимкнути листи"
            "більше не надсилати" "не шліть" "не відправляти" "не хочу отримувати" "не хочу більше" "не писати"
            "не пишіть" "приберіть мене" "вийти з" "вийти зі" "видалити сповіщення" заглушити
            "припинити розсилку" vidpys* "ne pysaty" "без опитувань" "без нагадувань" """,
        "here": """натисніть перейдіть тут сюди посилання посиланням кнопку продовжити так""",
    },
    "ja": {
        "verify": """認証する メールアドレスの確認 有効にする 有効化 本登録 登録を完了 アドレスを認証 認証を完了
            確認を完了 登録を確認 メール認証 アドレス確認 登録完了 承認する メールアドレス認証 登録を確定
            本人確認をする 登録します アクティベート メール確認 アドレスの認証 購読を確認 申し込みを確定
            アドレスを確認 認証を行う ご本人のもの ご本人であること 有効にしてください メールアドレスをご確認
            アドレスをご確認 私です ご自身のメール 登録手続き 会員登録を完了 手続きを完了 ご登録を完了
            本会員登録 申込手続き 有効化する 私のアドレス 私のメール はい私 確認しました 登録を続ける 購読します
            アドレスを承認 変更を承認 アドレス変更を承認 変更を確定 ninsho ninshou hontouroku yuukouka""",
        "step": """あと一歩 あと少し もう少しで 最後のステップ あとワンクリック 仮登録 クリックでアカウント
            あとワンステップ 最後のクリック あと一回""",
        "reset": """再設定 リセット 新しいパスワード パスワードを変更 パスワード変更 パスワードの変更
            パスワードをお忘れ 再発行 パスワードを設定 パスワードの設定 パスワードが変更 アカウントを復旧
            アカウント復旧 パスワードを忘れた パスワードの再登録 パスワード再登録 パスワードを再登録
            アカウントの復元 別のパスワード ロックを解除 ロック解除 ロックの解除 アカウントの解除 saisettei
            "password saihakkou" """,
        "magic": """マジックリンク パスワードなし パスワード不要 ログインリンク ログイン用リンク ログインurl
            ワンクリックでログイン ワンクリックログイン パスワードを入力せず パスワード入力なし
            リンクからログイン 自動ログイン パスワードレス すぐにログイン パスワードは要りません
            パスワードは不要 パスワードは必要 パスワードを使わず パスワードを覚える ワンタイムリンク
            一回限りのリンク 1回限りのリンク ワンタップでログイン パスワードなしで すぐに入れます
            ログイン専用リンク かんたんログイン""",
        "signin": """ログイン サインイン""",
        "invite": """招待 に追加しました に追加されました メンバーに さんが共有しました を共有しています
            に加えました に誘って からのお誘い 参加依頼 共有リスト shoutai shotai アクセス権を""",
        "join": """参加 加わる sanka""",
        "enter": """""",
        "unsubscribe": """配信停止 配信を停止 メール停止 受信を停止 退会 受け取らない 解除 受信拒否 配信不要
            今後メール 購読をやめる 通知をオフ 受け取りを停止 送信停止 配信を希望しない 受信しない 購読を停止
            購読停止 配信の停止 メールの停止 配信をやめる 今後の配信 不要な方 不要の方 受け取りたくない
            希望されない もう送らない 送らないで 今後は送らない 送付を希望しない メールが多 もう受け取ら
            配信を終了 購読を終了 購読を解除 購読解除 登録解除 受信をやめる 通知を止める 通知をやめる
            お知らせを止める メールを止める 今後受け取ら リストから削除 リストから外 teishi haishinteishi kaijo
            taikai kaiyaku jushinkyohi 今後は不要 今後不要""",
        "here": """クリック こちら リンク ボタン 下記url 次のurl タップ はい""",
    },
    "ko": {
        "verify": """인증하기 이메일인증 "주소 인증" "이메일 확인" "주소 확인" 활성화 "가입 완료" "가입을 완료"
            "인증을 완료" "구독 확인" "제 주소" "본인 확인" "가입을 마치" "가입 마치기" "메일 인증"
            "주소를 확인" "이메일을 확인" "인증 완료" "구독을 확인" "본인 것" "본인의 것" "본인이 맞" "제 메일"
            저예요 "저 맞아요" "본인 메일" "가입을 마무리" "가입 인증" "가입을 확정" "가입 확인" "인증을 진행"
            "인증 링크" "등록을 완료" "회원가입을 완료" "회원 가입을 완료" "제 이메일" "네 맞" "네 저"
            "등록 완료" 구독합니다 "변경을 승인" "변경 승인" "이메일 인증" injeung""",
        "step": """"한 단계만" "거의 다" "마지막 단계" "한 단계 남" "한 걸음" "한 번만 더" "한 번만 더 누르"
            "마지막 클릭" "클릭 한 번 남" """,
        "reset": """재설정 초기화 "새 비밀번호" "비밀번호 변경" "비밀번호를 변경" "비밀번호 찾기"
            "비밀번호를 설정" "비밀번호 설정" "비밀번호가 변경" "계정 복구" "비밀번호를 다시" "비밀번호 만들기"
            "비밀번호를 잊" "다른 비밀번호" "비밀번호를 새로" "잠금 해제" "잠금을 해제" jaeseoljeong""",
        "magic": """"매직 링크" "비밀번호 없이" "로그인 링크" "한 번에 로그인" "바로 로그인" "원클릭 로그인"
            "비밀번호를 입력하지" "로그인할 수 있는 링크" "클릭 한 번으로 로그인" "링크로 로그인"
            "로그인용 링크" "간편 로그인" "비밀번호가 필요 없" "비밀번호는 필요 없" "비밀번호가 필요하지"
            "비밀번호 필요 없" "일회용 링크" "일회용 로그인" "원터치 로그인" "바로 접속" "비밀번호 입력 없이"
            간편로그인 "즉시 로그인" """,
        "signin": """로그인""",
        "invite": """초대 "목록에 추가" "그룹에 추가" "팀에 추가" "님을 추가" "님이 공유했" 함께하자 "함께 하자"
            초대했 초대합니다 "님이 초대" "팀에 추가했" chodae "액세스 권한" "권한을 부여" """,
        "join": """수락 참여 합류 참가""",
        "enter": """""",
        "unsubscribe": """수신거부 "수신 거부" "구독 취소" 구독취소 "구독 해지" 구독해지 "수신 해지" "받지 않"
            "알림 끄기" "수신을 원하지" "원치 않" "알림 그만" "그만 받기" "수신 중단" "알림을 끄" "구독을 취소"
            "구독을 해지" "수신을 거부" "수신 해제" "그만 보내" 구독해제 "구독 해제" "수신을 중단" "더 이상 받"
            "더 이상 원하지" "원하지 않으" "받고 싶지 않" "보내지 않" "보내지 마" "그만 받" "메일이 너무"
            "알림 해제" "목록에서 빼" "목록에서 삭제" "소식 그만" "수신 취소" "메일 그만" "다시 보내지"
            "알림 삭제" susingeobu haeji "gudok haeji" "받지 않을" "안 받을" """,
        "here": """클릭 여기 링크 버튼 누르 눌러 계속""",
    },
    "zh": {
        "verify": """驗證信箱 驗證您的 确认邮箱 確認信箱 激活 启用 啟用 完成注册 完成註冊 确认您的 確認您的
            驗證電子 确认订阅 確認訂閱 確認電子 确认电子 点击验证 立即驗證 确认地址 驗證郵件 验证 点此确认
            點此確認 完成訂閱 这是我的邮箱 這是我的信箱 完成驗證 認證信箱 认证邮箱 确认注册 確認註冊 是您的邮箱
            是你的邮箱 是您的信箱 是您本人的邮箱 属于您 屬於您 是我本人 是我操作 是我的 完成验证 注册链接
            激活链接 驗證連結 验证链接 完成激活 完成認證 完成认证 我的邮箱 我的信箱 确认变更 確認變更 确认更改
            同意变更 我要订阅 我要訂閱 完成登记 驗證帳 验证账 yanzheng jihuo""",
        "step": """还差一步 還差一步 最后一步 最後一步 快好了 只差一步 即将完成 即將完成 还剩一步 再点一下
            再點一下 最后一次点击 就差一步 还差最后 還差最後""",
        "reset": """重置 重設 重设 新密码 新密碼 修改密码 修改密碼 更改密码 變更密碼 找回密码 忘记密码 忘記密碼
            更改密碼 重新设置 重新設定 密码已修改 密碼已變更 密码已更改 恢复账户 恢復帳戶 更换密码 换一个密码
            设置密码 設定密碼 修改您的密码 忘记了密码 找回帳號 找回账号 另一个密码 另一個密碼 其他密码 解锁 解鎖
            zhongzhi "zhaohui mima" chongshe""",
        "magic": """立即登录 点击登录 立即登入 一键登录 一鍵登入 免密 無需密碼 无需密码 无密码 登录链接 登入連結
            魔法链接 直接登录 免密码登录 免密碼登入 点击链接登录 點擊連結登入 自动登录 快捷登录 直接登入
            无需输入密码 无需记住密码 不用密码 不用密碼 不需要密码 不需要密碼 无须密码 無須密碼 一次性链接
            一次性連結 一次性登录 一次性登入 免密登录 一键进入 一鍵進入 直接进入 直接進入 快速登录 快速登入""",
        "signin": """登录 登入""",
        "invite": """邀请 邀請 邀您 邀你 诚邀 受邀 把您加入 将您加入 把你加入 將您加入 将您添加 与您共享
            與您共享 与你共享 拉您进 拉你进 邀您加入 想邀您 請您加入 请您加入群 添加您为 yaoqing 授予您
            授权您访问""",
        "join": """加入 接受 jiaru""",
        "enter": """""",
        "unsubscribe": """退订 退訂 取消订阅 取消訂閱 不再接收 停止接收 不想再收到 不想收到 不再收到 不希望
            关闭通知 關閉通知 停止发送 停止發送 拒收 取消接收 不再发送 不再發送 不想接收 取消关注 取消订制
            停止订阅 停止訂閱 不再订阅 关闭它 关闭邮件 不感兴趣 太多邮件 不再发送给我 不要再发 不要再發 别再发送
            不再感兴趣 不再感興趣 不要再寄 不再打扰 不再打擾 移出列表 从列表中移除 從列表中移除 删除提醒
            刪除提醒 停止推送 停止提醒 取消通知 停止寄送 不再寄送 不再推送 tuiding quxiaodingyue
            "quxiao dingyue" 别再寄""",
        "here": """点击 點擊 这里 這裡 链接 連結 按钮 按鈕 继续 繼續 点此 點此 打开 是的""",
    },
}
