"""Words that say what a link is for two at a time: "choose" says nothing, but with "password" in one sentence much.

How a service words its sentence ("choose a new password", "your password can be changed here") cannot be listed; which
things such a sentence speaks of, and what it does with them, can. Written as in `code_words`.

password   a password                     renew   to choose, to change, to forget: with a password a reset
                                          free    nobody needs it: with a password a magic link
address    a mail address, a mailbox      own     is yours, is right, is approved: with an address to verify
mail       what a list sends              stop    is not wanted any more: with mail to unsubscribe
group      has members                    added   one person wants another in: with a group an invitation
entry      to get into an account         once    at once, one time, one click: with an entry a magic link
matter     what else is confirmed: an appointment, an order
device     what else is reset
page       what else a link leads to: to read, to buy, to track
"""

from __future__ import annotations

from typing import Final

PAIRS: Final[dict[frozenset[str], str]] = {
    frozenset({"password", "renew"}): "reset",
    frozenset({"password", "free"}): "magic",
    frozenset({"address", "own"}): "verify",
    frozenset({"address", "renew"}): "moved",  # to verify, if that is what the subject says
    frozenset({"mail", "stop"}): "unsubscribe",
    frozenset({"group", "added"}): "invite",
    frozenset({"entry", "once"}): "magic",
    frozenset({"signin", "once"}): "magic",
}

# "Confirm your order" verifies no address, and "reset the router" sets no password.
OTHER_PAIRS: Final = {"verify": "matter", "reset": "device"}
# What tells that the address is meant all the same: "confirm your address to see your order".
SHIELDS: Final = {"verify": {"address", "mail"}, "reset": {"password"}}

