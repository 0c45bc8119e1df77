"""Words that say what a link is for two at a time: "choose" says nothing, but with "password" in one sentence much.

How a service words its sentence ("choose a new password", "your password can be changed here") cannot be listed; which
things such a sentence speaks of, and what it does with them, can. Written as in `code_words`.

password   a password                     renew   to choose, to change, to forget: with a password a reset
                                          free    nobody needs it: with a password a magic link
address    a mail address, a mailbox      own     is yours, is right, is approved: with an address to verify
mail       what a list sends              stop    is not wanted any more: with mail to unsubscribe
group      has members                    added   one person wants another in: with a group an invitation
entry      to get into an account         once    at once, one time, one click: with an entry a magic link
"""

from __future__ import annotations

from typing import Final

PAIRS: Final[dict[tuple[str, str], str]] = {  # in either order
    ("password", "renew"): "reset",
    ("password", "free"): "magic",
    ("address", "own"): "verify",
    ("address", "renew"): "moved",  # to verify, if that is what the subject says
    ("mail", "stop"): "unsubscribe",
    ("group", "added"): "invite",
    ("entry", "once"): "magic",
    ("entry", "free"): "magic",
    ("signin", "once"): "magic",
    ("signin", "free"): "magic",
}
PAIR_WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "password": """password passwords passphrase""",
        "renew": """choose choosing pick create creating set setting change changing replace replaced renew
            renewing expire expires expired expiring new another forgot forgotten forget lost recover update
            updating enter define""",
        "free": """without needless unnecessary forget "no need" "instead of" "never need" "not needed"
            "don t need" "needs no" "need no" "rather than" "isn t needed" "not required" "no longer need" """,
        "address": """address inbox mailbox "e mail address" """,
        "own": """yours mine belongs own correct really prove proof certain sure agree "to you" "reach you"
            "reaches you" "is you" "still use" "right address" approve approving approved consent "takes effect" """,
        "mail": """mail mails email emails "e mail" "e mails" newsletter newsletters notification notifications
            update updates digest digests reminders alerts list lists letter letters survey surveys offers
            summary summaries reminder recommendations reports announcements "hear from us" "mails like this"
            "emails like this" "e mails like this" "these messages" "messages like this" alert picks job""",
        "stop": """stopping leave leaving cancel "don t want" "do not want" "don t wish" "do not wish"
            "no longer" "rather not" fewer mute end "not to receive" "not receive" "any more" anymore hear
            "not hear" "get out" "prefer not" disable "switch off" opted "won t ask" delete remove turn
            "turn off" "taken off" off "nothing more" "get rid" """,
        "group": """team group workspace project board club family trip channel organisation organization
            calendar community crew space server company household chat class course plan roster league room
            department circle budget document tree file doc notebook album""",
        "added": """"wants you" "asked you" "asks you" invites "put you" "would like you" "has a place"
            "you ve been added" "you have been added" "you were added" "adds you" "waiting for you" "saved you"
            "become a member" "for you" "seat for you" "place for you" """,
        "entry": """"into your account" "to your account" "into my account" "to my account" "get in" "way in"
            "take me" "let me in" "lets you in" "let you in" "gets you" "opens your account" "opens my account"
            "open your account" "get into" "enter the" """,
        "once": """"one click" "one tap" directly "single use" "one time" automatically straight""",
    },
    "de": {
        "password": """*passwort passwörter* passworts kennwort kennworts kennwörter* losungswort zugangswort""",
        "renew": """neu neue neues neuen ändern ändere änderung wählen wähle wählst aussuchen vergeben vergib
            vergessen vergisst festlegen festzulegen setzen setze erstellen erstelle anlegen erneuern erneuere
            erneuerung abgelaufen ersetzen ersetze anderes anderen verloren geändert lege legen legst fest""",
        "free": """ohne kein keine keines unnötig überflüssig "nicht nötig" "braucht es nicht" """,
        "address": """adresse mailadresse emailadresse postfach mailbox "e mail adresse" """,
        "own": """gehört stimmt richtig korrekt wirklich prüfen prüfe überprüfen zustimmen zustimme zustimmung
            genehmigen einverstanden sicherstellen sichergehen ihnen tatsächlich "ist ihre" "ist deine"
            "sind sie" "bist du" wirksam freigeben""",
        "mail": """*mail *mails *newsletter *newsletters *newslettern nachricht nachrichten *nachrichten post
            verteiler liste rundbrief* hinweise benachrichtigung* erinnerung* umfragen umfrage angebote werbung
            infos informationen zusendung* bericht berichte briefe brief abo zuschriften alarm preisalarm
            suchauftrag suchaufträge *alarm *benachrichtigung angeboten""",
        "stop": """stoppen stopp beenden beende abschalten ausschalten abstellen verzichten verzichte
            "kein interesse" "lieber nicht" "keine lust" "künftig nicht" "in zukunft nicht" "nicht wünschen"
            "nicht erhalten" "nicht bekommen" widersprechen widerspruch "wollen sie keine" "willst du keine"
            "möchten sie keine" "möchtest du keine" "keine mehr" "nichts mehr" ersparen verschonen stumm
            "wünschen sie keine" "mag keine" "will keine" "zu viele" "nicht haben" löschen lösche entfernen
            "kein interesse mehr" "keine lust mehr" deaktivieren loswerden""",
        "group": """team gruppe projekt verein familie reise kanal organisation kalender arbeitsbereich
            mannschaft kreis chat klasse kurs gemeinschaft raum runde haushalt wg kasse ordner notizbuch album
            dokument""",
        "added": """"möchte sie" "hätte dich" "hätte sie" dabeihaben "holt dich" "wünscht sich" "möchte dass du"
            "möchte dass sie" "einen platz" "ihnen einen" "dir einen" """,
        "entry": """"in dein" "in ihr" hinein reinkommen drin "zu deinem" "zu ihrem" angemeldet eingeloggt
            "öffnet dein" "öffnet ihr" "in dein konto" "in ihr konto" """,
        "once": """direkt einmalig "einem klick" "ein klick" "einem tipp" automatisch schnurstracks sofort
            "einmal tippen" "einmal klicken" """,
    },
    "fr": {
        "password": """"mot de passe" "mots de passe" mdp "code secret" "mot d accès" """,
        "renew": """nouveau nouvel changer changez change modifier modifiez modifie choisir choisissez choisis
            créer créez crée définir définissez définis renouveler renouvelez renouvelle oublié oubliez expire
            expiration remplacer remplacez autre perdu retrouver modification changement changeant modifiant
            choisissant""",
        "free": """sans besoin inutile aucun "au lieu" "pas la peine" """,
        "address": """adresse boîte messagerie "adresse mail" "adresse e mail" "boîte mail"
            "adresse électronique" """,
        "own": """tienne mienne moi appartient exacte correcte prouver prouvez assurer approuver approuvez
            acceptez autoriser autorisez "est la vôtre" "est bien" "est à vous" effet""",
        "mail": """mail mails "e mail" "e mails" email emails courriel courriels newsletter newsletters lettre
            lettres infolettre notification notifications liste alerte alertes offres publicité publicités
            rappels actualités sondages enquêtes envois résumé rappel""",
        "stop": """arrêter arrêtez arrête cesser cessez quitter quittez "ne plus" "n en plus" "ne souhaitez plus"
            "ne voulez plus" "ne veux plus" "ne souhaitez pas" "ne voulez pas" désactivez marre "ne désirez plus"
            "ne souhaite plus" retirer radier supprimer supprimez""",
        "group": """équipe groupe projet famille voyage canal organisation calendrier espace club chorale cercle
            association classe cours tableau communauté salon foyer coloc cagnotte album document dossier carnet""",
        "added": """"vous propose" "te propose" "souhaite vous" "aimerait vous" "veut t" "voudrait t"
            "vous souhaite" "partage avec" "vous ajoute" "t ajoute" "avez été ajouté" "avez été ajoutée"
            "souhaite que vous" "souhaite que tu" "aimerait que" "voudrait que" "vous a réservé" "t a réservé"
            "une place" """,
        "entry": """accédez entrer entrez "ouvre votre" "ouvre ton" "ouvre la session" "votre espace" """,
        "once": """directement "un clic" "un seul clic" "un geste" automatiquement instantané instantanément
            immédiatement "un seul geste" """,
    },
    "es": {
        "password": """contraseña contraseñas password""",
        "renew": """nueva nuevo cambiar cambia cambie cambió cambiado crear crea cree elegir elige elija definir
            define defina establecer establece establezca olvidada olvidado olvidó renovar renueva renueve caduca
            caducado vence expira otra reemplazar perdida actualizar actualiza actualice modificar modifica
            modifique escoge escoja escoger poner pon créala cambio modificación cambiando creando eligiendo""",
        "free": """sin olvídate olvida innecesaria "nada de" "en lugar" "no necesitas" "no necesita"
            "no hace falta" "ninguna falta" """,
        "address": """dirección buzón""",
        "own": """tuyo tuya suyo suya mío mía pertenece correcta correcto comprobar comprobamos compruebe
            comprueba asegurarnos aprobar aprueba apruebe autorizar autoriza autorice realmente "es tuyo"
            "es suyo" "es tuya" "es suya" "es mío" "es mía" "sea tuyo" "sea suyo" """,
        "mail": """correos mails emails boletín boletines notificación notificaciones aviso avisos lista
            publicidad ofertas promociones recordatorios encuestas newsletter comunicaciones resumen novedades
            envíos alerta alertas mensajes""",
        "stop": """dejar deja deje parar "no quiero" "no quieres" "no quiere" "quiera recibir" "no deseo" "ya no"
            "no más" cancelar cancela cancele detener salir anular anula desactivar desactiva desactive
            "no volver" suspender borrarte "prefieres no" silenciar "no envíen" eliminar elimina quitar quita
            borrar borra "dejar de" """,
        "group": """equipo grupo proyecto familia viaje canal organización calendario espacio club tablero
            comunidad clase curso asociación sala peña liga presupuesto documento álbum cuaderno carpeta""",
        "added": """"te ha apuntado" "te ha incluido" "te ha metido" "quiere que" "te propone" "te hemos añadido"
            "has sido añadido" "has sido añadida" "le hemos añadido" "te han añadido" compartido "te guardó"
            "te ha guardado" "te reservó" "un lugar" "una plaza" """,
        "entry": """acceda ingresa ingrese "abre tu" "abre su" "abre la sesión" "te abre" entras""",
        "once": """directamente "un clic" "un toque" "una sola vez" automáticamente "al instante" inmediato""",
    },
    "it": {
        "password": """password "parola d ordine" "parola chiave" "parola d accesso" """,
        "renew": """nuova nuovo cambia cambiare cambi cambiata scegli scegliere scelga crea creare crei creane
            imposta impostare imposti definire definisci dimenticata dimenticato rinnova rinnovare scade scaduta
            altra sostituire modificare modifica modifichi modificata perduta persa smarrita cambio variazione
            cambiando scegliendo creando""",
        "free": """senza niente inutile dimentica "invece di" "non serve" "non servono" "bisogno di" """,
        "address": """indirizzo casella""",
        "own": """appartiene corretto corretta controllare controllo approva approvare approvi autorizza
            autorizzare autorizzi davvero "è davvero" "sia tuo" "sia tua" "sia sua" "sia suo" """,
        "mail": """newsletter notifiche notifica avvisi avviso lista comunicazioni pubblicità promozioni offerte
            promemoria sondaggi bollettino riepilogo aggiornamenti""",
        "stop": """basta smetti smettere "non vuoi" "non vuole" "non voglio" "non desidero" "non desidera"
            "non più" fermare ferma interrompere interrompi annulla annullare disattiva disattivare lasciare
            lascia rinuncia rinunciare sospendi "non essere" uscire "preferisci non" silenzia elimina eliminare
            rimuovi rimuovere""",
        "group": """squadra gruppo progetto famiglia viaggio canale organizzazione calendario spazio club bacheca
            comunità classe corso associazione condominio turni coro cassa documento album quaderno""",
        "added": """"ti ha inserito" "ti ha inserita" "vorrebbe che" "ti propone" "ti ha messo"
            "sei stato aggiunto" "sei stata aggiunta" "è stato aggiunto" "è stata aggiunta" "ti ha riservato"
            "ti ha tenuto" "un posto" """,
        "entry": """entri acceda dentro "apre il" "nel tuo account" "nel suo account" "fa entrare" """,
        "once": """direttamente "un clic" "un tocco" "una sola volta" automaticamente subito""",
    },
    "pt": {
        "password": """senha senhas "palavra passe" "palavras passe" password""",
        "renew": """nova novo criar crie cria alterar altere altera alterada mudar mude muda trocar troque troca
            escolher escolha escolhe definir defina define esqueceste esquecida renovar renove expira expirou
            vence outra substituir atualizar atualize perdida cadastrar cadastre alteração mudança mudando
            criando alterando trocando""",
        "free": """sem nada nenhuma dispensa esqueça esquece "em vez" "não precisa" "não precisas" "nem precisa"
            "não é preciso" "dispensa a" """,
        "address": """endereço caixa""",
        "own": """pertence correto conferir certificar comprovar certeza aprovar aprove aprova autorizar autorize
            autoriza "seja seu" "é mesmo" """,
        "mail": """"e mails" emails newsletter newsletters boletim boletins notificação notificações aviso avisos
            lista ofertas promoções lembretes pesquisas publicidade novidades comunicações resumo alerta alertas""",
        "stop": """parar pare deixar deixe cancelar cancele cancela sair saia "não quero" "não quer" "não queres"
            "não desejo" "não desejas" "não mais" remover desativar desative anular silenciar interromper
            dispensar "prefere não" "prefere deixar" excluir exclua apagar apague eliminar""",
        "group": """equipe equipa grupo projeto projecto família viagem canal organização calendário espaço clube
            quadro comunidade turma curso associação condomínio república orçamento documento álbum caderno""",
        "added": """"quer que" chamou "foi adicionado" "foi adicionada" "foste adicionado" "foste adicionada"
            guardou reservou "um lugar" """,
        "entry": """"abre a sua" "abre sua" "abre a tua" """,
        "once": """diretamente direto "um clique" "um toque" "uma única vez" automaticamente imediato
            "de imediato" """,
    },
    "nl": {
        "password": """*wachtwoord wachtwoorden ww""",
        "renew": """nieuw nieuwe kies kiezen wijzig wijzigen gewijzigd verander veranderen maken instellen
            ingesteld vergeten vergat verloopt verlopen vernieuw vernieuwen vervang vervangen ander kwijt bepaal
            verzin bedenk aanmaken stel aangepast wijziging verandering""",
        "free": """zonder overbodig "in plaats" "niet nodig" "hoef je geen" "hoeft geen" """,
        "address": """adres *mailadres postbus inbox postvak""",
        "own": """klopt correct echt zeker controleren controleer akkoord goedkeuren toestaan instemmen "van jou"
            "van u" "is van mij" "jouw mailbox" "hoort bij" """,
        "mail": """mails "e mails" emails *nieuwsbrief *nieuwsbrieven berichten melding meldingen lijst
            aanbiedingen reclame herinneringen post enquêtes updates samenvatting verzoeken alert alerts
            herinnering onze""",
        "stop": """stoppen stopzetten "liever niet" "liever geen" "geen meer" "wil geen" beëindigen uitzetten
            uitschakelen annuleren annuleer verlaten verlaat genoeg dempen verwijderen verwijder "geen zin"
            "af van" """,
        "group": """team groep project familie reis kanaal organisatie agenda werkruimte club gemeenschap klas
            cursus vereniging kring huishouden chat pot document album schrift map""",
        "added": """"wil jou" "heeft je" "heeft jou" "heeft u" plek plekje "wacht op je" "bent toegevoegd"
            "toegevoegd aan" "werd toegevoegd" "een plek" "een plaats" """,
        "entry": """binnen "naar je" "naar mijn" "naar uw" "in je account" aangemeld "opent je" "opent uw"
            "naar je account" """,
        "once": """direct meteen eenmalig "één keer" "één klik" "één tik" automatisch onmiddellijk""",
    },
    "pl": {
        "password": """hasło hasła hasłem haseł""",
        "renew": """nowe nowego ustaw ustawić ustawienie zmień zmienić zmiana zmianę zmienione wybierz wybrać
            utwórz utworzyć nadaj nadać zapomniałeś zapomniałaś zapomniane wygasa wygasło wygaśnie odnów odnowić
            inne zmieniono zastąp zdefiniuj wymyśl""",
        "free": """bez żadnego niepotrzebne zbędne zapomnij zamiast "nie potrzebujesz" "nie potrzeba"
            "nie jest potrzebne" "nie trzeba" """,
        "address": """adres adresu adresem skrzynka skrzynki skrzynkę""",
        "own": """należy prawidłowy poprawny upewnić sprawdzić sprawdzamy zgoda zgadzam zaakceptować zatwierdzić
            zatwierdza naprawdę rzeczywiście "należy do" "jest twój" "jest twoja" """,
        "mail": """maile maili emaile newsletter newslettera newsletterem wiadomości listy listów powiadomienia
            powiadomień oferty ofert reklamy reklam przypomnienia przypomnień ankiety ankiet zaproszeń biuletyn
            biuletynu próśb prośby alert alertu alerty alertów przypomnienie""",
        "stop": """"nie życzy" "nie życzę" "nie życzysz" przestań zatrzymaj zakończ wyłącz wyłączyć anuluj
            anulować dość "więcej nie" "już nie" "nie otrzymywać" "nie wysyłaj" "nie wysyłajcie" opuść wycisz
            "nie więcej" usuń usunąć""",
        "group": """zespół zespołu grupa grupy grupie projekt projektu rodzina rodziny podróż kanał kanału
            organizacja organizacji kalendarz kalendarza klub klubu tablica tablicy społeczność klasa kurs budżet
            chór chóru drużyna drużyny listę dokument dokumentu album notatnik notatniku""",
        "added": """"dodał ciebie" "dodano cię" "chce dzielić" "chce żebyś" "chce abyś" dopisał dopisała
            "czeka na ciebie" udostępnia "chce dzielić z tobą" "dzielić z tobą" "podzielić się z tobą"
            "dodaliśmy cię" "zostałeś dodany" "zostałaś dodana" "miejsce dla" """,
        "entry": """wejdź wejść wejście "w środku" zalogowany zalogowana "otwiera twoje" "otwiera konto"
            "otworzy twoje" """,
        "once": """bezpośrednio "od razu" jednym jednorazowy jednorazowo automatycznie natychmiast""",
    },
    "sv": {
        "password": """lösenord lösenordet lösenorden""",
        "renew": """nytt ny byt byta byter bytt ändra ändrar ändrat ändrats välj välja väljer skapa skapar bestäm
            glömt glömde förnya annat ersätt ersätta tappat uppdatera utgår skaffa ändring byte""",
        "free": """utan inget inga slipper onödigt istället "behöver inget" "behövs inget" """,
        "address": """adress adressen *postadress *mejladress mejladress inkorg inkorgen""",
        "own": """tillhör rätt korrekt stämmer verkligen kontrollera säkra säker godkänn godkänna godkänner
            tillåt "är din" "är ditt" "är min" "är du" """,
        "mail": """mejl mejlen mejlet *brev *brevet *utskick *utskicken meddelanden nyhetsbrev nyhetsbrevet
            avisering aviseringar notis notiser lista listan erbjudanden reklam påminnelser enkäter inbjudningar
            bevakning bevakningen påminnelse påminnelsen""",
        "stop": """sluta stoppa stopp avsluta avslutar "inte fler" "vill inte" "inga mer" avböj avböja stänga
            "helst inte" avsäg pausa tysta inga "ta bort" radera "bli av med" """,
        "group": """lag laget båtlaget grupp gruppen projekt projektet familj familjen resa resan kanal kanalen
            organisation kalender kalendern klubb klubben tavla klass kurs förening föreningen kören hushåll
            dokument album boken""",
        "added": """"lagt till" "lade till" "vill ha" "vill att" "lagts till" "har lagts" "en plats" """,
        "entry": """inloggad inne "öppnar ditt" "öppnar kontot" """,
        "once": """direkt "ett klick" "ett tryck" automatiskt genast""",
    },
    "tr": {
        "password": """şifre* parola*""",
        "renew": """yeni değiştir* değişti* yenile* yenileme* oluştur* belirle* seç seçin seçiniz unuttu*
            unutmuş* süresi dolacak doldu dolmak başka güncelle* kaybet* kaybol* değişiklik*""",
        "free": """olmadan gerekmez gerekmiyor uğraşma uğraşmadan girmeden hatırlamadan "gerek yok"
            "ihtiyacın yok" "ihtiyacınız yok" "gerek kalmadan" """,
        "address": """adres* kutu*""",
        "own": """benim doğru emin kontrol onay onayınız izin "sizin mi" "senin mi" """,
        "mail": """postalar postaları "e postalar" "e postaları" mailler mailleri bülten* bildirim* haber
            haberler kampanya* teklif* hatırlatma* anket* reklam* davetler uyarı* alarm* "e postası" fırsat*""",
        "stop": """istemiyorsan istemiyor istemezsen istemezseniz istemem artık durdur* bırak* çık çıkın
            çıkabilir* ayrıl* iptal kapat* sustur* "daha fazla" almamak vazgeç* yeter kaldır* sil silin""",
        "group": """grup* takım* ekip* ekib* proje* aile* gezi* kanal* kurum* takvim* kulüp* kulüb* pano*
            topluluk* topluluğ* sınıf* kurs* dernek* derneğ* bütçe* koro* grub* belge* albüm* defter*""",
        "added": """ekledi eklendin eklendiniz aramızda katılmanı katılmanızı "yer ayırdı" "sana yer" """,
        "entry": """içeri içeride içeriye "hesabını açar" "hesabınızı açar" "içeri alır" "hesabını doğrudan açar"
            "hesabını doğrudan" "hesabınızı doğrudan" """,
        "once": """doğrudan "tek tıkla" "tek dokunuşla" "tek seferlik" otomatik hemen""",
    },
    "ru": {
        "password": """пароль пароля паролю паролем пароли паролей""",
        "renew": """новый нового изменить измените измени изменён изменили смените сменить смени смена смену
            поменять поменяйте придумайте придумать задайте задать задания установите установить создайте создать
            выберите выбрать забыли забыл забыт забытый обновите обновить обновления истекает истёк истек другой
            потеряли потерян укажите заменить изменение изменения смены""",
        "free": """без забудьте вместо "не нужен" "не нужно" "не надо" "не требуется" "не понадобится"
            "без ввода" "вводить не" """,
        "address": """адрес адреса адресу ящик ящика письма""",
        "own": """принадлежит верно верный правильный убедиться проверить проверяем одобрить одобрите согласие
            согласны согласен разрешить разрешите действительно доходят "это ваш" "именно ваш" "именно вам"
            "это мой" "доходят именно" приходят""",
        "mail": """письма писем рассылка рассылки рассылку рассылок рассылке дайджест дайджеста дайджесты
            уведомления уведомлений подписка подписку подписки реклама рекламу опросы опросов напоминания
            напоминаний предложения предложений оповещение оповещения оповещений напоминание""",
        "stop": """отказаться откажитесь "не хочу" "не хочется" "не желаете" "не желаю" остановить остановите
            прекратить прекратите отменить отмените "не писать" хватит выйти выйдите отключить отключите
            "не интересно" "не интересны" удалить убрать""",
        "group": """команда команду команде группа группу группе проект проекту проекте семья семью семье поездка
            поездку канал каналу организация организацию календарь клуб доска доску сообщество класс курс чат
            чате товарищество садоводство бюджет хор документ документу альбом альбома""",
        "added": """"хочет чтобы" "включил вас" "включила вас" "вас добавили" "место для" "вам место" """,
        "entry": """зайти заходите зайдите внутрь внутри впустит "открывает кабинет" "открывает личный"
            "открывает ваш" "личный кабинет" """,
        "once": """сразу напрямую "одним кликом" "один клик" "одно нажатие" "одним нажатием" одноразовая
            одноразовый одноразовой автоматически мгновенно""",
    },
    "uk": {
        "password": """пароль пароля паролю паролем паролі паролів""",
        "renew": """новий нового змінити змініть зміни зміна зміну змінено змінили придумайте придумати задайте
            задати встановіть встановити установіть створіть створити оберіть обрати виберіть вибрати забули
            забув забутий оновіть оновити спливає сплив закінчується інший втратили замінити вкажіть""",
        "free": """без забудьте замість "не потрібен" "не потрібно" "не треба" "не знадобиться" "без введення" """,
        "address": """адреса адреси адресу скринька скриньку скриньки""",
        "own": """належить вірно правильно правильна переконатися перевірити перевіряємо схвалити схваліть згода
            згоду згодні дозволити дозвольте справді доходять "це ваш" "саме ваш" "саме вам" "це мій"
            "справді ваша" "справді ваш" """,
        "mail": """листи листів розсилка розсилки розсилку розсилок дайджест дайджеста сповіщення сповіщень
            підписка підписку підписки реклама рекламу опитування опитувань нагадування нагадувань пропозиції
            пропозицій оповіщення""",
        "stop": """відмовитися відмовтеся "не хочу" "не бажаєте" "не бажаю" зупинити зупиніть припинити припиніть
            скасувати скасуйте "не писати" досить вийти вийдіть вимкнути вимкніть "не цікаво" видалити прибрати""",
        "group": """команда команду команди група групу групи проєкт проєкту проект проекту родина родину родини
            подорож канал каналу організація організації календар клуб клубу дошка дошку спільнота спільноту клас
            курс чат товариство бюджет бюджету хор документ документа альбом альбому""",
        "added": """"хоче щоб" "чекає на" "вас додали" "місце для" "вам місце" """,
        "entry": """зайти заходьте зайдіть всередину всередині впустить "відкриває кабінет" "відкриває особистий"
            "відкриває ваш" "особистий кабінет" """,
        "once": """одразу відразу напряму "одним кліком" "один клік" "одним натиском" "одним натисканням"
            одноразове одноразовий автоматично миттєво""",
    },
    "ja": {
        "password": """パスワード 合言葉""",
        "renew": """新しい 変更 変えて 変わり 決めて 決める 設定 設定し 作成 作って 登録し直し 忘れ 失くし
            期限切れ 更新 別の もう一度""",
        "free": """なし 不要 いりません いらない 要りません 必要ありません 必要なく 使わず 使わない 入力せず
            入力しなくて 覚えなくて 要らない なくても""",
        "address": """アドレス 受信箱 メールボックス""",
        "own": """ご本人 本人 私の わたしの 正しい 間違いない 確かめ 承認 同意 届いている 確定""",
        "mail": """メルマガ ニュースレター 通知 配信 アンケート リスト 購読 広告 DM アラート リマインダー""",
        "stop": """停止 やめ 止め 希望しない ご希望でない 不要な 必要ない 受信したくない オフ 拒否 送らない
            送信しない 削除 止める""",
        "group": """グループ チーム プロジェクト 家族 旅行 チャンネル 組織 カレンダー クラブ ボード コミュニティ
            ワークスペース クラス 講座 町内会 サークル 家計簿 アルバム ドキュメント ノート""",
        "added": """追加され 誘って お誘い 加わって あなたを 追加されました に加わり 編集しませんか""",
        "entry": """入れます 入る 入れる アカウントが開き アカウントを開き""",
        "once": """ワンクリック ワンタップ 押すだけ クリックするだけ タップするだけ 自動で そのまま""",
    },
    "ko": {
        "password": """비밀번호 암호 패스워드""",
        "renew": """새로 새로운 변경 바꾸 바꿔 바뀌 설정 만들 정해 정하 잊으 잊어 갱신 분실 찾기 "다시 만들"
            "다시 정" """,
        "free": """없이 몰라도 않아도 불필요 없어도 "필요 없" "필요하지 않" 필요없""",
        "address": """메일함 편지함""",
        "own": """본인 맞는지 맞으시면 맞습니다 맞다면 승인 동의 "제 것" 본인의""",
        "mail": """뉴스레터 소식지 소식 알림 광고 설문 알리미""",
        "stop": """"받고 싶지" 원하지 원치 중단 중지 거부 해지 해제 끄려면 "필요 없" "더 이상" "그만 받"
            "그만 보" 끄기 삭제 끄고""",
        "group": """그룹 프로젝트 가족 여행 채널 조직 캘린더 동호회 모임 보드 커뮤니티 워크스페이스 학급 강좌
            가계부 앨범 문서 목록을""",
        "added": """함께하 "함께 하" 추가되었 "함께 편집" "같이 편집" """,
        "entry": """들어가 들어갑 들어갈 "계정이 열" "계정을 엽" """,
        "once": """바로 "클릭 한" 누르면 누르기만 버튼만 원클릭""",
    },
    "zh": {
        "password": """密码 密碼 口令""",
        "renew": """新 更改 修改 变更 變更 更换 更換 设置 設定 设定 忘记 忘記 过期 過期 到期 更新 另一个 找回
            换一个 换个 換一個 重新 设定新 新的密""",
        "free": """无需 無需 不用 不必 无须 無須 不需要""",
        "address": """邮箱 信箱 郵箱""",
        "own": """我的 本人 正确 正確 确定 確定 核实 核實 同意 属于 屬於 寄到 我的邮箱 我的信箱""",
        "mail": """邮件 郵件 通知 推送 电子报 電子報 广告 廣告 资讯 資訊 提醒 问卷 問卷 简报 簡報 信件 预警""",
        "stop": """取消 停止 不再 不想 不愿 不願 不要 退出 拒绝 拒絕 关闭 關閉 屏蔽 删除 刪除""",
        "group": """群组 群組 团队 團隊 项目 專案 家庭 旅行 频道 頻道 组织 組織 日历 日曆 俱乐部 社区 社群 工作区
            班级 班級 课程 課程 小组 小組 相册 相簿 文档 文件""",
        "added": """把您 将您 把你 想让您 想让你 拉您 与您共享 與您共享 被加入 已被加入 已被添加 一起编辑
            一起編輯""",
        "entry": """进入 進入 进去 進去 进入账号 進入帳號 进入您的账 打开账号 打开您的账""",
        "once": """一键 一鍵 点一下 點一下""",
    },
}
