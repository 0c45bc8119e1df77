"""Words that say what a link is for two at a time: "choose" says nothing, but with "password" in one sentence much.

How a service words its sentence ("choose a new password", "your password can be changed here") cannot be listed; which
things such a sentence speaks of, and what it does with them, can. Written as in `code_words`.

password   a password                     renew   to choose, to change, to forget: with a password a reset
                                          free    nobody needs it: with a password a magic link
address    a mail address, a mailbox      own     is yours, is right, is approved: with an address to verify
mail       what a list sends              stop    is not wanted any more: with mail to unsubscribe
group      has members                    added   one person wants another in: with a group an invitation
entry      to get into an account         once    at once, one time, one click: with an entry a magic link

account, registration    are to be finished: to verify; an account that is locked: a reset
finish     to complete, to begin to use   consent   to agree     entered   was given when somebody registered
locked     cannot be got into           share     of a group: an invitation
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
CALL_PAIRS: Final[
    dict[tuple[str, str], str]
] = {  # said so often that they count for what the mail calls to follow only
    ("address", "entered"): "verify",
    ("address", "finish"): "verify",
    ("address", "consent"): "verify",
    ("renew", "consent"): "verify",
    ("account", "finish"): "verify",
    ("registration", "finish"): "verify",
    ("account", "locked"): "reset",
    ("account", "once"): "magic",
    ("group", "share"): "invite",
    ("enter", "once"): "magic",
    ("enter", "free"): "magic",
    ("account", "step"): "verify",
    ("registration", "step"): "verify",
}
PAIR_WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "password": """password passwords passphrase""",
        "renew": """choose choosing pick create creating set setting change changing replace replaced renew
            renewing expire expires expired expiring new another forgot forgotten forget lost recover update
            updating enter define refresh "can t remember" mislaid "don t remember" "run out" reclaim""",
        "free": """without needless unnecessary "no need" "instead of" "never need" "not needed" "don t need"
            "needs no" "need no" "rather than" "isn t needed" "not required" "no longer need" "don t use"
            "do not use" "have no" "there are no" """,
        "address": """address inbox mailbox "e mail address" "billing email" "this email" "your email"
            "my email" """,
        "own": """yours mine belongs own correct really prove proof certain sure agree "to you" "reach you"
            "reaches you" "is you" "still use" "right address" approve approving approved consent "takes effect" """,
        "mail": """mail mails email emails "e mail" "e mails" newsletter newsletters notification notifications
            updates digest digests reminders alerts list lists letter letters survey surveys offers summary
            summaries reminder recommendations reports announcements "hear from us" "mails like this"
            "emails like this" "e mails like this" "these messages" "messages like this" alert picks job post
            messages "our offers" thread "from us" offer""",
        "stop": """stopping leave leaving cancel "don t want" "do not want" "don t wish" "do not wish"
            "no longer" "rather not" fewer mute end "not to receive" "not receive" "any more" anymore hear
            "not hear" "get out" "prefer not" disable "switch off" opted "won t ask" delete remove turn
            "taken off" off "nothing more" "get rid" stop "too much" "too many" quit "no interest" removed
            "won t write" silence snooze "say goodbye" goodbye "don t want to hear" """,
        "group": """team group workspace project board club family trip channel organisation organization
            calendar community crew space server company household chat class course plan roster league room
            department circle budget document tree file doc notebook album band choir "shopping list" folder
            members member""",
        "added": """"wants you" "asked you" "asks you" "put you" "would like you" "has a place"
            "you ve been added" "you have been added" "you were added" "adds you" "waiting for you" "saved you"
            "become a member" "seat for you" "place for you" "love to have you" "made room" "been asked"
            "like to have you" "brought you" """,
        "entry": """"into your account" "to your account" "into my account" "to my account" "get in" "take me"
            "let you in" "gets you" "opens your account" "opens my account" "open your account" "get into"
            "enter the" "your door" "let you straight" entrance access""",
        "once": """"one click" "one tap" directly "single use" "one time" automatically straight
            "good for one use" "just click" "straight into" instantly "a click" "a tap" "works once" "only once"
            immediately""",
        "account": """account accounts membership profile""",
        "registration": """registration signup enrolment enrollment "sign up" """,
        "finish": """finish finishing complete completing finalise finalize conclude start starting begin
            "set up" active "ready to use" "switched on" "switch on" pending""",
        "consent": """approval allow permission authorise authorize acknowledge "let us know" "is right" works""",
        "entered": """entered gave given registered "signed up" typed provided "used to sign" submitted "put in"
            subscribed""",
        "locked": """locked blocked unlock unblock suspended "get back" "back in" "back into" regain restore
            "locked out" """,
        "share": """shares shared sharing""",
    },
    "de": {
        "password": """*passwort passwörter* passworts kennwort kennworts kennwörter* zugangswort""",
        "renew": """neu neue neues neuen ändern ändere änderung wählen wähle wählst aussuchen vergeben vergib
            vergessen vergisst festlegen festzulegen setzen setze erstellen erstelle anlegen erneuern erneuere
            erneuerung abgelaufen ersetzen ersetze anderes anderen verloren geändert lege legen legst fest
            verlegt neuer neuem ersetzt läuft "nicht mehr wissen" entfallen eingeben bestimmen""",
        "free": """ohne kein keine keines unnötig überflüssig "nicht nötig" "braucht es nicht" "gibt es nicht"
            "gibt es bei uns nicht" "brauchen sie nicht" "brauchst du nicht" "verwenden wir nicht" """,
        "address": """adresse mailadresse emailadresse postfach mailbox "e mail adresse" "diese mail"
            "dieses postfach" """,
        "own": """gehört stimmt richtig korrekt wirklich prüfen prüfe überprüfen zustimmen zustimme zustimmung
            genehmigen einverstanden sicherstellen sichergehen ihnen tatsächlich "ist ihre" "ist deine"
            "sind sie" "bist du" wirksam freigeben""",
        "mail": """*mail *mails *newsletter *newsletters *newslettern nachricht nachrichten *nachrichten post
            verteiler liste rundbrief* hinweise benachrichtigung* erinnerung* umfragen umfrage angebote werbung
            infos informationen zusendung* bericht berichte briefe brief abo zuschriften alarm preisalarm
            suchauftrag suchaufträge *alarm *benachrichtigung angeboten mails zustellung werbepost wochenbrief
            infomails""",
        "stop": """stoppen stopp beenden beende abschalten ausschalten abstellen verzichten verzichte
            "kein interesse" "lieber nicht" "keine lust" "künftig nicht" "in zukunft nicht" "nicht wünschen"
            "nicht erhalten" "nicht bekommen" widersprechen widerspruch "wollen sie keine" "willst du keine"
            "möchten sie keine" "möchtest du keine" "keine mehr" "nichts mehr" ersparen verschonen stumm
            "wünschen sie keine" "mag keine" "will keine" "zu viele" "nicht haben" löschen lösche entfernen
            "kein interesse mehr" deaktivieren loswerden aufhören gelöscht gestrichen kündigen "zu viel"
            unterbinden abschaffen "nicht mehr bekommen" """,
        "group": """team gruppe projekt verein familie reise kanal organisation kalender arbeitsbereich
            mannschaft kreis chat klasse kurs gemeinschaft raum runde haushalt wg kasse ordner notizbuch album
            dokument band chor einkaufsliste *kalender *gruppe *team *liste bereich mitglied""",
        "added": """"möchte sie" "hätte dich" "hätte sie" dabeihaben "holt dich" "wünscht sich" "möchte dass du"
            "möchte dass sie" "einen platz" "ihnen einen" "dir einen" "dich gern" "sie gern" geholt aufgenommen
            freigehalten "nimmt dich" "nimmt sie" "fragt ob sie" """,
        "entry": """"in dein" "in ihr" hinein drin "zu deinem" "zu ihrem" "öffnet dein" "öffnet ihr"
            "in dein konto" "in ihr konto" reingehen zutritt "hier geht es" einlass""",
        "once": """direkt einmalig "einem klick" "ein klick" "einem tipp" automatisch schnurstracks sofort
            "einmal tippen" "einmal klicken" "für einmal" "klick genügt" einmal einmalige "ein tippen"
            "nur einmal" rasch augenblicklich""",
        "account": """konto kontos benutzerkonto zugang mitgliedschaft *konto profil""",
        "registration": """registrierung anmeldung eintragung einschreibung""",
        "finish": """abschließen abzuschließen abschluss schließen vollenden fertigstellen loslegen starten
            freischaltung freigeschaltet frei freigabe einrichten nutzen benutzen betrieb bereit""",
        "consent": """stimmen genehmigung einverständnis einwilligung akzeptieren erlauben zusagen""",
        "entered": """eingetragen angegeben registriert hinterlegt eingegeben verwendet genannt""",
        "locked": """gesperrt entsperren entsperre sperre blockiert wiederherstellen zurückbekommen wieder""",
        "share": """teilt geteilt""",
    },
    "fr": {
        "password": """"mot de passe" "mots de passe" mdp "code secret" "mot d accès" """,
        "renew": """nouveau nouvel changer changez change modifier modifiez modifie choisir choisissez choisis
            créer créez crée définir définissez définis renouveler renouvelez renouvelle oublié oubliez expire
            expiration remplacer remplacez autre perdu retrouver modification changement changeant modifiant
            choisissant nouvelle égaré égarée perdue rappelez souvenez mettez mettre actualiser""",
        "free": """sans besoin inutile aucun "au lieu" "pas la peine" "pas de" "n utilisons pas" "n existe pas" """,
        "address": """adresse boîte messagerie "adresse mail" "adresse e mail" "boîte mail"
            "adresse électronique" "votre e mail" "cet e mail" "votre courriel" "nouvelle adresse"
            "votre adresse" """,
        "own": """tienne mienne moi appartient exacte correcte prouver prouvez assurer approuver approuvez
            acceptez autoriser autorisez "est la vôtre" "est bien" "est à vous" effet""",
        "mail": """mail mails "e mail" "e mails" email emails courriel courriels newsletter newsletters lettre
            lettres infolettre notification notifications liste alerte alertes offres publicité publicités
            rappels actualités sondages enquêtes envois résumé rappel courrier messages "nos offres" discussion
            message "de nous" """,
        "stop": """arrêter arrêtez arrête cesser cessez quitter quittez "ne plus" "n en plus"
            "ne souhaitez plus" "ne voulez plus" "ne veux plus" "ne souhaitez pas" "ne voulez pas" désactivez
            marre "ne désirez plus" "ne souhaite plus" retirer radier supprimer supprimez couper coupez
            "trop de" "plus rien" "ne pas recevoir" "ne vous intéressent plus" retiré retirée retirez
            interrompre silencieux radié "ne m intéresse" """,
        "group": """équipe groupe projet famille voyage canal organisation calendrier espace club chorale cercle
            association classe cours tableau communauté salon foyer coloc cagnotte album document dossier carnet
            bande bureau comité membre""",
        "added": """"vous propose" "te propose" "souhaite vous" "aimerait vous" "veut t" "voudrait t"
            "vous souhaite" "partage avec" "vous ajoute" "t ajoute" "avez été ajouté" "avez été ajoutée"
            "souhaite que vous" "souhaite que tu" "aimerait que" "voudrait que" "vous a réservé" "t a réservé"
            "une place" "t avoir" "vous avoir" "t a mis" "vous a mis" "gardé une place" "comme membre" """,
        "entry": """accédez entrer entrez "ouvre votre" "ouvre ton" "ouvre la session" "votre espace"
            "vous y êtes" "votre accès" """,
        "once": """directement "un clic" "un seul clic" "un geste" automatiquement instantané instantanément
            immédiatement "un seul geste" unique "une seule fois" "usage unique" "tout de suite"
            "un simple clic" """,
        "account": """compte accès profil adhésion""",
        "registration": """inscription enregistrement""",
        "finish": """terminer terminez achever achevez finir finissez compléter complétez commencer activée
            service utiliser débuter""",
        "consent": """accord consentement consentir""",
        "entered": """indiqué indiquée saisi saisie inscrit inscrite donné donnée renseigné renseignée
            enregistré enregistrée fourni""",
        "locked": """bloqué bloquée débloquer débloquez verrouillé verrouillée déverrouiller déverrouillez
            débloque* retrouvez""",
        "share": """partage partagé""",
    },
    "es": {
        "password": """contraseña contraseñas claves password""",
        "renew": """nueva nuevo cambiar cambia cambie cambió cambiado crear crea cree elegir elige elija definir
            define defina establecer establece establezca olvidada olvidado olvidó renovar renueva renueve
            caduca caducado vence expira otra reemplazar perdida actualizar actualiza actualice modificar
            modifica modifique escoge escoja escoger poner pon créala modificación cambiando creando eligiendo
            nuevos recuerdas recuerda perdido sustituir cámbi* cambiarl* ponla póngala""",
        "free": """sin olvídate olvida innecesaria "nada de" "en lugar" "no necesitas" "no necesita"
            "no hace falta" "ninguna falta" "no usamos" "no hay" "no utilizamos" "no se necesita" """,
        "address": """dirección buzón "tu correo" "su correo" "este correo" "nuevo correo" "de correo" """,
        "own": """tuyo tuya suyo suya mío mía pertenece correcta correcto comprobar comprobamos compruebe
            comprueba asegurarnos aprobar aprueba apruebe autorizar autoriza autorice realmente "es tuyo"
            "es suyo" "es tuya" "es suya" "es mío" "es mía" "sea tuyo" "sea suyo" """,
        "mail": """correos mails emails boletín boletines notificación notificaciones aviso avisos lista
            publicidad ofertas promociones recordatorios encuestas newsletter comunicaciones resumen novedades
            envíos alerta alertas mensajes correo "nuestras ofertas" hilo "de nosotros" mensaje recordatorio""",
        "stop": """dejar deja deje parar "no quiero" "no quieres" "no quiere" "quiera recibir" "no deseo"
            "ya no" cancelar cancela cancele detener salir anular anula desactivar desactiva desactive
            "no volver" suspender borrarte "prefieres no" "no envíen" eliminar elimina quitar quita borrar borra
            "dejar de" demasiado "no quieres saber" silencia basta "no te interesan" interrumpir frenar""",
        "group": """equipo grupo proyecto familia viaje canal organización calendario espacio club tablero
            comunidad clase curso asociación sala peña liga presupuesto documento álbum cuaderno carpeta junta
            banda comité miembro coro""",
        "added": """"te ha apuntado" "te ha metido" "quiere que" "te propone" "te hemos añadido"
            "has sido añadido" "has sido añadida" "le hemos añadido" "te han añadido" compartido "te guardó"
            "te ha guardado" "te reservó" "un lugar" "una plaza" tenerte tenerle incluido "guardado un sitio"
            "como miembro" """,
        "entry": """acceda ingresa ingrese "abre tu" "abre su" "abre la sesión" "te abre" entras "a tu cuenta"
            "a su cuenta" dentro""",
        "once": """directamente "un clic" "un toque" "una sola vez" automáticamente "al instante" inmediato
            "un solo uso" "un solo clic" directo "al momento" único "de una vez" "solo una vez" """,
        "account": """cuenta perfil usuario""",
        "registration": """registro alta inscripción""",
        "finish": """terminar termina termine completar completa complete concluir finalizar acabar empezar
            marcha usar comenzar finalice""",
        "consent": """consentimiento conformidad acepte acuerdo permiso""",
        "entered": """indicado puesto registrado registrada introducido dado escrito inscrito apuntado
            facilitado registrarse""",
        "locked": """bloqueado bloqueada bloqueó desbloquear desbloque* recuperar recupera recupere""",
        "share": """comparte compartió""",
    },
    "it": {
        "password": """password "parola d ordine" "parola d accesso" """,
        "renew": """nuova nuovo cambia cambiare cambi cambiata scegli scegliere scelga crea creare crei creane
            imposta impostare imposti definire definisci dimenticata dimenticato rinnova rinnovare scade scaduta
            altra sostituire modificare modifica modifichi modificata perduta persa smarrita cambio variazione
            cambiando scegliendo creando nuovi ricordi ricorda sostituisc* metti mettere aggiorna aggiornare
            aggiorni impost* cambiarla""",
        "free": """senza niente inutile dimentica "invece di" "non serve" "non servono" "bisogno di"
            "non usiamo" "non ci sono" "non occorre" """,
        "address": """indirizzo casella "tua e mail" "sua e mail" "questa e mail" "nuova e mail" "di e mail"
            "tua mail" "mia mail" """,
        "own": """appartiene corretto corretta controllare controllo approva approvare approvi autorizza
            autorizzare autorizzi davvero "è davvero" "sia tuo" "sia tua" "sia sua" "sia suo" """,
        "mail": """newsletter notifiche notifica avvisi avviso lista comunicazioni pubblicità promozioni offerte
            promemoria sondaggi bollettino riepilogo aggiornamenti mail "e mail" posta messaggi discussione
            "da noi" """,
        "stop": """basta smetti smettere "non vuoi" "non vuole" "non voglio" "non desidero" "non desidera"
            "non più" fermare ferma interrompere interrompi annulla annullare disattiva disattivare lasciare
            lascia rinuncia rinunciare sospendi "non essere" uscire "preferisci non" elimina eliminare rimuovi
            rimuovere troppa troppe "non ti interessano" "non le interessano" silenziare "non sentirci" stop
            sospendere cancella cancellare esci""",
        "group": """squadra gruppo progetto famiglia viaggio canale organizzazione calendario spazio club
            bacheca comunità classe corso associazione condominio turni coro cassa documento album quaderno
            direttivo banda comitato membro""",
        "added": """"ti ha inserita" "vorrebbe che" "ti propone" "sei stato aggiunto" "sei stata aggiunta"
            "è stato aggiunto" "è stata aggiunta" "ti ha riservato" "ti ha tenuto" "un posto" "la vorrebbe"
            "tenuto un posto" "come membro" averti""",
        "entry": """entri acceda dentro "apre il" "nel tuo account" "nel suo account" "fa entrare" "ci sei"
            "al tuo account" "al suo account" """,
        "once": """direttamente "un clic" "un tocco" "una sola volta" automaticamente subito "usa e getta"
            "una volta sola" diretto immediatamente "con un tocco" """,
        "account": """account profilo utenza""",
        "registration": """registrazione iscrizione""",
        "finish": """completare completa completi concludere concludi concluda finire terminare iniziare attivo
            attivato usare utilizzare ultimare""",
        "consent": """consenso assenso accettare accetti benestare""",
        "entered": """indicato registrato registrata fornito iscritto iscritta lasciato""",
        "locked": """bloccato bloccata sblocca sbloccare sblocc* recupera recuperare recuperi rientrare""",
        "share": """condivide condiviso""",
    },
    "pt": {
        "password": """senha senhas "palavra passe" "palavras passe" password""",
        "renew": """nova novo criar crie cria alterar altere altera alterada mudar mude muda trocar troca
            escolher escolha escolhe definir defina define esqueceste esquecida renovar renove expira expirou
            vence outra substituir atualizar atualize perdida cadastrar cadastre alteração mudança mudando
            criando alterando trocando novos lembra lembras pôr troqu* atualiz* põe""",
        "free": """sem nada nenhuma dispensa esqueça esquece "em vez" "não precisa" "não precisas" "nem precisa"
            "não é preciso" "dispensa a" "não usamos" "não há" "não utilizamos" """,
        "address": """endereço caixa "seu e mail" "este e mail" "neste e mail" "novo e mail" "de e mail"
            "teu e mail" morada""",
        "own": """pertence correto conferir certificar comprovar certeza aprovar aprove aprova autorizar
            autorize autoriza "seja seu" "é mesmo" """,
        "mail": """"e mails" emails newsletter newsletters boletim boletins notificação notificações aviso
            avisos lista ofertas promoções lembretes pesquisas publicidade novidades comunicações resumo alerta
            alertas mensagens conversa "de nós" "nossas ofertas" correio lembrete "de e mails" """,
        "stop": """parar pare deixar deixe cancelar cancele cancela sair saia "não quero" "não quer"
            "não queres" "não desejo" "não desejas" "não mais" remover desativar desative anular interromper
            dispensar "prefere não" "prefere deixar" excluir exclua apagar apague eliminar chega demais
            "não lhe interessam" "não te interessam" tirar tire basta pausar interrompa silencie encerrar""",
        "group": """equipe equipa grupo projeto projecto família viagem canal organização calendário espaço
            clube quadro comunidade turma curso associação condomínio república orçamento documento álbum
            caderno direção banda comité membro coro""",
        "added": """"quer que" chamou "foi adicionado" "foi adicionada" "foste adicionado" "foste adicionada"
            guardou reservou "um lugar" "ter você" incluído incluída "como membro" """,
        "entry": """"abre a sua" "abre sua" "abre a tua" "para a sua conta" "está dentro" "estás dentro" dentro""",
        "once": """diretamente direto "um clique" "um toque" "uma única vez" automaticamente imediato
            "de imediato" "uso único" "uma vez" "na hora" instantaneamente "só clicar" """,
        "account": """conta acesso perfil utilizador""",
        "registration": """registo registro cadastro inscrição""",
        "finish": """concluir conclua conclui terminar termine completar complete finalizar começar
            funcionamento usar ativa""",
        "consent": """consentimento acordo concordância""",
        "entered": """indicou indicado cadastrou registou registrou inseriu informou inscreveu colocou forneceu
            cadastrado""",
        "locked": """bloqueada bloqueado desbloquear desbloque* recuperar "voltar a entrar" """,
        "share": """compartilhou partilhou compartilha""",
    },
    "nl": {
        "password": """*wachtwoord wachtwoorden ww""",
        "renew": """nieuw nieuwe kies kiezen wijzig wijzigen gewijzigd verander veranderen maken instellen
            ingesteld vergeten vergat verloopt verlopen vernieuw vernieuwen vervang vervangen ander kwijt bepaal
            verzin bedenk aanmaken stel aangepast wijziging verandering kwijtgeraakt verlies zet invoeren
            "weet je" """,
        "free": """zonder overbodig "in plaats" "niet nodig" "hoef je geen" "hoeft geen" "hebben we niet"
            "gebruiken we niet" "hebben wij niet" """,
        "address": """adres *mailadres postbus inbox postvak "jouw mail" "deze mailbox" mailbox "je mail" """,
        "own": """klopt correct echt zeker controleren controleer akkoord goedkeuren toestaan instemmen
            "van jou" "van u" "is van mij" "jouw mailbox" "hoort bij" """,
        "mail": """mails "e mails" emails *nieuwsbrief *nieuwsbrieven berichten melding meldingen lijst
            aanbiedingen reclame herinneringen post enquêtes updates samenvatting verzoeken alert alerts
            herinnering onze "van ons" bericht "onze aanbiedingen" mail onderwerp""",
        "stop": """stoppen "liever niet" "liever geen" "geen meer" "wil geen" beëindigen uitzetten uitschakelen
            annuleren annuleer verlaten verlaat genoeg dempen verwijderen verwijder "geen zin" "af van"
            "te veel" demp stop "niet krijgt" "niet ontvangen" "geen belangstelling" schrappen""",
        "group": """team groep project familie reis kanaal organisatie agenda werkruimte club gemeenschap klas
            cursus vereniging kring huishouden chat pot document album schrift map *lijst lid bestuur band koor
            *agenda""",
        "added": """"wil jou" "heeft je" "heeft jou" "heeft u" plek plekje "wacht op je" "bent toegevoegd"
            "toegevoegd aan" "werd toegevoegd" "een plek" "een plaats" "je graag" "als lid" """,
        "entry": """binnen "naar je" "naar mijn" "naar uw" "in je account" aangemeld "opent je" "opent uw"
            "naar je account" "je bent er" toegang "kom je binnen" """,
        "once": """direct gelijk meteen eenmalig "één keer" "één klik" "één tik" automatisch onmiddellijk eenmalige
            rechtstreeks "slechts één keer" "één druk" """,
        "account": """account profiel *account""",
        "registration": """registratie aanmelding inschrijving""",
        "finish": """afronden ronden rond voltooien voltooi afmaken beginnen starten gebruik gebruiken""",
        "consent": """toestemming goedkeuring instemming "keur goed" """,
        "entered": """opgegeven ingevuld geregistreerd ingeschreven ingevoerd doorgegeven""",
        "locked": """geblokkeerd deblokkeer deblokkeren vergrendeld ontgrendel ontgrendelen "weer in" """,
        "share": """deelt gedeeld""",
    },
    "pl": {
        "password": """hasło hasła hasłem haseł""",
        "renew": """nowe nowego ustaw ustawić ustawienie zmień zmienić zmiana zmianę zmienione wybierz wybrać
            utwórz utworzyć nadaj nadać zapomniałeś zapomniałaś zapomniane wygasa wygasło wygaśnie odnów odnowić
            inne zmieniono zastąp zdefiniuj wymyśl nowy nowa nowym pamiętasz pamiętam zmienia ustal ustalić
            zapomniano określ""",
        "free": """bez żadnego niepotrzebne zbędne zapomnij zamiast "nie potrzebujesz" "nie potrzeba"
            "nie jest potrzebne" "nie trzeba" "nie ma" "nie używamy" """,
        "address": """adres adresu adresem skrzynka skrzynki skrzynkę "twój e mail" "ten e mail" "nowy e mail"
            pocztę adresie""",
        "own": """należy prawidłowy poprawny upewnić sprawdzić sprawdzamy zgoda zgadzam zaakceptować zatwierdzić
            zatwierdza naprawdę rzeczywiście "należy do" "jest twój" "jest twoja" """,
        "mail": """maile maili emaile newsletter newslettera newsletterem wiadomości listy listów powiadomienia
            powiadomień oferty ofert reklamy reklam przypomnienia przypomnień ankiety ankiet zaproszeń biuletyn
            biuletynu próśb prośby alert alertu alerty alertów przypomnienie mail listu list wiadomość "od nas"
            ogłoszeń""",
        "stop": """"nie życzy" "nie życzę" "nie życzysz" przestań zatrzymaj zakończ wyłącz wyłączyć anuluj
            anulować dość "więcej nie" "już nie" "nie otrzymywać" opuść "nie więcej" usuń usunąć "za dużo"
            "nie interesują" skończ koniec wstrzymaj""",
        "group": """zespół zespołu grupa grupy grupie projekt projektu rodzina rodziny podróż kanał kanału
            organizacja organizacji kalendarz kalendarza klub klubu tablica tablicy społeczność klasa kurs
            budżet chór chóru drużyna drużyny listę dokument dokumentu album notatnik notatniku lista zespołem
            członek członkiem kalendarzu grup* zespoł* projekt* list* album* dokument* kalendarz*""",
        "added": """"dodał ciebie" "dodano cię" "chce dzielić" "chce żebyś" "chce abyś" dopisał dopisała
            "czeka na ciebie" udostępnia "chce dzielić z tobą" "dzielić z tobą" "podzielić się z tobą"
            "dodaliśmy cię" "zostałeś dodany" "zostałaś dodana" "miejsce dla" "widziałby cię" dodany dodana
            "jako członka" "chciałby widzieć" "chciałaby widzieć" "widzieć cię" """,
        "entry": """wejdź wejść wejście "w środku" "otwiera twoje" "otwiera konto" "otworzy twoje" "do konta"
            "na konto" środka""",
        "once": """bezpośrednio "od razu" jednym jednorazowy jednorazowo automatycznie natychmiast
            "jednym kliknięciem" "jedno kliknięcie" "tylko raz" "jeden raz" jednorazowego""",
        "account": """konto konta kontem profil dostęp""",
        "registration": """rejestracja rejestracji rejestrację zapis zapisy""",
        "finish": """zakończyć dokończyć dokończ ukończyć ukończ rozpocząć zacząć aktywacji aktywację korzystać
            uruchomić uruchom""",
        "consent": """zgodę zgody akceptacja zezwól""",
        "entered": """podał podała podano zarejestrował zarejestrowała zarejestrowano wpisano wpisał zapisano
            zapisał""",
        "locked": """zablokowane zablokowano odblokuj odblokować przywrócić""",
        "share": """udostępnił udostępniła "dzieli się" """,
    },
    "sv": {
        "password": """lösenord lösenordet lösenorden""",
        "renew": """nytt ny byt byta byter bytt ändra ändrar ändrat ändrats välj välja väljer skapa skapar
            bestäm glömt glömde förnya annat ersätt ersätta tappat uppdatera utgår skaffa ändring byte nya minns
            ange sätt sätta förnyar""",
        "free": """utan inget inga slipper onödigt istället "behöver inget" "behövs inget" "använder inga"
            "finns inga" "har inga" """,
        "address": """adress adressen *postadress *mejladress mejladress inkorg inkorgen "din e post"
            "ny e post" mejladressen postadressen "e postadress" """,
        "own": """tillhör rätt korrekt stämmer verkligen kontrollera säkra säker godkänn godkänna godkänner
            tillåt "är din" "är ditt" "är min" "är du" """,
        "mail": """mejl mejlen mejlet *brev *brevet *utskick *utskicken meddelanden nyhetsbrev nyhetsbrevet
            avisering aviseringar notis notiser lista listan erbjudanden reklam påminnelser enkäter inbjudningar
            bevakning bevakningen påminnelse påminnelsen "från oss" meddelande tråden nyhetsmejl "de här mejlen" """,
        "stop": """sluta stoppa stopp avsluta avslutar "inte fler" "vill inte" "inga mer" avböj avböja stänga
            "helst inte" avsäg pausa "ta bort" radera "bli av med" "för många" "för mycket" "inget mer"
            "inte ha" "inte få" avbryt avstå trött hellre""",
        "group": """lag laget båtlaget grupp gruppen projekt projektet familj familjen resa resan kanal kanalen
            organisation kalender kalendern klubb klubben tavla klass kurs förening föreningen kören hushåll
            dokument album boken *lista medlem styrelse band *kalender *listan grupp*""",
        "added": """"lagt till" "lade till" "vill ha" "vill att" "lagts till" "har lagts" "en plats" "ha dig"
            "som medlem" "tagit med dig" "satt upp dig" """,
        "entry": """inloggad inne "öppnar ditt" "öppnar kontot" "in på ditt" "till ditt konto" "kommer in"
            "du är inne" """,
        "once": """direkt "ett klick" "ett tryck" automatiskt genast engångs* "en gång" "bara en gång"
            "med ett tryck" """,
        "account": """konto kontot *konto profil""",
        "registration": """registrering registreringen anmälan""",
        "finish": """slutföra slutför färdig klart klar börja använda igång fullfölja fullfölj""",
        "consent": """samtycke samtycka godkännande medgivande""",
        "entered": """angett angav uppgett registrerat registrerade anmält skrivit fyllt angivit registrerats""",
        "locked": """låst spärrat spärrats spärrad "lås upp" låsa "låsas upp" "in igen" """,
        "share": """delar delat""",
    },
    "tr": {
        "password": """şifre* parola*""",
        "renew": """yeni değiştir* değişti* yenile* yenileme* oluştur* belirle* seç seçin seçiniz unuttu*
            unutmuş* süresi dolacak doldu dolmak başka güncelle* kaybet* kaybol* değişiklik* hatırla* yenisini
            tanımla* koy""",
        "free": """olmadan gerekmez gerekmiyor uğraşma uğraşmadan girmeden hatırlamadan "gerek yok"
            "ihtiyacın yok" "ihtiyacınız yok" "gerek kalmadan" kullanmıyoruz""",
        "address": """adres* kutu* "e posta adres" "e postan" "e postanız" """,
        "own": """benim doğru emin kontrol onay onayınız izin "sizin mi" "senin mi" """,
        "mail": """postalar postaları "e postalar" "e postaları" mailler mailleri bülten* bildirim* haber
            haberler kampanya* teklif* hatırlatma* anket* reklam* davetler uyarı* alarm* "e postası" fırsat*
            mesaj* posta bizden ileti*""",
        "stop": """istemiyorsan istemiyor istemezsen istemezseniz istemem artık durdur* bırak* çık çıkın
            çıkabilir* ayrıl* iptal kapat* sustur* almamak vazgeç* yeter kaldır* sil silin "almak istemiyor"
            ilgilenmiyor çıkar* bitir""",
        "group": """grup* takım* ekip* ekib* proje* aile* gezi* kanal* kurum* takvim* kulüp* kulüb* pano*
            topluluk* topluluğ* sınıf* kurs* dernek* derneğ* bütçe* koro* grub* belge* albüm* defter* liste*
            üye*""",
        "added": """ekledi eklendin eklendiniz aramızda katılmanı katılmanızı "yer ayırdı" "sana yer"
            "görmek istiyor" "üye olarak" """,
        "entry": """içeri içeride içeriye "hesabını açar" "hesabınızı açar" "içeri alır" "hesabını doğrudan"
            "hesabınızı doğrudan" hesabına hesabınıza girersin girebilir* içerides*""",
        "once": """doğrudan "tek tıkla" "tek dokunuşla" "tek seferlik" otomatik hemen "tek kullanımlık"
            "bir kez" "tek tık" anında "tek bir" """,
        "account": """hesab* hesap* üyelik* üyeliğ* profil*""",
        "registration": """kayıt kaydı kaydın*""",
        "finish": """tamamla* bitir* başla* etkin* kullanmaya aktif*""",
        "consent": """onay* rıza""",
        "entered": """kaydoldu* kaydol* girdiniz girdin verdiniz belirttiniz yazdınız üye""",
        "locked": """kilitlendi kilitli kilidini engellendi "geri al" kurtar* "tekrar gir" """,
        "share": """paylaştı paylaşıyor""",
    },
    "ru": {
        "password": """пароль пароля паролю паролем пароли паролей""",
        "renew": """новый нового изменить измените измени изменён изменили смените сменить смени смена смену
            поменять поменяйте придумайте придумать задайте задать задания установите установить создайте
            создать выберите выбрать забыли забыл забыт забытый обновите обновить обновления истекает истёк
            другой потеряли потерян укажите заменить изменение изменения смены новая новую новые новой
            "не помните" вспомнить поставить поставьте придума* поменя* задай*""",
        "free": """без забудьте вместо "не нужен" "не нужно" "не надо" "не требуется" "не понадобится"
            "без ввода" "вводить не" "у нас нет" "не используем" "не нужны" """,
        "address": """адрес адреса адресу ящик ящика письма почта почту почтовый "эл почта" "новая почта"
            адресом адресе почты""",
        "own": """принадлежит верно верный правильный убедиться проверить проверяем одобрить одобрите согласие
            согласны согласен разрешить разрешите действительно доходят "это ваш" "именно ваш" "именно вам"
            "доходят именно" приходят""",
        "mail": """писем рассылка рассылки рассылку рассылок рассылке дайджест дайджеста дайджесты уведомления
            уведомлений подписка подписку подписки реклама рекламу опросы опросов напоминания напоминаний
            предложения предложений оповещение оповещения оповещений напоминание сообщения сообщений "от нас"
            рекламы новости новостей""",
        "stop": """отказаться откажитесь "не хочу" "не хочется" "не желаете" "не желаю" остановить остановите
            прекратить прекратите отменить отмените хватит выйти выйдите отключить отключите "не интересно"
            "не интересны" удалить убрать "слишком много" "не нужны" "не интересуют" приостановить стоп""",
        "group": """команда команду команде группа группу группе проект проекту проекте семья семью семье
            поездка поездку канал каналу организация организацию календарь клуб доска доску сообщество класс
            курс чат чате товарищество садоводство бюджет хор документ документу альбом альбома список списка
            участник участником групп* команд* списк* проект* кана* чат* календар* документ* альбом*""",
        "added": """"хочет чтобы" "включила вас" "вас добавили" "место для" "вам место" "видеть вас"
            "в качестве участника" "хочет видеть" """,
        "entry": """зайти заходите зайдите внутрь внутри впустит "открывает кабинет" "открывает личный"
            "открывает ваш" "личный кабинет" "в аккаунт" "в кабинет" "на сайт" впуст* войдёте""",
        "once": """сразу напрямую "одним кликом" "одно нажатие" "одним нажатием" одноразовая одноразовый
            одноразовой автоматически мгновенно "один раз" "в одно нажатие" разовый "без лишних" "одно касание" """,
        "account": """аккаунт* учётн* профил* кабинет* доступ""",
        "registration": """регистраци*""",
        "finish": """завершить завершите завершения закончить закончите начать начните пользоваться включить
            окончания запустить""",
        "consent": """согласия согласитесь соглас*""",
        "entered": """указали указан указана указал зарегистрировал* ввели введён оставили зарегистрирован*""",
        "locked": """заблокирован* вернуть""",
        "share": """поделил* делит*""",
    },
    "uk": {
        "password": """пароль пароля паролю паролем паролі паролів""",
        "renew": """новий нового змінити змініть зміни зміна зміну змінено змінили придумайте придумати задайте
            задати встановіть встановити установіть створіть створити оберіть обрати виберіть вибрати забули
            забув забутий оновіть оновити спливає сплив закінчується інший втратили замінити вкажіть нова нову
            нові нової "не пам ятаєте" пригадати поставити поставте вигада* задай* змінюва*""",
        "free": """без забудьте замість "не потрібен" "не потрібно" "не треба" "не знадобиться" "без введення"
            "у нас немає" "не використовуємо" "не потрібні" """,
        "address": """адреса адреси адресу скринька скриньку скриньки пошта пошту "електронна пошта" "е пошта"
            "нову пошту" адресою поштою""",
        "own": """належить вірно правильно правильна переконатися перевірити перевіряємо схвалити схваліть згода
            згоду згодні дозволити дозвольте справді доходять "це ваш" "саме ваш" "саме вам" "справді ваша"
            "справді ваш" """,
        "mail": """листи листів розсилка розсилки розсилку розсилок дайджест дайджеста сповіщення сповіщень
            підписка підписку підписки реклама рекламу опитування опитувань нагадування нагадувань пропозиції
            пропозицій оповіщення повідомлення повідомлень "від нас" реклами новини новин""",
        "stop": """відмовитися відмовтеся "не хочу" "не бажаєте" "не бажаю" зупинити зупиніть припинити
            припиніть скасувати скасуйте досить вийти вийдіть вимкнути вимкніть "не цікаво" видалити прибрати
            забагато "не потрібні" "не цікавлять" призупинити стоп""",
        "group": """команда команду команди група групу групи проєкт проєкту проект проекту родина родину родини
            подорож канал каналу організація організації календар клуб клубу дошка дошку спільнота спільноту
            клас курс чат товариство бюджет бюджету хор документ документа альбом альбому список списку учасник
            учасником груп* команд* списк* проєкт* проект* канал* чат* календар* документ* альбом*""",
        "added": """"хоче щоб" "чекає на" "вас додали" "місце для" "вам місце" "бачити вас" "хоче бачити" """,
        "entry": """зайти заходьте зайдіть всередину всередині впустить "відкриває кабінет"
            "відкриває особистий" "відкриває ваш" "особистий кабінет" "в акаунт" "до кабінету" "до акаунту"
            впуст* увійдете""",
        "once": """одразу відразу напряму "одним кліком" "один клік" "одним натиском" "одним натисканням"
            одноразове одноразовий автоматично миттєво "один раз" "в один дотик" разовий "одним дотиком"
            "один дотик" """,
        "account": """акаунт* обліков* профіл* кабінет* доступ""",
        "registration": """реєстраці*""",
        "finish": """завершити завершіть завершення закінчити закінчіть почати почніть користуватися увімкнути
            розпочати запустити""",
        "consent": """згоди погодьтеся погодж*""",
        "entered": """вказали вказано вказана вказав зареєструвал* ввели введено залишили зареєструва*""",
        "locked": """заблокован* повернути""",
        "share": """поділи* ділит*""",
    },
    "ja": {
        "password": """パスワード""",
        "renew": """新しい 変更 変えて 変わり 決めて 決める 設定 設定し 作成 作って 登録し直し 忘れ 失くし
            期限切れ 更新 別の もう一度 思い出せない 覚えていない 決め直 新規 入れ直""",
        "free": """なし 不要 いりません いらない 要りません 必要ありません 必要なく 使わず 使わない 入力せず
            入力しなくて 覚えなくて 要らない なくても 使いません 使用しません""",
        "address": """アドレス 受信箱 メールボックス 受信トレイ メールアドレスに アドレスに""",
        "own": """ご本人 本人 私の わたしの 正しい 間違いない 確かめ 承認 同意 届いている 確定 間違いがない
            正しいか""",
        "mail": """メルマガ ニュースレター 通知 配信 アンケート リスト 購読 広告 DM アラート リマインダー
            このようなメール こうしたメール このメール 案内メール お知らせメール ご案内 お知らせ メールの受信
            メールを受け""",
        "stop": """停止 やめ 止め 希望しない ご希望でない 不要な 必要ない 受信したくない オフ 拒否 送らない
            送信しない 削除 止める ミュート 解約 やめたい""",
        "group": """グループ チーム プロジェクト 家族 旅行 チャンネル 組織 カレンダー クラブ ボード コミュニティ
            ワークスペース クラス 講座 町内会 サークル 家計簿 アルバム ドキュメント ノート メンバー 買い物リスト
            組""",
        "added": """追加され 誘って お誘い 加わって あなたを 追加されました に加わり 編集しませんか 招かれ
            加えました""",
        "entry": """入れます 入る 入れる アカウントが開き アカウントを開き ログインでき 入室 入れ""",
        "once": """ワンクリック ワンタップ 押すだけ クリックするだけ タップするだけ 自動で そのまま 一度だけ
            1回限り 一回限り ボタンひとつ すぐに""",
        "account": """アカウント ご利用 会員登録 プロフィール""",
        "registration": """登録 申し込み お申込み""",
        "finish": """完了 完成 開始 始め 使い始め 手続き 仕上げ""",
        "consent": """承諾 許可""",
        "entered": """ご登録 入力されました 登録されました 入力いただ 使って登録 お申し込み""",
        "locked": """ロック 復旧 復元""",
        "share": """共有しました 共有され""",
    },
    "ko": {
        "password": """비밀번호 암호 패스워드""",
        "renew": """새로 새로운 변경 바꾸 바꿔 바뀌 설정 만들 정해 정하 잊으 잊어 갱신 분실 찾기 "다시 만들"
            "다시 정" 기억나지 기억이 새롭게 지정""",
        "free": """없이 몰라도 않아도 불필요 없어도 "필요 없" "필요하지 않" 필요없 "쓰지 않" "사용하지 않" """,
        "address": """메일함 편지함 "이 주소" "새 주소" "이메일 주소" "메일 주소" "새 이메일" "이메일 변경" """,
        "own": """본인 맞는지 맞으시면 맞습니다 맞다면 승인 동의 "제 것" 본인의""",
        "mail": """뉴스레터 소식지 소식 알림 광고 설문 알리미 "이런 메일" 메일을 "이런 이메일" 메일이 안내
            "이메일 수신" "메일 수신" """,
        "stop": """"받고 싶지" 원하지 원치 중단 중지 거부 해지 해제 끄려면 "더 이상" "그만 보" 끄기 삭제 끄고
            그만 무시 끊""",
        "group": """그룹 프로젝트 가족 여행 채널 조직 캘린더 동호회 모임 보드 커뮤니티 워크스페이스 학급 강좌
            가계부 앨범 문서 목록을 목록 멤버""",
        "added": """함께하 "함께 하" 추가되었 "함께 편집" "같이 편집" 추가했 추가하였""",
        "entry": """들어가 들어갑 들어갈 "계정이 열" "계정을 엽" 접속 입장 로그인됩 로그인할""",
        "once": """바로 "클릭 한" 누르면 누르기만 버튼만 원클릭 "한 번만" 일회용 즉시 곧바로""",
        "account": """계정 회원 프로필""",
        "registration": """가입 등록""",
        "finish": """완료 마무리 마치 시작 이용하려면 사용하려면""",
        "consent": """허용""",
        "entered": """입력하셨 등록하셨 신청하셨 가입하셨 등록되 사용하여""",
        "locked": """잠겼 잠금 복구 차단""",
        "share": """공유했 공유하""",
    },
    "zh": {
        "password": """密码 密碼 口令""",
        "renew": """新 更改 修改 变更 變更 更换 更換 设置 設定 设定 忘记 忘記 过期 過期 到期 更新 另一个 找回
            换一个 换个 換一個 重新 设定新 新的密 想不起 记不 記不 新设 设一个 設一個 改为 改成""",
        "free": """无需 無需 不用 不必 无须 無須 不需要 不使用 没有密 沒有密 免输""",
        "address": """邮箱 信箱 郵箱 电子邮件地址 電子郵件地址 邮件地址 邮箱地址""",
        "own": """我的 本人 正确 正確 确定 確定 核实 核實 同意 属于 屬於 寄到 是否正确 是否正確 是您吗""",
        "mail": """邮件 郵件 通知 推送 电子报 電子報 广告 廣告 资讯 資訊 提醒 问卷 問卷 简报 簡報 信件 预警
            此类信 此類信 这类邮件 這類郵件 推广 推廣 消息""",
        "stop": """取消 停止 不再 不想 不愿 不願 不要 退出 拒绝 拒絕 关闭 關閉 屏蔽 删除 刪除 太多 不感興趣 静音
            靜音 别再 別再""",
        "group": """群组 群組 团队 團隊 项目 專案 家庭 旅行 频道 頻道 组织 組織 日历 日曆 俱乐部 社区 社群
            工作区 班级 班級 课程 課程 小组 小組 相册 相簿 文档 文件 清单 清單 成员 成員 乐队 合唱团""",
        "added": """把您 将您 把你 想让您 想让你 拉您 被加入 已被加入 已被添加 一起编辑 一起編輯 加为""",
        "entry": """进入 進入 进去 進去 进入账号 進入帳號 进入您的账 打开账号 打开您的账 登录账 登入帳 直达 直達
            登录您 登入您""",
        "once": """一键 一鍵 点一下 點一下 一次 一次性 直接 点击即可 點擊即可""",
        "account": """账户 账号 帳號 帳戶 帐号 帐户""",
        "registration": """注册 註冊 登记 登記""",
        "finish": """完成 开始使用 開始使用 开通 開通 启动 啟動 办理完""",
        "consent": """批准 授权 授權 许可 許可""",
        "entered": """填写 填寫 注册了 註冊了 提交了 留下 输入了""",
        "locked": """锁定 鎖定 冻结 凍結 恢复 恢復""",
        "share": """分享了 共享""",
    },
}