PAIR_WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "password": """password passwords passphrase""",
        "renew": """choose choosing pick create creating set setting change changing replace replaced renew
            renewing expire expires expired expiring new another forgot forgotten forget lost recover update
            updating enter define""",
        "free": """without needless unnecessary forget "no more" "no need" "instead of" "never need" "not needed"
            "don t need" "needs no" "need no" "rather than" "isn t needed" "not required" "no longer need" """,
        "address": """address inbox mailbox "e mail address" """,
        "own": """yours mine belongs own correct really prove proof certain sure agree accept "to you"
            "reach you" "reaches you" "is you" "still use" "right address" approve approving approved consent
            "takes effect" """,
        "mail": """mail mails email emails "e mail" "e mails" newsletter newsletters notification notifications
            update updates digest digests reminders alerts list lists letter letters survey surveys offers
            summary summaries reminder recommendations report reports invitations announcements "hear from us"
            "mails like this" "emails like this" "e mails like this" "these messages" "messages like this" """,
        "stop": """stop stopping leave leaving cancel "don t want" "do not want" "don t wish" "do not wish"
            "no longer" "no more" "rather not" fewer mute end "not to receive" "not receive" "stop getting"
            "any more" anymore hear "not hear" "get out" "prefer not" disable "switch off" opted "won t ask" """,
        "group": """team group workspace project board club family trip channel organisation organization
            calendar community crew space server company household chat class course plan roster league room
            department circle budget""",
        "added": """"added you" "wants you" "asked you" "asks you" invites "put you" "would like you"
            "you to join" "share with you" "sharing with you" "shared with you" "with you" "has a place"
            "you ve been added" "you have been added" "you were added" "adds you" "waiting for you" "saved you"
            "become a member" """,
        "entry": """"into your account" "to your account" "into my account" "to my account" "get in" "way in"
            "take me" "let me in" "lets you in" "let you in" "gets you" """,
        "once": """once "one click" "one tap" directly "single use" "one time" automatically""",
        "matter": """appointment visit booking reservation table order orders purchase delivery shipment parcel
            payment transfer age card voucher coupon bonus points discount attendance coming participation seat
            ticket trip flight size cart basket meeting invoice bill shift rsvp quote""",
        "device": """router modem boiler device devices machine factory button watch appliance settings
            thermostat console printer counter meter""",
        "page": """read more shop buy browse discover track tracking order orders invoice download pay rate
            review survey feedback reschedule calendar directions map blog story article video tour home homepage
            website store details dashboard statement booking appointment reserve conditions faq guide manual
            instructions offers sale gift devices activity recipe watch listen app menu tickets comment rules""",
    },
    "de": {
        "password": """*passwort passwörter* passworts kennwort kennworts kennwörter* losungswort zugangswort""",
        "renew": """neu neue neues neuen ändern ändere änderung wählen wähle wählst aussuchen vergeben vergib
            vergessen vergisst festlegen festzulegen setzen setze erstellen erstelle anlegen erneuern erneuere
            erneuerung abgelaufen ersetzen ersetze anderes anderen verloren geändert lege legen legst fest""",
        "free": """ohne kein keine keines unnötig überflüssig "nicht nötig" "nicht mehr nötig" "braucht es nicht" """,
        "address": """adresse mailadresse emailadresse postfach mailbox "e mail adresse" """,
        "own": """gehört stimmt richtig korrekt wirklich prüfen prüfe überprüfen zustimmen zustimme zustimmung
            genehmigen einverstanden sicherstellen sichergehen ihnen tatsächlich "ist ihre" "ist deine"
            "sind sie" "bist du" wirksam freigeben""",
        "mail": """*mail *mails *newsletter *newsletters *newslettern nachricht nachrichten *nachrichten post
            verteiler liste rundbrief* hinweise benachrichtigung* erinnerung* umfragen umfrage angebote werbung
            infos informationen zusendung* bericht berichte briefe brief abo einladungen zuschriften""",
        "stop": """stoppen stopp beenden beende abschalten ausschalten abstellen austragen abbestellen verzichten
            verzichte "nicht mehr" "nicht länger" "keine weiteren" "kein interesse" "lieber nicht" "keine lust"
            "künftig nicht" "in zukunft nicht" "nicht wünschen" "nicht erhalten" "nicht bekommen" widersprechen
            widerspruch "wollen sie keine" "willst du keine" "möchten sie keine" "möchtest du keine" "keine mehr"
            "nichts mehr" ersparen verschonen stumm "wünschen sie keine" "mag keine" "will keine" "zu viele"
            "nicht haben" """,
        "group": """team gruppe projekt verein familie reise kanal organisation kalender arbeitsbereich
            mannschaft kreis chat klasse kurs gemeinschaft raum runde haushalt wg kasse""",
        "added": """"möchte dich" "möchte sie" "hätte dich" "hätte sie" dabeihaben "lädt dich" "lädt sie"
            "holt dich" "wünscht sich" """,
        "entry": """"in dein" "in ihr" hinein reinkommen drin "zu deinem" "zu ihrem" angemeldet eingeloggt""",
        "once": """direkt einmalig "einem klick" "ein klick" "einem tipp" automatisch schnurstracks""",
        "matter": """termin besuch buchung reservierung tisch bestellung kauf lieferung sendung paket zahlung
            überweisung alter karte kundenkarte gutschein bonus punkte rabatt teilnahme kommen anwesenheit platz
            ticket reise flug größe warenkorb treffen rechnung schicht angebot auftrag empfang erhalt""",
        "device": """router modem heizung gerät geräte maschine werkseinstellung* taste uhr einstellungen
            thermostat konsole drucker zähler""",
        "page": """lesen weiterlesen mehr shop einkaufen kaufen stöbern entdecken verfolgen sendungsverfolgung
            bestellung bestellungen rechnung herunterladen bezahlen bewerten bewertung umfrage verschieben
            kalender anfahrt karte blog artikel video startseite webseite website details übersicht termin
            reservieren bedingungen faq anleitung angebote sortiment geräte rezept ansehen anhören app
            speisekarte widerruf* versand kommentar absagen stornieren""",
    },
    "fr": {
        "password": """"mot de passe" "mots de passe" mdp "code secret" "mot d accès" """,
        "renew": """nouveau nouvel changer changez change modifier modifiez modifie choisir choisissez choisis
            créer créez crée définir définissez définis renouveler renouvelez renouvelle oublié oubliez expire
            expiration remplacer remplacez autre perdu retrouver""",
        "free": """sans besoin inutile aucun "au lieu" "n avez pas besoin" "pas la peine" """,
        "address": """adresse boîte messagerie "adresse mail" "adresse e mail" "boîte mail"
            "adresse électronique" """,
        "own": """tienne mienne moi appartient exacte correcte prouver prouvez vérifier assurer approuver
            approuvez accepter acceptez autoriser autorisez "est la vôtre" "est bien" "est à vous" effet""",
        "mail": """mail mails "e mail" "e mails" email emails courriel courriels newsletter newsletters lettre
            lettres infolettre notification notifications liste alerte alertes offres publicité publicités
            rappels invitations actualités sondages enquêtes envois résumé""",
        "stop": """arrêter arrêtez arrête stopper cesser cessez quitter quittez "ne plus" "n en plus"
            "ne souhaitez plus" "ne voulez plus" "ne veux plus" "ne souhaitez pas" "ne voulez pas" désactiver
            désactivez marre "ne désirez plus" "ne souhaite plus" retirer radier""",
        "group": """équipe groupe projet famille voyage canal organisation calendrier espace club chorale cercle
            association classe cours tableau communauté salon foyer coloc cagnotte""",
        "added": """"vous a ajouté" "t a ajouté" "vous propose" "te propose" "vous invite" "t invite"
            "souhaite vous" "aimerait vous" "vous convie" "veut t" "voudrait t" "vous souhaite" "partage avec" """,
        "entry": """accéder accédez accède entrer entrez entre""",
        "once": """directement "un clic" "un seul clic" "un geste" automatiquement instantané instantanément""",
        "matter": """rendez visite réservation table commande achat livraison envoi colis paiement virement âge
            carte bon coupon bonus points réduction présence venue participation place billet voyage vol taille
            pointure panier réunion facture devis""",
        "device": """routeur modem box chaudière appareil appareils machine usine bouton montre réglages
            thermostat console imprimante compteur""",
        "page": """lire suite boutique acheter découvrir suivre suivi commande commandes facture télécharger
            payer noter avis enquête déplacer reporter calendrier plan blog article vidéo accueil site détails
            rendez réserver conditions guide notice offres appareils recette regarder écouter appli profite
            panier livraison retours producteurs annuler""",
    },
    "es": {
        "password": """contraseña contraseñas clave claves password""",
        "renew": """nueva nuevo cambiar cambia cambie cambió cambiado crear crea cree elegir elige elija definir
            define defina establecer establece establezca olvidada olvidado olvidaste olvidó renovar renueva
            renueve caduca caducado vence expira otra reemplazar perdida actualizar actualiza actualice modificar
            modifica modifique escoge escoja escoger poner pon créala cámbiala""",
        "free": """sin olvídate olvida innecesaria "nada de" "en lugar" "no necesitas" "no necesita"
            "no hace falta" "ninguna falta" """,
        "address": """dirección buzón""",
        "own": """tuyo tuya suyo suya mío mía pertenece correcta correcto comprobar comprobamos compruebe
            comprueba asegurarnos aprobar aprueba apruebe autorizar autoriza autorice realmente "es tuyo"
            "es suyo" "es tuya" "es suya" "es mío" "es mía" "sea tuyo" "sea suyo" """,
        "mail": """correos mails emails boletín boletines notificación notificaciones aviso avisos lista
            publicidad ofertas promociones recordatorios encuestas newsletter comunicaciones invitaciones resumen
            novedades envíos""",
        "stop": """dejar deja deje parar "no quiero" "no quieres" "no quiere" "quiera recibir" "no deseo"
            "no deseas" "no desea" "ya no" "no más" "no recibir" cancelar cancela cancele detener salir anular
            anula desactivar desactiva desactive "no volver" suspender borrarme borrarte "prefieres no" silenciar
            "no envíen" """,
        "group": """equipo grupo proyecto familia viaje canal organización calendario espacio club tablero
            comunidad clase curso asociación sala peña liga presupuesto""",
        "added": """"te ha añadido" "le ha añadido" "te añadió" "te agregó" "te ha apuntado" "te ha incluido"
            "te ha metido" "quiere que" "te invita" "le invita" "te propone" "te sumó" """,
        "entry": """entrar entra entre acceder accede acceda ingresa ingresar ingrese""",
        "once": """directamente "un clic" "un toque" "una sola vez" automáticamente""",
        "matter": """cita visita reserva mesa pedido compra entrega envío paquete pago transferencia edad tarjeta
            cupón bono puntos descuento asistencia participación plaza asiento billete viaje vuelo talla carrito
            reunión factura presupuesto turno""",
        "device": """router módem caldera dispositivo aparato máquina fábrica botón reloj ajustes termostato
            consola impresora contador""",
        "page": """leer más tienda comprar descubrir descubre rastrear seguir seguimiento pedido pedidos factura
            descargar pagar valorar reseña encuesta cambiar calendario mapa blog artículo vídeo video inicio
            sitio web detalles cita reservar guía manual ofertas dispositivos receta ver mirar escuchar app
            carrito envíos devoluciones actividad itinerario consejos anular""",
    },
    "it": {
        "password": """password "parola d ordine" "parola chiave" "parola d accesso" """,
        "renew": """nuova nuovo cambia cambiare cambi cambiata scegli scegliere scelga crea creare crei creane
            imposta impostare imposti definire definisci dimenticata dimenticato rinnova rinnovare scade scaduta
            altra sostituire modificare modifica modifichi modificata perduta persa smarrita cambiala""",
        "free": """senza niente inutile dimentica "invece di" "non serve" "non servono" "bisogno di" """,
        "address": """indirizzo casella""",
        "own": """appartiene corretto corretta verificare controllare controllo approva approvare approvi
            autorizza autorizzare autorizzi davvero "è davvero" "sia tuo" "sia tua" "sia sua" "sia suo" """,
        "mail": """newsletter notifiche notifica avvisi avviso lista comunicazioni pubblicità promozioni offerte
            promemoria sondaggi inviti bollettino riepilogo aggiornamenti""",
        "stop": """basta smetti smettere "non vuoi" "non vuole" "non voglio" "non desidero" "non desideri"
            "non desidera" "non ricevere" "non più" fermare ferma interrompere interrompi annulla annullare
            disattiva disattivare lasciare lascia rinuncia rinunciare sospendi "non essere" uscire
            "preferisci non" silenzia""",
        "group": """squadra gruppo progetto famiglia viaggio canale organizzazione calendario spazio club bacheca
            comunità classe corso associazione condominio turni coro cassa""",
        "added": """"ti ha aggiunto" "ti ha aggiunta" "la ha aggiunta" "ti ha inserito" "ti ha inserita"
            "ti vuole" "ti invita" "la invita" "vorrebbe che" "ti propone" "ti ha messo" """,
        "entry": """entrare entra entri accedere accedi acceda dentro""",
        "once": """direttamente "un clic" "un tocco" "una sola volta" automaticamente""",
        "matter": """appuntamento visita prenotazione tavolo ordine acquisto consegna spedizione pacco pagamento
            bonifico età carta buono buoni coupon bonus punti sconto presenza partecipazione posto biglietto
            viaggio volo taglia carrello riunione fattura preventivo turno""",
        "device": """router modem caldaia dispositivo apparecchio macchina fabbrica pulsante orologio
            impostazioni termostato console stampante contatore""",
        "page": """leggi leggere altro negozio compra acquista scopri traccia segui ordine ordini fattura scarica
            paga valuta recensione sondaggio sposta calendario mappa blog articolo video sito home dettagli
            appuntamento prenota guida manuale offerte volantino dispositivi ricetta guarda ascolta app carrello
            resi corsi orari""",
    },
    "pt": {
        "password": """senha senhas "palavra passe" "palavras passe" password""",
        "renew": """nova novo criar crie cria alterar altere altera alterada mudar mude muda trocar troque troca
            escolher escolha escolhe definir defina define redefinir esqueceu esqueci esqueceste esquecida
            renovar renove expira expirou vence outra substituir atualizar atualize perdida cadastrar cadastre""",
        "free": """sem nada nenhuma dispensa esqueça esquece "em vez" "não precisa" "não precisas" "nem precisa"
            "não é preciso" "dispensa a" """,
        "address": """endereço caixa""",
        "own": """pertence correto verificar conferir certificar comprovar certeza aprovar aprove aprova
            autorizar autorize autoriza "seja seu" "é mesmo" """,
        "mail": """"e mails" emails newsletter newsletters boletim boletins notificação notificações aviso avisos
            lista ofertas promoções lembretes pesquisas publicidade novidades comunicações convites resumo""",
        "stop": """parar pare deixar deixe cancelar cancele cancela sair saia "não quero" "não quer" "não queres"
            "não desejo" "não deseja" "não desejas" "não receber" "não mais" remover remova desativar desative
            anular silenciar interromper dispensar "prefere não" "prefere deixar" """,
        "group": """equipe equipa grupo projeto projecto família viagem canal organização calendário espaço clube
            quadro comunidade turma curso associação condomínio república orçamento""",
        "added": """"adicionou você" "te adicionou" "adicionou te" convidou "quer que" chamou""",
        "entry": """entrar entre entra aceder aceda acessar acesse""",
        "once": """diretamente direto "um clique" "um toque" "uma única vez" automaticamente""",
        "matter": """consulta visita reserva mesa pedido encomenda compra entrega envio pacote pagamento
            transferência idade cartão cupom cupão bônus pontos desconto presença participação lugar bilhete
            viagem voo tamanho carrinho reunião fatura orçamento turno""",
        "device": """roteador router modem caldeira aparelho dispositivo máquina fábrica botão relógio termostato
            console impressora contador""",
        "page": """ler leia mais loja comprar descobrir descubra rastrear rastreio acompanhar pedido pedidos
            fatura boleto baixar descarregar pagar avaliar avaliação pesquisa reagendar calendário mapa blog
            artigo vídeo início site detalhes consulta reservar guia manual ofertas seleção dispositivos receita
            ver veja ouvir app carrinho devoluções bairros""",
    },
    "nl": {
        "password": """*wachtwoord wachtwoorden ww""",
        "renew": """nieuw nieuwe kies kiezen wijzig wijzigen gewijzigd verander veranderen maken instellen
            ingesteld vergeten vergat verloopt verlopen vernieuw vernieuwen vervang vervangen ander kwijt bepaal
            verzin bedenk aanmaken stel aangepast""",
        "free": """zonder overbodig "in plaats" "geen wachtwoord nodig" "niet nodig" "hoef je geen" "hoeft geen" """,
        "address": """adres *mailadres postbus inbox postvak""",
        "own": """klopt correct echt zeker controleren controleer akkoord goedkeuren toestaan instemmen "van jou"
            "van u" "is van mij" "jouw mailbox" "hoort bij" """,
        "mail": """mails "e mails" emails *nieuwsbrief *nieuwsbrieven berichten melding meldingen lijst
            aanbiedingen reclame herinneringen post enquêtes updates uitnodigingen samenvatting verzoeken""",
        "stop": """stop stoppen stopzetten "niet meer" "niet langer" "liever niet" "liever geen" "geen meer"
            "wil geen" "wil je geen" "wilt u geen" beëindigen uitzetten uitschakelen opzeggen annuleren annuleer
            verlaten verlaat genoeg dempen""",
        "group": """team groep project familie reis kanaal organisatie agenda werkruimte club gemeenschap klas
            cursus vereniging kring huishouden chat pot""",
        "added": """"wil jou" "nodigt je" "nodigt u" "vraagt je" "heeft je" "heeft jou" "heeft u" plek plekje
            uitgenodigd "wacht op je" """,
        "entry": """binnen "naar je" "naar mijn" "naar uw" "in je account" ingelogd aangemeld""",
        "once": """direct meteen eenmalig "één keer" "één klik" "één tik" automatisch""",
        "matter": """afspraak bezoek boeking reservering tafel bestelling aankoop levering zending pakket
            betaling overboeking leeftijd kaart klantenkaart bon coupon bonus punten korting aanwezigheid komst
            deelname plaats ticket reis vlucht maat winkelwagen vergadering factuur offerte dienst""",
        "device": """router modem ketel apparaat apparaten machine fabrieks* knop horloge thermostaat console
            printer meter""",
        "page": """lees lezen meer winkel shop koop bekijk bekijken ontdek volg volgen bestelling bestellingen
            factuur download downloaden betaal betalen beoordeel beoordeling enquête verzetten agenda route kaart
            blog artikel video website site details afspraak reserveren handleiding uitleg aanbiedingen apparaten
            recept luister app verzending retour annuleren""",
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
            powiadomień oferty ofert reklamy reklam przypomnienia przypomnień ankiety ankiet zaproszenia
            zaproszeń biuletyn biuletynu próśb prośby""",
        "stop": """"nie chcę" "nie chcesz" "nie chce" "nie życzy" "nie życzę" "nie życzysz" przestań zatrzymaj
            zakończ wyłącz wyłączyć anuluj anulować dość "więcej nie" "już nie" "nie otrzymywać" "nie wysyłaj"
            "nie wysyłajcie" opuść rezygnacja wycisz "nie więcej" """,
        "group": """zespół zespołu grupa grupy grupie projekt projektu rodzina rodziny podróż kanał kanału
            organizacja organizacji kalendarz kalendarza klub klubu tablica tablicy społeczność klasa kurs budżet
            chór chóru drużyna drużyny listę""",
        "added": """"dodał cię" "dodała cię" "dodał panią" "dodał pana" "dodał ciebie" "dodano cię"
            "chce dzielić" "chce żebyś" "chce abyś" dopisał dopisała "czeka na ciebie" udostępnia
            "chce dzielić z tobą" "dzielić z tobą" "podzielić się z tobą" """,
        "entry": """wejdź wejść wejście "w środku" zalogowany zalogowana""",
        "once": """bezpośrednio "od razu" jednym jednorazowy jednorazowo automatycznie""",
        "matter": """wizyta wizytę wizyty rezerwacja rezerwację stolik zamówienie zamówienia zakup dostawa
            dostawę przesyłka przesyłkę paczka paczkę płatność przelew wiek kartę karta karty kupon bonus punkty
            rabat obecność przybycie udział miejsce bilet podróż lot rozmiar koszyk spotkanie faktura fakturę
            wycena zmiana""",
        "device": """router routera modem modemu kocioł piec urządzenie urządzenia maszyna fabryczne fabrycznych
            przycisk zegarek ustawień termostat konsola drukarka licznik""",
        "page": """czytaj przeczytaj więcej sklep kup odkryj śledź zamówienie zamówienia faktura pobierz zapłać
            oceń opinia ankieta przełóż kalendarz mapa blog artykuł wideo strona szczegóły rezerwuj instrukcja
            oferty urządzenia urządzeń przepis zobacz obejrzyj posłuchaj aplikacja dostawa zwroty odwołaj poradę
            sprawdź""",
    },
    "sv": {
        "password": """lösenord lösenordet lösenorden""",
        "renew": """nytt ny byt byta byter bytt ändra ändrar ändrat ändrats välj välja väljer skapa skapar bestäm
            glömt glömde förnya annat ersätt ersätta tappat uppdatera utgår skaffa""",
        "free": """utan inget inga slipper onödigt istället "behöver inget" "behövs inget" """,
        "address": """adress adressen *postadress *mejladress mejladress inkorg inkorgen""",
        "own": """tillhör rätt korrekt stämmer verkligen kontrollera säkra säker godkänn godkänna godkänner
            tillåt "är din" "är ditt" "är min" "är du" """,
        "mail": """mejl mejlen mejlet *brev *brevet *utskick *utskicken meddelanden nyhetsbrev nyhetsbrevet
            avisering aviseringar notis notiser lista listan erbjudanden reklam påminnelser enkäter inbjudningar""",
        "stop": """sluta stoppa stopp avsluta avslutar "inte längre" "inte fler" "vill inte" "vill du inte" slipp
            slippa "inga fler" "inga mer" avböj avböja stänga "helst inte" avsäg pausa tysta inga""",
        "group": """lag laget båtlaget grupp gruppen projekt projektet familj familjen resa resan kanal kanalen
            organisation kalender kalendern klubb klubben tavla klass kurs förening föreningen kören hushåll""",
        "added": """"lagt till" "lade till" "vill ha" "bjuder in" "bjudit in" "bjöd in" "vill att" """,
        "entry": """inloggad inne""",
        "once": """direkt "ett klick" "ett tryck" automatiskt""",
        "matter": """tid tiden besök besöket bokning bokningen bord bordet beställning beställningen köp köpet
            leverans leveransen paket paketet betalning betalningen överföring ålder kort kortet kupong bonus
            poäng rabatt närvaro deltagande plats biljett resa flyg storlek varukorg möte mötet faktura offert
            order""",
        "device": """router routern modem panna apparat enhet enheter maskin fabriks* knapp klocka termostat
            konsol skrivare mätare""",
        "page": """läs mer butik handla köp upptäck spåra följ beställning beställningar faktura ladda betala
            betygsätt omdöme enkät omboka kalender karta blogg artikel video hemsida webbplats detaljer boka
            guide instruktioner erbjudanden enheter recept se titta lyssna app leverans retur avboka schema
            schemat""",
    },
    "tr": {
        "password": """şifre* parola*""",
        "renew": """yeni değiştir* değişti* yenile* yenileme* oluştur* belirle* seç seçin seçiniz unuttu*
            unutmuş* süresi dolacak doldu dolmak başka güncelle* kaybet* kaybol*""",
        "free": """olmadan gerekmez gerekmiyor uğraşma uğraşmadan girmeden hatırlamadan "gerek yok"
            "ihtiyacın yok" "ihtiyacınız yok" "gerek kalmadan" """,
        "address": """adres* kutu*""",
        "own": """benim doğru emin kontrol onay onayınız onaylamanız kabul izin "sana ait" "size ait" "sizin mi"
            "senin mi" """,
        "mail": """postalar postaları "e postalar" "e postaları" mailler mailleri bülten* bildirim* haber
            haberler kampanya* teklif* hatırlatma* anket* reklam* davetler""",
        "stop": """istemiyorum istemiyorsan istemiyorsanız istemiyor istemezsen istemezseniz istemem artık
            durdur* bırak* çık çıkın çıkmak çıkabilir* ayrıl* iptal kapat* sustur* "daha fazla" almamak vazgeç*
            yeter""",
        "group": """grup* takım* ekip* ekib* proje* aile* gezi* kanal* kurum* takvim* kulüp* kulüb* pano*
            topluluk* topluluğ* sınıf* kurs* dernek* derneğ* bütçe* koro*""",
        "added": """ekledi eklendin eklendiniz "davet etti" aramızda katılmanı katılmanızı""",
        "entry": """içeri içeride içeriye""",
        "once": """doğrudan "tek tıkla" "tek dokunuşla" "tek seferlik" otomatik""",
        "matter": """randevu* ziyaret* rezervasyon* masa sipariş* alışveriş* teslimat* gönderi* paket* ödeme*
            havale* yaş* kart kartı kartını kartınızı kupon* bonus* puan* indirim* katılım* geleceği* bilet*
            seyahat* uçuş* beden sepet* toplantı* fatura* teklif*""",
        "device": """modem* router* kombi* cihaz* makine* fabrika* düğmesi saat* termostat* konsol* yazıcı*
            sayaç*""",
        "page": """oku okuyun devamını fazla mağaza alışveriş* keşfet incele takip sipariş* fatura* indir öde
            değerlendir* anket* ertele takvim harita blog makale video site detay* randevu* rezervasyon* kılavuz
            kampanya* cihaz* tarif* izle dinle uygulama* sepet* iade teslimat* ayrıntı* iptal""",
    },
    "ru": {
        "password": """пароль пароля паролю паролем пароли паролей""",
        "renew": """новый нового изменить измените измени изменён изменили смените сменить смени смена смену
            поменять поменяйте придумайте придумать задайте задать задания установите установить создайте создать
            выберите выбрать забыли забыл забыт забытый обновите обновить обновления истекает истёк истек другой
            потеряли потерян укажите заменить""",
        "free": """без забудьте вместо "не нужен" "не нужно" "не надо" "не требуется" "не понадобится"
            "без ввода" "вводить не" """,
        "address": """адрес адреса адресу ящик ящика письма""",
        "own": """принадлежит верно верный правильный убедиться проверить проверяем одобрить одобрите согласие
            согласны согласен разрешить разрешите действительно доходят "это ваш" "именно ваш" "именно вам"
            "это мой" "доходят именно" приходят""",
        "mail": """письма писем рассылка рассылки рассылку рассылок рассылке дайджест дайджеста дайджесты
            уведомления уведомлений подписка подписку подписки реклама рекламу опросы опросов напоминания
            напоминаний предложения предложений приглашения приглашений""",
        "stop": """отказаться откажитесь "не хотите" "не хочу" "не хочется" "не желаете" "не желаю" остановить
            остановите прекратить прекратите отменить отмените "больше не" "не получать" "не присылать"
            "не присылайте" "не писать" хватит выйти выйдите отключить отключите "не интересно" "не интересны" """,
        "group": """команда команду команде группа группу группе проект проекту проекте семья семью семье поездка
            поездку канал каналу организация организацию календарь клуб доска доску сообщество класс курс чат
            чате товарищество садоводство бюджет хор""",
        "added": """"добавил вас" "добавила вас" "добавили вас" "добавил тебя" "добавила тебя" "зовёт вас"
            "зовет вас" "зовёт тебя" "хочет чтобы" "ждёт вас" "включил вас" "включила вас" "вас добавили" """,
        "entry": """зайти заходите зайдите войти войдите внутрь внутри впустит""",
        "once": """сразу напрямую "одним кликом" "один клик" "одно нажатие" "одним нажатием" одноразовая
            одноразовый одноразовой автоматически""",
        "matter": """приём прием визит бронь бронирование столик заказ заказа покупку доставку отправление
            посылку платеж платёж оплату перевод возраст карту карты купон бонус бонусы баллы скидку присутствие
            участие место билет поездку рейс размер корзину встречу счет счёт гриб "запись на" "запись к" """,
        "device": """роутер роутера модем модема котел котёл устройство прибор настройки настроек заводские
            заводских кнопка часы термостат консоль принтер счетчик счётчик""",
        "page": """читать читайте прочитать подробнее подробности магазин магазины купить каталог отследить
            отследите отслеживание заказ заказы счет счёт чек скачать оплатить оценить отзыв опрос перенести
            календарь карта маршрут блог статья видео сайт детали записаться забронировать инструкция акции акция
            предложения устройства рецепт смотреть посмотреть слушать приложение корзина доставка возврат
            отменить""",
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
            пропозицій запрошення запрошень""",
        "stop": """відмовитися відмовтеся "не хочете" "не хочу" "не бажаєте" "не бажаю" зупинити зупиніть
            припинити припиніть скасувати скасуйте "більше не" "не отримувати" "не надсилайте" "не надсилати"
            "не писати" досить вийти вийдіть вимкнути вимкніть "не цікаво" """,
        "group": """команда команду команди група групу групи проєкт проєкту проект проекту родина родину родини
            подорож канал каналу організація організації календар клуб клубу дошка дошку спільнота спільноту клас
            курс чат товариство бюджет бюджету хор""",
        "added": """"додав вас" "додала вас" "додали вас" "додав тебе" "додала тебе" "кличе вас" "хоче щоб"
            "чекає на" "вас додали" """,
        "entry": """зайти заходьте зайдіть увійти увійдіть всередину всередині впустить""",
        "once": """одразу відразу напряму "одним кліком" "один клік" "одним натиском" "одним натисканням"
            одноразове одноразовий автоматично""",
        "matter": """прийом візит бронь бронювання столик замовлення покупку доставку відправлення посилку платіж
            оплату переказ вік карту картку картка купон бонус бонуси бали знижку присутність участь місце квиток
            подорож рейс розмір кошик зустріч рахунок "запис на" "запис до" """,
        "device": """роутер роутера модем модема котел пристрій прилад налаштування налаштувань заводські
            заводських кнопка годинник термостат консоль принтер лічильник""",
        "page": """читати читайте прочитати докладніше детальніше магазин магазини купити каталог відстежити
            відстеження замовлення рахунок чек завантажити сплатити оцінити відгук опитування перенести календар
            карта маршрут блог стаття відео сайт деталі записатися забронювати інструкція акції умови пропозиції
            пристрої рецепт дивитися переглянути слухати застосунок кошик доставка повернення скасувати пораду""",
    },
    "ja": {
        "password": """パスワード 暗証番号 合言葉""",
        "renew": """新しい 変更 変えて 変わり 決めて 決める 設定 設定し 作成 作って 登録し直し 忘れ 失くし
            期限切れ 更新 別の もう一度""",
        "free": """なし 不要 いりません いらない 要りません 必要ありません 必要なく 使わず 使わない 入力せず
            入力しなくて 覚えなくて 要らない なくても""",
        "address": """アドレス 受信箱 メールボックス""",
        "own": """ご本人 本人 私の わたしの 正しい 間違いない 確かめ 承認 同意 届いている 確定""",
        "mail": """メルマガ ニュースレター 通知 配信 アンケート リスト 購読 広告 DM""",
        "stop": """停止 やめ 止め 解除 希望しない 希望されない ご希望でない 不要な 必要ない 受け取らない
            受け取りたくない 受信したくない 退会 登録解除 オフ 拒否 送らない 送信しない""",
        "group": """グループ チーム プロジェクト 家族 旅行 チャンネル 組織 カレンダー クラブ ボード コミュニティ
            ワークスペース クラス 講座 町内会 サークル 家計簿""",
        "added": """追加され 誘って お誘い 参加してほしい 加わって あなたを""",
        "entry": """入れます 入る 入れる""",
        "once": """ワンクリック ワンタップ 押すだけ クリックするだけ タップするだけ 自動で そのまま""",
        "matter": """予約 注文 配送 お届け日 荷物 支払 決済 振込 年齢 カード クーポン ポイント 出席 来院 来店
            参加費 座席 チケット 旅行 サイズ カート 会議 見積""",
        "device": """ルーター モデム 給湯器 機器 端末 工場出荷 ボイラー 時計 プリンター メーター""",
        "page": """続きを読む 詳しく くわしく 詳細 ショップ 店舗 購入 買う 見る ご覧 追跡 注文 請求書
            ダウンロード 支払 評価 レビュー アンケート 日程変更 カレンダー 地図 ブログ 記事 動画 サイト
            トップページ 予約 ガイド 説明書 セール フェア 機器 レシピ アプリ カート 返品 配達 配送 キャンセル""",
    },
    "ko": {
        "password": """비밀번호 암호 패스워드""",
        "renew": """새로 새로운 변경 바꾸 바꿔 바뀌 설정 만들 정해 정하 잊으 잊어 갱신 분실 찾기 "다시 만들"
            "다시 정" """,
        "free": """없이 몰라도 않아도 불필요 없어도 "필요 없" "필요하지 않" 필요없""",
        "address": """메일함 편지함""",
        "own": """본인 맞는지 맞으시면 맞습니다 맞다면 승인 동의 "제 것" 본인의""",
        "mail": """뉴스레터 소식지 소식 알림 광고 설문 초대장""",
        "stop": """"받고 싶지" 원하지 원치 중단 중지 거부 해지 해제 끄려면 "필요 없" "더 이상" "그만 받"
            "그만 보" """,
        "group": """그룹 프로젝트 가족 여행 채널 조직 캘린더 동호회 모임 보드 커뮤니티 워크스페이스 학급 강좌
            가계부""",
        "added": """초대했 초대하 함께하 "함께 하" 참여해""",
        "entry": """들어가 들어갑 들어갈""",
        "once": """바로 "클릭 한" 누르면 누르기만 버튼만 원클릭""",
        "matter": """예약 주문 배송 택배 결제 송금 이체 나이 연령 카드 쿠폰 포인트 적립 출석 참석 좌석 티켓 여행
            항공 사이즈 장바구니 회의 견적 멤버십""",
        "device": """공유기 모뎀 라우터 보일러 기기 본체 공장 시계 프린터 계량기""",
        "page": """읽기 더보기 "더 보기" 자세히 상점 쇼핑 구매 보기 조회 추적 배송 주문 청구서 다운로드 결제 평가
            후기 리뷰 설문 변경하기 일정 캘린더 지도 블로그 기사 영상 홈페이지 사이트 예약 안내 설명서 혜택
            이벤트 기기 레시피 앱 장바구니 반품 취소""",
    },
    "zh": {
        "password": """密码 密碼 口令""",
        "renew": """新 更改 修改 变更 變更 更换 更換 设置 設定 设定 忘记 忘記 过期 過期 到期 更新 另一个 找回
            换一个 换个 換一個 重新 设定新 新的密""",
        "free": """无需 無需 不用 不必 无须 無須 不需要""",
        "address": """邮箱 信箱 郵箱""",
        "own": """我的 本人 正确 正確 确定 確定 核实 核實 同意 属于 屬於 寄到 我的邮箱 我的信箱""",
        "mail": """邮件 郵件 通知 推送 电子报 電子報 广告 廣告 资讯 資訊 提醒 问卷 問卷 邀请函 简报 簡報 信件""",
        "stop": """取消 停止 不再 不想 不愿 不願 不要 不希望 退出 拒绝 拒絕 关闭 關閉 屏蔽""",
        "group": """群组 群組 团队 團隊 项目 專案 家庭 旅行 频道 頻道 组织 組織 日历 日曆 俱乐部 社区 社群 工作区
            班级 班級 课程 課程 小组 小組""",
        "added": """把您 将您 把你 想让您 想让你 邀您 邀你 拉您 与您共享 與您共享""",
        "entry": """进入 進入 进去 進去""",
        "once": """一键 一鍵 点一下 點一下""",
        "matter": """预约 預約 订单 訂單 收货 收貨 配送 包裹 付款 支付 转账 轉帳 年龄 年齡 会员卡 會員卡 信用卡
            优惠券 優惠券 积分 積點 出席 座位 车票 機票 机票 旅行 航班 尺码 购物车 購物車 会议 會議 报价 報價""",
        "device": """路由器 数据机 數據機 热水器 设备 設備 机器 機器 出厂 原廠 手表 打印机 印表機""",
        "page": """阅读 閱讀 更多 详情 詳情 详细 詳細 商店 商城 购买 購買 查看 看看 追踪 追蹤 物流 订单 訂單 发票
            發票 下载 下載 支付 付款 评价 評價 问卷 問卷 改期 日历 日曆 地图 地圖 博客 文章 视频 影片 官网 官網
            首页 首頁 预约 預約 指南 说明书 說明書 活动 活動 设备 設備 食谱 食譜 购物车 購物車 门店 門市 配送
            退货 退貨 规则 規則""",
    },
}
