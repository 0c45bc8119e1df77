"""The words that say that a link is of no kind, whatever else is said; written as in `code_words`.

alike       sounds like a word of a kind, in this or another language, and says nothing: "is active", "est valide"
elsewhere   names links of no kind, some of which sound alike: "privacy", "not you?", "invite your friends"
page        says what else a link leads to: to read, to buy, to track
matter      is confirmed, too: an appointment, an order
device      is reset, too
"""

from __future__ import annotations

from typing import Final

# "Confirm your order" verifies no address, and "reset the router" sets no password, unless a word of `link_pairs`
# stands between: "confirm your address to see your order".
OTHER_THINGS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "verify": (frozenset({"matter"}), frozenset({"address", "mail"})),
    "reset": (frozenset({"device", "matter"}), frozenset({"password"})),
}

OTHER_WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "alike": """"is active" "active until" "stays active" "stay active" "remains active" "still active"
            "recently active" "active members" "active users" "not active" "active since" "no more than"
            "no longer available" "no longer valid" "no more orders" "no more seats" "you shared with"
            "shared by you" "you invited" "offers end" "offer ends" "ends on" "end on" "ends soon" "end soon"
            "sale ends" """,
        "elsewhere": """privacy terms legal imprint help support faq contact preferences settings "view in"
            "view this" "wasn t" "not you" "didn t" "did not" "was not" "not me" "not request"
            "invite your friends" "invite friends" "invite a friend" refer "learn more" report
            "secure your account" policy "follow us" "our guide" "find us" "confirm your appointment"
            "confirm appointment" "confirm your booking" "confirm booking" "confirm your order" "confirm order"
            "confirm your attendance" "confirm attendance" "confirm delivery" "confirm your visit"
            "confirm the appointment" "confirm your reservation" "confirm the order" "confirm receipt"
            "accepted your invitation" "accepted your invite" "has accepted" "has joined" "joined your"
            "is confirmed" "been confirmed" "are confirmed" "strong password" "secure password" "password tips"
            "how to choose" "passwords should" "safe password" "password safe" "password manager" "manage your"
            "manage notifications" "manage preferences" "manage subscriptions" "notification settings"
            "update your profile" "change your address" "edit profile" "edit alert" "invite a" "invite your"
            "invite more" "invite others" "invite people" "invite someone" "bring a friend" "tell a friend" """,
        "page": """read more shop buy browse discover track tracking download pay rate review feedback
            reschedule directions map blog story article video tour home homepage website store details
            dashboard statement reserve guide manual instructions sale gift recipe listen app menu tickets
            comment rules resubscribe "come back" "subscribe again" checkout cards news "what s new" "learn how"
            "find out" features benefits see "recent activity" minutes agenda""",
        "matter": """appointment booking reservation table order orders purchase delivery shipment parcel
            payment transfer age card voucher coupon bonus points discount attendance coming participation seat
            ticket flight size cart basket meeting invoice bill shift quote "shipping address"
            "delivery address" "billing address" "postal address" pickup collection identity date slot activity
            transaction "new card" "bank card" "your card" """,
        "device": """router modem boiler device devices machine factory watch appliance thermostat console
            printer counter meter""",
    },
    "de": {
        "alike": """"nicht mehr verfügbar" "nicht mehr gültig" "nicht mehr lange" "nicht mehr möglich"
            "nicht mehr benötigt" "sie geteilt haben" "du geteilt hast" "angebote enden" """,
        "elsewhere": """datenschutz* impressum agb nutzungsbedingungen hilfe kontakt einstellungen browser
            onlineansicht "nicht sie" "nicht du" "freunde einladen" "freunde werben" "nicht ich" "folge uns"
            "folgen sie uns" "gefällt mir" "termin bestätigen" "buchung bestätigen" "bestellung bestätigen"
            "teilnahme bestätigen" "reservierung bestätigen" "empfang bestätigen"
            "hat deine einladung angenommen" "hat ihre einladung angenommen" "ist bestätigt" "wurde bestätigt"
            "wurden bestätigt" "ist beigetreten" "sicheres passwort" "sichere passwörter" "starkes passwort"
            "passwort tipps" passwortmanager "sicheren passworts" verwalten "profil bearbeiten" "daten ändern"
            "adresse ändern" "einstellungen ändern" "kollegen einladen" "jemanden einladen" weiterempfehlen
            "andere einladen" "freundinnen einladen" "nachbarn einladen" "mitglieder einladen" """,
        "page": """lesen weiterlesen mehr shop einkaufen kaufen stöbern entdecken verfolgen sendungsverfolgung
            bestellungen herunterladen bezahlen bewerten bewertung verschieben anfahrt blog artikel video
            startseite webseite website details übersicht reservieren bedingungen anleitung sortiment rezept
            ansehen anhören app speisekarte widerruf* versand kommentar absagen stornieren "wieder dabei"
            kundenkonto beitrag neuigkeiten vorteile funktionen auswertung "mehr dazu" wegbeschreibung protokoll
            kontoauszug""",
        "matter": """termin besuch buchung reservierung tisch bestellung kauf lieferung sendung paket zahlung
            überweisung alter karte kundenkarte gutschein bonus punkte rabatt teilnahme kommen anwesenheit platz
            ticket flug größe warenkorb treffen rechnung schicht angebot auftrag empfang erhalt abholung datum
            lieferdatum liefertermin aktivität aktivitäten umsatz "neue karte" """,
        "device": """router modem heizung gerät geräte maschine werkseinstellung* taste uhr thermostat konsole
            drucker zähler""",
    },
    "fr": {
        "alike": """"valide pendant" "valide jusqu" "est valide" "reste valide" "lien valide" "plus valide"
            "valide durant" "est active" "carte valide" "vous avez partagé" "tu as partagé" """,
        "elsewhere": """confidentialité légales conditions cgu cgv aide contact préférences paramètres
            navigateur "en ligne" parrainer parrainez "n êtes pas" "ce n est pas" "n avez pas" "pas vous"
            "inviter des amis" faq "suivez nous" "tes potes" "tes amis" "vos amis" parrainage
            "confirmer le rendez" "confirmer mon rendez" "confirmer votre rendez" "confirmer la commande"
            "confirmer ma commande" "confirmer la réservation" "confirmer ma présence" "valider ma commande"
            "valider mon panier" "a accepté votre invitation" "a accepté ton invitation" "est confirmée"
            "est confirmé" "a rejoint" "mot de passe sûr" "mot de passe fort" "mot de passe robuste"
            "mots de passe sûrs" "gestionnaire de mots" gérer gérez "modifier votre profil"
            "modifier mes préférences" "inviter un" "invitez un" "invitez vos" "inviter vos" "invitez des"
            "recommander à" """,
        "page": """lire suite boutique acheter découvrir suivre suivi commandes télécharger payer noter avis
            enquête déplacer reporter plan blog article vidéo accueil site détails réserver guide notice recette
            regarder écouter appli profite retours producteurs annuler "me réabonner" caisse nouveautés
            avantages fonctions itinéraire voir relevé""",
        "matter": """rendez visite réservation table commande achat livraison envoi colis paiement virement âge
            carte bon coupon bonus points réduction présence venue participation place billet vol taille
            pointure panier réunion facture devis "adresse de livraison" "adresse de facturation"
            "adresse postale" retrait date créneau activité transaction""",
        "device": """routeur modem box chaudière appareil appareils machine usine montre réglages thermostat
            console imprimante compteur""",
    },
    "es": {
        "alike": """"válida durante" "válida por" "válida hasta" "es válida" "válida solo" "sea válida"
            "está activa" "sesión activa" "sigue activa" "cuenta activa" "tarjeta válida" "has compartido"
            compartiste""",
        "elsewhere": """privacidad legal términos condiciones ayuda contacto preferencias ajustes navegador
            "no has sido" "no fuiste" "no ha sido" "no fue" "no reconoces" "no solicitaste" "no eres"
            "invita a tus amigos" "invitar amigos" faq síguenos "confirmar cita" "confirmar la cita"
            "confirmar el pedido" "confirmar la reserva" "confirmar asistencia" "confirma tu cita"
            "confirma tu asistencia" "ha aceptado tu invitación" "aceptó tu invitación"
            "ha aceptado su invitación" "está confirmada" "está confirmado" "se ha unido" "contraseña segura"
            "contraseñas seguras" "contraseña fuerte" "gestor de contraseñas" gestionar gestiona administrar
            administra "modificar tu perfil" "invita a un" "invita a tus" "invita a alguien" "invita y gana"
            "recomienda a" """,
        "page": """leer más tienda comprar descubrir descubre rastrear seguir seguimiento pedidos descargar
            pagar valorar reseña encuesta mapa blog artículo vídeo inicio sitio web detalles reservar guía
            manual dispositivos receta ver mirar escuchar app devoluciones itinerario consejos volver ventajas
            funciones buscar cajero consultar extracto acta""",
        "matter": """cita visita reserva mesa pedido compra entrega envío paquete pago transferencia edad
            tarjeta cupón bono puntos descuento asistencia participación plaza asiento billete vuelo talla
            carrito reunión factura turno "dirección de envío" "dirección de entrega" "dirección postal"
            "dirección de facturación" recogida fecha actividad transacción""",
        "device": """router módem caldera dispositivo aparato máquina fábrica reloj termostato consola impresora
            contador""",
    },
    "it": {
        "alike": """"valida per" "valida fino" "è valida" "valida solo" "è attiva" "sessione attiva"
            "resta attiva" "hai condiviso" """,
        "elsewhere": """privacy legali termini condizioni assistenza contatti preferenze impostazioni browser
            aiuto "non sei stato" "non sei stata" "non hai" "non è stato" "non è stata" "invita i tuoi amici"
            "invita amici" faq seguici "conferma appuntamento" "conferma l appuntamento" "conferma ordine"
            "conferma l ordine" "conferma prenotazione" "conferma la prenotazione" "conferma la presenza"
            "ha accettato il tuo invito" "ha accettato l invito" "è confermata" "è confermato"
            "è stato confermato" "è stata confermata" "password sicura" "password sicure" "password forte"
            gestisci gestire "modifica il profilo" "invita un" "invita i" "invita altri" "porta un amico"
            "invita chi" """,
        "page": """leggi leggere altro negozio compra acquista scopri traccia segui ordini scarica paga valuta
            recensione sondaggio sposta mappa blog articolo video sito home dettagli prenota guida manuale
            volantino dispositivi ricetta guarda ascolta app resi corsi orari messaggio novità vantaggi funzioni
            arrivare vedi estratto verbale""",
        "matter": """appuntamento visita prenotazione tavolo ordine acquisto consegna spedizione pacco pagamento
            bonifico età carta buono buoni coupon bonus punti sconto presenza partecipazione posto biglietto
            volo taglia carrello riunione fattura preventivo turno "indirizzo di consegna"
            "indirizzo di spedizione" "indirizzo di fatturazione" ritiro data attività transazione""",
        "device": """router modem caldaia dispositivo apparecchio macchina fabbrica orologio termostato console
            stampante contatore""",
    },
    "pt": {
        "alike": """"válida por" "válida até" "é válida" "válida apenas" "válida somente" "está ativa"
            "sessão ativa" "continua ativa" "fica ativa" "você compartilhou" """,
        "elsewhere": """privacidade legais termos condições ajuda contato contacto preferências configurações
            definições navegador "não foi você" "não foste" "não solicitou" "não pediu" "convide amigos"
            "convida amigos" "convidar amigos" suporte faq "confirmar consulta" "confirmar a consulta"
            "confirmar pedido" "confirmar o pedido" "confirmar reserva" "confirmar a reserva"
            "confirmar presença" "aceitou seu convite" "aceitou o seu convite" "aceitou o convite"
            "está confirmada" "está confirmado" "foi confirmada" "foi confirmado" "senha segura" "senha forte"
            "senhas seguras" "palavra passe segura" gerenciar gerencie gerir "alterar seus dados"
            "atualizar seu perfil" "convide um" "convide seus" "convide os" "convide alguém" "indique um amigo" """,
        "page": """ler leia mais loja comprar descobrir descubra rastrear rastreio acompanhar pedidos boleto
            baixar descarregar pagar avaliar avaliação pesquisa reagendar mapa blog artigo vídeo início site
            detalhes reservar guia manual seleção dispositivos receita ver veja ouvir app devoluções bairros
            mensagem vantagens recursos chegar consultar extrato ata""",
        "matter": """consulta visita reserva mesa pedido encomenda compra entrega envio pacote pagamento
            transferência idade cartão cupom cupão bônus pontos desconto presença participação lugar bilhete voo
            tamanho carrinho reunião fatura turno "endereço de entrega" "endereço de envio"
            "endereço de cobrança" retirada data atividade transação""",
        "device": """roteador router modem caldeira aparelho dispositivo máquina fábrica relógio termostato
            console impressora contador""",
    },
    "nl": {
        "alike": """"niet meer geldig" "niet meer beschikbaar" "niet meer nodig" "je hebt gedeeld" """,
        "elsewhere": """privacy* voorwaarden hulp help contact voorkeuren instellingen browser
            "niet aangevraagd" "was u dit" "was jij dit" "ben jij dit" "niet zelf" "vrienden uitnodigen"
            "nodig vrienden" "nodig je vrienden" "niet jij" "bent u dit" "afspraak bevestigen"
            "bestelling bevestigen" "boeking bevestigen" "reservering bevestigen" "bevestig je afspraak"
            "bevestig uw afspraak" "heeft je uitnodiging geaccepteerd" "heeft uw uitnodiging geaccepteerd"
            "is bevestigd" "is lid geworden" "veilig wachtwoord" "sterk wachtwoord" "veilige wachtwoorden"
            beheren beheer "profiel wijzigen" "gegevens wijzigen" "nodig een" "nodig collega" "nodig anderen"
            "nodig meer" """,
        "page": """lees lezen meer winkel shop koop bekijk bekijken ontdek volg volgen bestellingen download
            downloaden betaal betalen beoordeel beoordeling enquête verzetten route blog artikel video website
            site details reserveren handleiding uitleg recept luister app verzending retour kassa nieuws
            nieuwtjes voordelen functies routebeschrijving notulen afschrift""",
        "matter": """afspraak bezoek boeking reservering tafel bestelling aankoop levering zending pakket
            betaling overboeking leeftijd kaart klantenkaart bon coupon bonus punten korting aanwezigheid komst
            deelname plaats ticket vlucht maat winkelwagen vergadering factuur offerte dienst ophalen afhalen
            datum bezorgmoment bezorgdatum activiteit transactie""",
        "device": """router modem ketel apparaat apparaten machine fabrieks* horloge thermostaat console printer
            meter""",
    },
    "pl": {
        "alike": """"jest ważna" """,
        "elsewhere": """prywatności regulamin pomoc kontakt preferencje ustawienia przeglądarce "to nie ty"
            "to nie pan" "jeśli to nie" "zaproś znajomych" "zaproś przyjaciół" "nie prosiłeś" faq
            "potwierdź wizytę" "potwierdź rezerwację" "potwierdź zamówienie" "potwierdź obecność"
            "potwierdź termin" "przyjął twoje zaproszenie" "przyjęła twoje zaproszenie" "zostało potwierdzone"
            "została potwierdzona" "dołączył do" "dołączyła do" "bezpieczne hasło" "silne hasło"
            "bezpiecznego hasła" "silnego hasła" zarządzaj zarządzać "zmień ustawienia" "edytuj profil" zaproś
            "poleć znajomemu" "poleć nas" """,
        "page": """czytaj przeczytaj więcej sklep kup odkryj śledź pobierz zapłać oceń opinia ankieta przełóż
            mapa blog artykuł wideo strona szczegóły rezerwuj instrukcja urządzeń przepis zobacz obejrzyj
            posłuchaj aplikacja zwroty odwołaj poradę sprawdź zakupy nowości aktualności korzyści funkcje dojazd
            protokół wyciąg""",
        "matter": """wizyta wizytę wizyty rezerwacja rezerwację stolik zamówienie zamówienia zakup dostawa
            dostawę przesyłka przesyłkę paczka paczkę płatność przelew wiek kartę karta karty kupon bonus punkty
            rabat obecność przybycie udział miejsce bilet lot rozmiar koszyk spotkanie faktura fakturę wycena
            "adres dostawy" "adres wysyłki" odbiór termin datę aktywność transakcję""",
        "device": """router routera modem modemu kocioł piec urządzenie urządzenia maszyna fabryczne fabrycznych
            zegarek ustawień termostat konsola drukarka licznik""",
    },
    "sv": {
        "alike": """"inte längre giltig" "inte längre tillgänglig" """,
        "elsewhere": """integritet* villkor hjälp kontakt inställningar webbläsare* "inte du" "inte begärt"
            "inte bett" "bjud in vänner" "bjud in dina" "var det inte" support cookies "bekräfta tiden"
            "bekräfta besöket" "bekräfta bokningen" "bekräfta beställningen" "bekräfta ordern" "bekräfta tid"
            "har tackat ja" "har accepterat din inbjudan" "är bekräftad" "är bekräftat" "har gått med"
            "säkert lösenord" "starkt lösenord" "säkra lösenord" hantera "ändra dina uppgifter"
            "uppdatera profil" "bjud in en" "bjud in fler" "tipsa en vän" """,
        "page": """läs mer butik handla upptäck spåra följ beställningar ladda betala betygsätt omdöme enkät
            omboka karta blogg artikel video hemsida webbplats detaljer boka guide instruktioner recept titta
            lyssna app retur avboka schema schemat kassan ordern nyheter förmåner funktioner vägbeskrivning visa
            protokoll utdrag""",
        "matter": """tid tiden besök besöket bokning bokningen bord bordet beställning beställningen köp köpet
            leverans leveransen paket paketet betalning betalningen överföring ålder kort kortet kupong bonus
            poäng rabatt närvaro deltagande plats biljett flyg storlek varukorg möte mötet faktura offert order
            hämtning datum leveransdag aktivitet transaktion""",
        "device": """router routern modem panna apparat enhet enheter maskin fabriks* knapp klocka termostat
            konsol skrivare mätare""",
    },
    "tr": {
        "alike": """"artık geçerli" """,
        "elsewhere": """gizlilik koşulları şartları kvkk yardım iletişim tercihler tercihleri ayarlar ayarları
            tarayıcıda "siz değilseniz" "sen değilsen" "siz yapmadıysanız" "sen yapmadıysan"
            "arkadaşlarını davet" "arkadaşlarınızı davet" destek "randevuyu onayla" "randevunuzu onaylayın"
            "siparişi onayla" "rezervasyonu onayla" "davetinizi kabul etti" "davetini kabul etti" onaylandı
            doğrulandı katıldı "güvenli şifre" "güçlü şifre" "güvenli parola" "güçlü parola" yönet yönetin
            "profilini düzenle" "profilinizi düzenleyin" "arkadaşını davet" "birini davet" "arkadaş davet" """,
        "page": """oku okuyun devamını mağaza keşfet incele takip indir öde değerlendir* ertele takvim harita
            blog makale video site detay* kılavuz tarif* izle dinle uygulama* iade ayrıntı* profil mesaj gör
            yenilikler özellikler avantajlar tarifi tüm etkinlik tutanak ekstre""",
        "matter": """randevu* ziyaret* rezervasyon* masa sipariş* alışveriş* teslimat* gönderi* paket* ödeme*
            havale* yaş* kart kartı kartını kartınızı kupon* bonus* puan* indirim* katılım* geleceği* bilet*
            seyahat* uçuş* beden sepet* toplantı* fatura* "teslimat adresi" "fatura adresi" tarih etkinli* işlem""",
        "device": """modem* router* kombi* cihaz* makine* fabrika* düğmesi saat* termostat* konsol* yazıcı*
            sayaç*""",
    },
    "ru": {
        "alike": """"больше не действует" "больше не нужен" "больше не нужна" """,
        "elsewhere": """конфиденциальности соглашение условия помощь контакты настройки браузере "это были не"
            "не вы" "пригласите друзей" "пригласить друзей" "приглашайте друзей" "пригласи друзей" поддержк*
            "не запрашивали" правила "подтвердить запись" "подтвердить заказ" "подтвердить бронь"
            "подтвердить бронирование" "подтвердите запись" "подтвердите заказ" "подтвердить визит"
            "принял ваше приглашение" "приняла ваше приглашение" подтверждена подтверждён подтверждено
            присоединился присоединилась "надежный пароль" "сложный пароль" "безопасный пароль"
            "надежного пароля" управлять "управление подпиской" "управление рассылкой" "изменить профиль"
            пригласите пригласить приглашайте""",
        "page": """читать читайте прочитать подробнее подробности магазин магазины купить каталог отследить
            отследите отслеживание заказы чек скачать оплатить оценить отзыв опрос перенести карта маршрут блог
            статья видео сайт детали записаться забронировать инструкция акции акция устройства рецепт смотреть
            посмотреть слушать приложение корзина доставка возврат оформить профиль сообщение новинки
            возможности преимущества добраться узнать протокол выписка""",
        "matter": """приём визит бронь бронирование столик заказ заказа покупку доставку отправление посылку
            платеж оплату перевод возраст карту карты купон бонус бонусы баллы скидку присутствие участие место
            билет рейс размер корзину встречу счет гриб "запись на" "запись к" "адрес доставки" получение дату
            активность операцию""",
        "device": """роутер роутера модем модема котел устройство прибор настроек заводские заводских кнопка
            часы термостат консоль принтер счетчик""",
    },
    "uk": {
        "alike": """"більше не діє" "більше не потрібен" """,
        "elsewhere": """конфіденційності угода умови допомога контакти налаштування браузері "це були не"
            "не ви" "запросіть друзів" "запросити друзів" "запрошуйте друзів" підтримк* правила "не надсилали"
            "підтвердити запис" "підтвердити замовлення" "підтвердити бронювання" "підтвердіть запис"
            "підтвердити візит" "прийняв ваше запрошення" "прийняла ваше запрошення" підтверджено підтверджена
            приєднався приєдналася "надійний пароль" "складний пароль" "безпечний пароль" "надійного пароля"
            керувати "керування підпискою" "змінити профіль" запросіть запросити запрошуйте""",
        "page": """читати читайте прочитати докладніше детальніше магазин магазини купити каталог відстежити
            відстеження чек завантажити сплатити оцінити відгук перенести карта маршрут блог стаття відео сайт
            деталі записатися забронювати інструкція акції пристрої рецепт дивитися переглянути слухати
            застосунок доставка повернення пораду оформити профіль новинки можливості переваги дістатися
            дізнатися протокол виписка""",
        "matter": """прийом візит бронь бронювання столик замовлення покупку доставку відправлення посилку
            платіж оплату переказ вік карту картку картка купон бонус бонуси бали знижку присутність місце
            квиток рейс розмір кошик зустріч рахунок "запис на" "запис до" "адреса доставки" "адресу доставки"
            отримання дату активність операцію""",
        "device": """роутер роутера модем модема котел пристрій прилад налаштувань заводські заводських кнопка
            годинник термостат консоль принтер лічильник""",
    },
    "ja": {
        "alike": """無効になります""",
        "elsewhere": """プライバシー 規約 ヘルプ お問い合わせ 設定を変更 配信設定 ブラウザ 心当たり 友だちを招待
            友達を招待 特定商取引 よくある質問 マイページ 予約を確認 注文を確認 予約の確認 ご注文の確認
            出席を確認 招待を承認しました 招待を承諾しました 参加しました 確認されました 安全なパスワード
            強いパスワード 強力なパスワード 配信設定の変更 登録情報の変更 設定の変更 配信頻度 知り合いを招待
            招待してポイント お友だち紹介 友達紹介""",
        "page": """続きを読む 詳しく くわしく 詳細 ショップ 店舗 購入 買う 見る ご覧 追跡 請求書 ダウンロード
            評価 レビュー 日程変更 地図 ブログ 記事 動画 サイト トップページ ガイド 説明書 セール フェア レシピ
            アプリ 返品 配達 キャンセル 読む メッセージ 新機能 一覧 ニュース アクセス方法 特典 履歴 明細 議事録""",
        "matter": """予約 注文 配送 お届け日 荷物 支払 決済 振込 年齢 カード クーポン ポイント 出席 来院 来店
            座席 チケット サイズ カート 会議 見積 日程 日時 アクティビティ 取引""",
        "device": """ルーター モデム 給湯器 機器 端末 工場出荷 ボイラー 時計 プリンター メーター""",
    },
    "ko": {
        "alike": """"더 이상 사용할" """,
        "elsewhere": """개인정보 약관 도움말 고객센터 브라우저 "본인이 아" 요청하지 "친구 초대" "친구를 초대"
            "자주 묻는" "알림 설정" "수신 설정" "환경 설정" "예약 확인" "주문 확인" "예약을 확인"
            "초대를 수락했" 가입했습니다 참여했습니다 확정되었 "안전한 비밀번호" "강력한 비밀번호" "알림 관리"
            "구독 관리" "정보 변경" 회원정보 초대하고 초대하세요 "초대해 보세요" "동료 초대" """,
        "page": """읽기 더보기 "더 보기" 자세히 상점 쇼핑 구매 보기 조회 추적 청구서 다운로드 평가 후기 리뷰
            변경하기 일정 지도 블로그 기사 영상 홈페이지 사이트 설명서 혜택 이벤트 레시피 앱 반품 취소 메시지
            마이페이지 "새 기능" "모든 소식" "오시는 길" 명세서 회의록""",
        "matter": """예약 주문 배송 택배 결제 송금 이체 나이 연령 카드 쿠폰 포인트 적립 출석 참석 좌석 티켓 항공
            사이즈 장바구니 회의 견적 멤버십 날짜 활동 거래""",
        "device": """공유기 모뎀 라우터 보일러 기기 본체 공장 시계 프린터 계량기""",
    },
    "zh": {
        "alike": """不再有效""",
        "elsewhere": """隐私 隱私 条款 條款 帮助 幫助 客服中心 浏览器 瀏覽器 非本人 不是您 不是本人 邀请好友
            邀請好友 邀请朋友 联系我们 聯絡我們 常见问题 通知设置 通知設定 邮件设置 郵件設定 确认收货 确认订单
            確認訂單 确认预约 確認預約 确认预订 接受了您的邀请 接受了你的邀请 已接受您的 已加入 已确认 已確認
            安全密码 强密码 安全的密码 高強度密碼 管理订阅 管理訂閱 管理通知 管理偏好 修改资料 订阅设置 訂閱設定
            邀请同事 邀请他人 邀请更多 推荐给 邀請同事 邀請更多""",
        "page": """阅读 閱讀 更多 详情 詳情 详细 詳細 商店 商城 购买 購買 查看 看看 追踪 追蹤 物流 发票 發票
            下载 下載 评价 評價 改期 地图 地圖 博客 文章 视频 影片 官网 官網 首页 首頁 指南 说明书 說明書 活动
            活動 食谱 食譜 门店 門市 退货 退貨 规则 規則 结算 結算 个人资料 個人資料 新功能 新闻 新聞 权益 權益
            路线 路線 全部 賬單 账单 会议记录 會議記錄""",
        "matter": """预约 預約 订单 訂單 收货 收貨 配送 包裹 付款 支付 转账 轉帳 年龄 年齡 会员卡 會員卡 信用卡
            优惠券 優惠券 积分 積點 出席 座位 车票 機票 机票 航班 尺码 购物车 購物車 会议 會議 报价 報價 日期
            活动记录 活動記錄 交易""",
        "device": """路由器 数据机 數據機 热水器 设备 設備 机器 機器 出厂 原廠 手表 打印机 印表機""",
    },
}
