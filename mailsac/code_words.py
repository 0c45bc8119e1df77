"""The words that tell a one-time code from another number, in the languages that people test their mail in.

code       names a one-time code: "your code is 482913"
action     says what such a code is for or what to do with it: "to sign in, enter 482913"
password   names a password, which is a code where it stands right before a number
other      names another number: "order 482913"
qualifier  names another number, and beside a word of `code` makes it another kind of code: "promo code", "code postal"
reference  names the number of a licence, a job advert, of a voucher: as `qualifier`, and not what one verifies,
           but what one types in: "enter the coupon code: KIND2415"
ending     says that a number is only the end of another: "the phone ending in 4829"

`stem*` is any word that begins so, `*stem` any word that ends so, and what stands in quotes is several words in a row.
Case and accents do not matter. Chinese, Japanese and Korean put no spaces between words: there every entry is found
anywhere in a text.
"""

from __future__ import annotations

from typing import Final

CODE_WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "code": """code codes *passcode passcodes pincode otp otps totp pin tan "one time password"
            "one time passcode" "one time pin" "single use password" "verification number" "security number"
            "verification digits" "digit number" "security key" "temporary password" "access number"
            "login number" "one time key" "following number" "this number" "number below" "enter the number"
            "type the number" "copy the number" "digits below" "secret number" """,
        "action": """verify verifies verifying verification confirm confirming "sign in" "signing in" "log in"
            "logging in" login signin sign authenticate authenticating authentication authorise authorize approve
            unlock activate activation "two factor" "two step" mfa enter type "one time" expires expire
            "valid for" "valid until" "finish signing" "keep it secret" "never share" "do not share" "don t share"
            read collect pickup "pick up" digits digit "read out" numeric retype "key in" "punch in" "tap in"
            paste copy submit "typed in" "show it" "tell us" "read it" tells expecting""",
        "password": """password passphrase""",
        "other": """orders invoice invoices client phone telephone tel fax mobile call ring ref number numbers id
            receipt flight shipment parcel locker serial model items sku article policy contract membership member
            patient transaction payment amount total subtotal balance price fare fee vat iban bic account card
            street avenue ave road suite room box version build port pid kernel uptime tenant employee user year
            since copyright payout seat gate postcode quote "p o" "auth no" "case number" "case id" incident
            "cost centre" "cost center" extension timesheet task issue release request event lines visa mastercard
            badge""",
        "qualifier": """gift referral offer rebate sale qr zip postal post error exit status response source country
            area dialling dialing dress tracking booking reservation sort swift tax product item order parking
            colour color hex http https airport ticket shipping customer reference style commission pantone
            "booking confirmation" "reservation confirmation" ean upc hs tariff project cost department activity
            conduct "of conduct" building civil penal highway morse cheat club team class course unit batch lot
            stock vendor supplier review commit "exited with" exited returned "error with" job draw raffle
            section""",
        "reference": """"reference number" "reference no" "reference code" "ref no" "job reference" requisition
            req vacancy vacancies "registration number" "registration no" "registered number" "registered no"
            "company number" "company no" "charity number" "charity no" licence licences license licenses permit
            certificate certificates certification accreditation accredited "approval number" "approval no"
            diploma patent docket coupon coupons voucher vouchers "gift card" "gift cards" "gift certificate"
            "store credit" redemption discount promo promotion promotional "application number" "application no"
            "candidate number" "enrolment number" "enrollment number" "student number" isbn issn fca nmls ofcom
            "savings code" cadastral cadastre "title deed" "meter point" mpan mprn "supply number" vin chassis""",
        "ending": """"ending in" "ends in" "ending with" ending "last digits" "last four digits" """,
    },
    "de": {
        "code": """*code *codes einmalpasswort einmalkennwort einmalpin pin *pin tan tans mtan pushtan smstan
            "einmal passwort" zugangsschlüssel sicherheitsschlüssel bestätigungsnummer prüfnummer prüfziffer*
            geheimzahl geheimnummer zahlencode losung codenummer codewort kodewort "diese nummer" "folgende nummer"
            "folgenden nummer" "diese zahl" "folgende zahl" türcode öffnungscode "die zahl" "folgende ziffern"
            ziffernfolge kennzahl zahlenfolge zahlenkombination "die ziffern" losungswort""",
        "action": """bestätige* bestätigen bestätigung anmelden anmeldung anmelde* einloggen login verifizier*
            freigeben freigabe freischalten eingeben gib geben tippe tippen authentifizier* aktivier* gültig läuft
            ablauf abläuft zweifaktor* "zwei faktor" registrierung einmalig* entsperren weitergeben niemandem
            eintippen eintragen nennen schreib* unterschr* unterzeichn* abhol* ziffern zahl stellige* stelligen
            tragen trage nenne numerische numerischen abtippen tipp kopiere kopieren kopier übertrage übertragen
            übertrag vorlesen vorzeigen zeigen zeige vorlegen diktieren eingabe wiederhole einfügen "füge ein"
            ablesen durchgeben""",
        "password": """passwort kennwort""",
        "other": """bestellung bestellnummer bestellnr rechnung* rechnungsnummer auftrag* vorgang* ticket* kunde*
            kundennummer kundennr telefon* tel fax mobil* handy rufnummer hotline *nummer nummer nr nummern
            referenz* buchung* reservierung* flug sendung* paket* sendungsnummer vertrag* mitglied* patient*
            transaktion* betrag* summe gesamt* preis* iban bic konto* karte* straße *straße *strasse *weg *platz
            *allee postfach zimmer raum version hrb hrn amtsgericht ust ustid steuernummer plz postleitzahl jahr
            seit id zählerstand zähler* seite aufgabe build depot vorgang losnummer zeilen störung antrag durchwahl
            nebenstelle stellenanzeige* stellenausschreibung* ausschreibung*""",
        "qualifier": """aktions* promo* qr fehler* post postleit* länder* strich* produkt* artikel* bestell*
            buchungs* status* error quell* vorteils* empfehlungs* vorwahl* fehlercode buchungscode barcode
            strichcode postcode promocode vorteilscode farbcode statuscode quellcode freundschaftscode bestellcode
            länderkennzahl projekt* kostenstelle* morse* dresscode zollcode firmencode projektcode aktivitäts*
            freundescode werbecode ländercode bankcode swiftcode produktcode artikelcode codereview review
            "beendet mit" teilnehmer* lieferant* filial* mitarbeiter* partner*""",
        "reference": """kennziffer kennnummer geschäftszeichen aktenzeichen zulassung zulassungs* lizenz* konzession*
            zertifikat* zertifizierungs* urkunde* diplom patent* prüfzeichen gewerbeschein führerschein*
            handelsregister* vereinsregister* genossenschaftsregister* partnerschaftsregister* registernummer
            registrierungsnummer registriernummer gutschein* rabatt* coupon* kupon* geschenkkarte*
            geschenkgutschein* wertgutschein* aktionscode aktionsnummer voucher* isbn bafin ihk gnr kataster*
            flurstück* grundbuch* fahrgestell* zählpunkt* marktlokation* grundbuchblatt""",
        "ending": """"endet auf" "endend auf" endziffer* endnummer endung "der endung" endziffern endend endet""",
    },
    "fr": {
        "code": """code codes codepin pin otp *code "mot de passe à usage unique" "mot de passe temporaire"
            "mot de passe unique" "clé d accès" "clé de sécurité" "numéro de vérification" "numéro de contrôle"
            passcode "ce numéro" "numéro suivant" "numéro ci" "saisissez le numéro" "recopiez le numéro"
            "entrez le numéro" "suite de chiffres" combinaison "clé de retrait" "ces chiffres"
            "chiffres suivants" "mot clé numérique" sésame""",
        "action": """connexion connecter connectez confirmez confirmer confirme confirmation vérifier vérifiez
            vérification valider validez validation saisissez saisir saisis entrez entrer entre recopiez recopier
            recopie tapez taper tape identifier identification authentification autoriser autorisez activer
            activez activation valable valide expire expirera expirent déverrouiller "usage unique"
            "double authentification" "ne le transmettez" "ne le communiquez" "ne le partagez" indiquez écris
            écrivez écrire utilisez donnez communiquez signer signez signature retirer retrait chiffres composez
            numérique copier copiez copie coller collez reporter reportez renseigner renseignez dicter dictez
            présentez présenter montrez montrer lisez rentrez rentrer pianotez insérez""",
        "password": """"mot de passe" """,
        "other": """commandes facture factures dossier numéro numéros référence réf téléphone tél fax mobile appelez
            colis vol train billet billets série modèle contrat adhérent membre abonné patient transaction montant
            total prix frais tva iban bic siret siren rcs carte compte rue avenue boulevard chemin quai impasse
            allée bp cedex salle bureau bâtiment version depuis année matricule devis ticket "code postal" cp
            identifiant ral tâche "tâche n" build compilation lot poste interne offre offres visa étudiant permis
            candidature*""",
        "qualifier": """promotion parrainage postal barres barre qr erreur source couleur produit article suivi
            réservation commande commercial naf insee "d erreur" client fiscal banque guichet iata pays livraison
            "bon d" route travail civil pénal commerce consommation "la route" projet vestimentaire conduite
            déontologie analytique "bonne conduite" monétique douanier revue relecture "composez le" "appelez le"
            "au numéro" tombola fournisseur agence""",
        "reference": """"numéro d offre" "offre n" "offre d emploi" immatriculation licence licences certificat
            certificats attestation agrément agréments homologation habilitation diplôme brevet accréditation
            "numéro d enregistrement" "numéro d inscription" "numéro de déclaration" "numéro de protocole" coupon
            coupons promo promotionnel réduction remise avantage cadeau cadeaux "bon d achat" "bon d achats"
            "bon de réduction" "chèque cadeau" "carte cadeau" "bon cadeau" isbn orias acpr "permis n"
            "permis de conduire" "permis de construire" cadastre cadastral cadastrale parcelle châssis
            "point de livraison" pdl prm""",
        "ending": """"se terminant par" "finissant par" "se termine par" "terminant par" "finit par"
            "derniers chiffres" """,
    },
    "es": {
        "code": """código códigos clave claves pin otp "contraseña de un solo uso" "contraseña temporal"
            "contraseña única" "número de verificación" "número de seguridad" passcode token "este número"
            "siguiente número" "número siguiente" "introduce el número" "introduzca el número"
            "escribe el número" "copia el número" "clave numérica" "clave de recogida" "clave de entrega"
            "palabra clave" combinación "estas cifras" "estos dígitos" """,
        "action": """verificar verifica verifique verificación confirmar confirma confirme confirmación acceder
            accede acceso iniciar inicia inicie inicio sesión ingresar ingresa ingrese introduce introduzca
            introducir escribe escriba teclea teclee autorizar autorización autenticación activar activa active
            activación validar valida valide válido vence caduca expira "un solo uso" desbloquear
            "no lo compartas" "no lo comparta" "dos pasos" firmar firma facilita facilite teclear recoger recogida
            dígitos cifras diga copia copie copiar pega pegue pegar digita digite digitar anota dicta dicte dictar
            muestra muestre mostrar enseña enseñe pon ponga indica indique indícalo escríbelo cópialo tecléalo
            introdúcelo""",
        "password": """contraseña contraseñas""",
        "other": """pedidos factura facturas número núm nro nº referencia ref teléfono tel tfno tlf fax móvil llame
            llámanos paquete vuelo tren billete localizador serie modelo contrato póliza socio miembro paciente
            transacción importe total precio gastos iva iban bic nif cif dni tarjeta cuenta calle avenida avda plaza
            paseo carretera apartado apdo sala piso puerta versión desde año expediente ticket incidencia página cp
            "código postal" llámenos tarea compilación solicitud extensión ext anexo permiso candidatura
            convocatoria vacante vacantes""",
        "qualifier": """oferta regalo postal barras qr error fuente color producto artículo seguimiento reserva
            pedido país área cliente amigo "de vestimenta" iata swift cnae rastreo envío referido conducta civil
            penal trabajo circulación comercio proyecto vestimenta tráfico ético "buenas prácticas" deontológico
            arancelario revisión "llame al" "llama al" "marque el" "marca el" boleto sorteo premio proveedor
            empleado agencia sucursal""",
        "reference": """"número de registro" "registro n" "registro mercantil" "registro de entrada" matrícula
            licencia licencias certificado certificados homologación homologado acreditación colegiado colegiada
            carné carnet diploma patente "número de inscripción" "número de candidato" cupón cupones descuento
            promocional promo promoción bono "vale de compra" "vale regalo" "vale descuento" "tarjeta regalo"
            "cheque regalo" isbn cnmv rae catastro catastral parcela bastidor cups escritura""",
        "ending": """"terminada en" "terminado en" "termina en" "acabado en" "acaba en" "últimas cifras" """,
    },
    "it": {
        "code": """codice codici pin otp passcode token "password monouso" "password temporanea"
            "password usa e getta" "chiave di accesso" "numero di verifica" "questo numero" "seguente numero"
            "numero seguente" "inserisci il numero" "digita il numero" "copia il numero" combinazione
            "parola chiave" "queste cifre" "chiave numerica" "password numerica" "password di consegna" """,
        "action": """verifica verificare verifichi conferma confermare confermi accedere accedi acceda accesso
            login entrare inserisci inserire inserisca digita digiti digitare autenticazione autorizzare autorizza
            autorizzazione attivare attiva attivazione valido valida scade scadrà monouso "due fattori" sbloccare
            "non condividerlo" "non comunicarlo" "non comunicare" firma firmare scrivi scriva scrivere utilizza
            riporta comunica ritiro ritirare cifre comunichi numerico numerica ricopia ricopi ricopiare copia copi
            copiare copialo trascrivi trascriva trascrivere incolla incollare riportare riporti batti mostra
            mostri mostrare detta dettare dettarlo esibisci""",
        "password": """password""",
        "other": """ordini fattura fatture numero num nr nº riferimento rif telefono tel fax cellulare chiama chiami
            chiamare pacco volo treno serie modello contratto polizza socio tessera paziente transazione importo
            totale prezzo spese iva iban bic partita carta conto viale piazza stanza sala ufficio versione anno
            pratica ticket segnalazione pagina "codice fiscale" matricola bolletta pnr preventivo "casella postale"
            attività build compilazione richiesta interno permesso candidatura annuncio bando""",
        "qualifier": """fiscale barre qr errore postale sorgente colore prodotto articolo prenotazione ordine
            spedizione tracciamento cliente amico univoco sdi pdr destinatario avviamento iata paese "di avviamento"
            strada civile penale condotta etico progetto consumo abbigliamento deontologico doganale revisione
            "chiama il" "chiami il" lotteria biglietto fornitore dipendente filiale agenzia agente""",
        "reference": """protocollo "numero di registrazione" "numero di iscrizione" "iscrizione albo" "all albo"
            "registro imprese" licenza licenze certificato certificati certificazione omologazione accreditamento
            abilitazione brevetto diploma patentino patente bollino coupon sconto promo promozionale buono buoni
            regalo voucher isbn rea ivass consob catasto catastale catastali telaio foglio particella pod ateco
            meccanografico""",
        "ending": """"che termina con" "terminante con" "termina con" "che finisce con" finale""",
    },
    "pt": {
        "code": """código códigos pin otp token "palavra passe temporária" "palavra passe única"
            "chave de acesso" "número de verificação" passcode "senha de uso único" "senha temporária"
            "senha provisória" "senha única" "senha descartável" "senha de acesso" "este número"
            "seguinte número" "número seguinte" "número abaixo" "copie o número" "digite o número"
            "introduza o número" "insira o número" "palavra chave" "chave numérica" combinação
            "sequência numérica" "senha de entrega" "senha de retirada" "senha numérica" "estes dígitos"
            "palavra chave numérica" """,
        "action": """verificar verifique verifica verificação confirmar confirme confirma confirmação entrar
            acessar acesse aceder aceda acesso login iniciar inicie sessão digite digita digitar insira insere
            inserir introduza introduz informe autenticação autorizar autorize autorização ativar ative ativação
            activar validar valide válido válida validade expira vence "uso único" desbloquear "não compartilhe"
            "não partilhe" "duas etapas" escreva escreve coloque escrever levantar levantamento retirar retirada
            assinar dígitos algarismos diga numérica numérico copiar copie copia cole colar transcreva transcrever
            mostre mostra mostrar apresente apresentar dite indique indica preencha preencher teclar tecle""",
        "password": """senha "palavra passe" """,
        "other": """pedidos encomendas fatura faturas factura número núm nº nr referência ref telefone tel telemóvel
            fax celular ligue ligar pacote voo trem comboio bilhete localizador série modelo contrato apólice sócio
            membro paciente transação valor total preço taxa iva iban bic nif cpf cnpj cartão conta rua avenida
            praça travessa cep sala andar bloco apto versão desde ano processo protocolo chamado ticket página
            agência boleto entidade final "nota fiscal" tarefa build compilação solicitação ramal extensão vaga
            vagas candidatura edital""",
        "qualifier": """oferta presente postal barras qr erro fonte cor produto artigo rastreio rastreamento reserva
            pedido país cliente indicação "de área" iata cnae ibge swift encomenda envio consumidor civil penal
            estrada conduta trabalho trânsito ética projeto projecto vestuário tributário revisão "ligue para"
            sorteio fornecedor funcionário""",
        "reference": """"número da vaga" "número de inscrição" "número da inscrição" "inscrição n"
            "número de registro" "número de registo" "número do registro" "número do registo" "registro no"
            "registo na" "registado na" matrícula licença licenças alvará certificado certificados certidão
            homologação homologado homologada credenciamento credenciado diploma patente "cédula profissional"
            selo talão cupom cupons cupão cupões desconto promocional promo promoção "vale compra" "vale compras"
            "vale presente" "cartão presente" voucher isbn anatel inmetro anvisa bacen susep procon aneel
            "carteira de trabalho" "carteira nacional" cadastral matriz chassi chassis cpe escritura""",
        "ending": """"terminado em" "termina em" "terminado com" "que termina em" "com final" "últimos dígitos" """,
    },
    "nl": {
        "code": """*code *codes pin otp tan "eenmalig wachtwoord" toegangssleutel verificatienummer
            controlegetal "tijdelijk wachtwoord" controlenummer codenummer codewoord "dit nummer"
            "volgende nummer" "vul het nummer" "typ het nummer" cijfercombinatie cijferreeks "deze cijfers"
            "de cijfers" sleutelgetal controlecijfers inlogcijfers""",
        "action": """verifieer verifiëren verificatie bevestig bevestigen bevestiging inloggen "log in" login
            aanmelden aanmelding "meld je" "meldt u" voer vul typ toets invoeren authenticatie autoriseren
            goedkeuren activeer activeren activering geldig verloopt vervalt eenmalig* ontgrendel* "deel deze"
            "deel hem" "twee stappen" geef gebruik tik onderteken* ophalen cijfers cijferige toon noem kopieer
            kopieert kopiëren plak plakken overtypen "neem over" overnemen laat tonen voorlezen doorgeven geeft
            vult intoetsen toetst""",
        "password": """wachtwoord""",
        "other": """bestelling bestelnummer bestelnr order ordernummer factuur* factuurnummer klant* klantnummer
            klantnr telefoon* tel fax mobiel bel nummer *nummer nr dossier* referentie boeking* reservering* vlucht
            trein pakket* zending* track product model contract* polis* patiënt* transactie* bedrag totaal prijs btw
            iban bic kvk rekening* kaart straat *straat *weg *laan *plein *kade *gracht postbus kamer zaal versie
            sinds jaar ticket offerte meterstand taak build melding aanvraag toestel doorkiesnummer vacature*
            sollicitatie*""",
        "qualifier": """kortings* actie* promo* cadeau* waarde* qr post product* artikel* bestel* boekings*
            reserverings* status* postcode foutcode barcode streepjescode boekingscode kleurcode statuscode broncode
            reserveringscode vriendencode landcode foutmelding lidnummer project* gedrags* kleding* projectcode
            gedragscode kledingcode kostenplaats review leverancier* filiaal* medewerker*""",
        "reference": """referentienummer kenmerk sollicitatienummer registratienummer inschrijfnummer vergunning*
            licentie* certificaat* erkenning* keurmerk* diploma* rijbewijs* octrooi* coupon* kortingscode
            kortingsbon* korting actiecode actienummer cadeaubon* cadeaukaart* cadeaucode waardebon* tegoedbon*
            voordeelcode promotiecode promocode voucher* isbn afm kadaster* kadastra* perceel* chassis* eancode
            ean""",
        "ending": """"eindigend op" "eindigt op" "dat eindigt op" "die eindigt op" """,
    },
    "pl": {
        "code": """kod kodu kodem kody kodów pin otp "hasło jednorazowe" "hasłem jednorazowym"
            "jednorazowe hasło" "hasło tymczasowe" "hasło sms" "klucz dostępu" token "numer weryfikacyjny"
            "ten numer" "następujący numer" "wpisz numer" "przepisz numer" kombinacja szyfr "ciąg cyfr"
            "te cyfry" "hasło odbioru" "klucz jednorazowy" "hasło do odbioru" """,
        "action": """zweryfikuj zweryfikować weryfikacja weryfikacji weryfikacyjny potwierdź potwierdzić potwierdzenie
            potwierdzenia zaloguj zalogować logowanie logowania wpisz wpisać wprowadź wprowadzić podaj podać
            przepisz uwierzytelni* autoryz* aktywuj aktywować aktywacja aktywacji ważny ważne ważność wygasa
            wygaśnie traci jednorazow* odblokować odblokuj "nie udostępniaj" "nikomu nie" dwuetapow* dwuskładnikow*
            użyj podpis* odbierz odbioru odebrać cyfry cyfr cyfrowy skopiuj skopiować wklej wkleić przepisać wstukaj
            pokaż pokazać podyktuj podyktować przeczytaj okaż okazać wklep""",
        "password": """hasło hasła hasłem""",
        "other": """zamówienie zamówień faktura faktury fakturę numer numeru nr sprawa sprawy referencyjny klient
            telefon telefonu tel faks infolinia paczka paczki paczkę przesyłka rezerwacja pociąg bilet seria model
            produkt artykuł umowa umowy polisa członek pacjent pesel nip regon krs transakcja transakcji kwota kwoty
            suma razem cena opłata vat iban bic konto rachunek karta karty ulica ul aleja plac skrytka pokój sala
            lokal wersja rok roku zgłoszenie zgłoszenia ticket licznik licznika numer* klient* zamówieni* faktur*
            rezerwacj* przesył* paczk* umow* płatnik* konta konto* zgłoszen* kart* rachunk* zadanie zadania build
            wniosek wniosku wewnętrzny wew oferta ofertę ogłoszenie ogłoszenia rekrutacja rekrutacji uprawnienia
            uprawnień""",
        "qualifier": """pocztowy pocztowego qr kreskowy błędu źródłowy koloru produktu artykułu rezerwacji
            zamówienia kraju kierunkowy polecający swift statusu pkd śledzenia przesyłki klienta towaru projektu
            pracy drogowy cywilny karny etyczny ubioru genetyczny zawodowy przegląd zadzwoń losu dostawcy pracownika
            oddziału""",
        "reference": """referencja referencje "numer referencyjny" sygnatura "numer oferty" "oferta nr"
            "numer kandydata" "numer rejestracyjny" "numerem rejestracyjnym" "wpis do rejestru" rejestr rejestru
            licencja licencji licencję zezwolenie zezwolenia pozwolenie pozwolenia koncesja koncesji certyfikat*
            świadectwo świadectwa legitymacja legitymacji dyplom dyplomu patent patentu protokół protokołu
            aprobata homologacja homologacji atest atestu kupon kuponu kupony rabatowy rabatowego rabatowym
            promocyjny promocyjnego promocyjnym zniżkowy zniżkowego podarunkowy podarunkowa podarunkowej
            "bon podarunkowy" voucher vouchera talon isbn knf kataster* działki ewidencyjny ewidencyjna geodezyjny
            ppe vin podwozia""",
        "ending": """"kończąca się na" "kończący się na" "kończy się na" "zakończony na" "zakończoną na"
            "o końcówce" końcówka końcówką końcówce""",
    },
    "sv": {
        "code": """*kod *koden *koder *koderna pin otp engångslösenord* "tillfälligt lösenord" säkerhetsnyckel
            verifieringsnummer kontrollnummer kodnummer kodord "detta nummer" "det här numret" "följande nummer"
            engångskod engångskoden "ange numret" "skriv numret" "skriv in numret" sifferkombination
            sifferkombinationen pinkod kontrollsiffror "dessa siffror" "de här siffrorna" """,
        "action": """verifiera verifiering bekräfta bekräftar bekräftelse logga loggar inloggning* ange anger
            skriv mata knappa autentisering godkänn godkänna aktivera aktivering giltig upphör engångs* tvåfaktor*
            "lås upp" "dela inte" tvåstegs* legitimera använd signera hämta siffror siffrorna siffrig* slå uppge
            kopiera klistra visa läs fyll "slå in" "knappa in" "mata in" "skriva in" repetera""",
        "password": """lösenord lösenordet""",
        "other": """beställning* beställningsnummer order ordernummer ordernr faktura* fakturanummer kund*
            kundnummer kundnr telefon* tel fax nummer *nummer nr ärende* ärendenummer referens* ref bokning*
            bokningsnummer flyg tåg paket* försändelse* produkt modell avtal* försäkring* medlem* patient*
            transaktion* belopp summa totalt pris moms iban bic orgnr organisationsnummer konto bankgiro plusgiro
            ocr gata *gatan *vägen *torget box postbox postnummer version sedan offert personnummer kortnummer
            uppgift uppgiften bygge bygget anknytning mobilnummer mobilnr mobiltelefon annons annonsen annons*
            ansökan ansöknings*""",
        "qualifier": """erbjudande* present* qr post produkt* artikel* boknings* beställnings* status* felkod
            felkoden streckkod streckkoden qrkod postkod bokningskod färgkod landskod riktnummer värvningskod
            källkod statuskod färgkoden projekt* uppförande* klädkod klädkoden uppförandekod projektkod genetiska
            granskning kodgranskning ring lott leverantör* anställnings* butiks*""",
        "reference": """referensnummer diarienummer registreringsnummer licens* tillstånd* certifikat* intyg*
            behörighetsbevis ackrediteringsnummer diplom patent* protokoll kupong* rabatt* kampanj* presentkort*
            presentkod värdekod värdekupong* värdecheck* tillgodokvitto voucher* rabattkod rabattkoden kampanjkod
            kampanjkoden erbjudandekod isbn fastighetsbeteckning chassinummer anläggningsid""",
        "ending": """"slutar på" "som slutar på" "slutar med" slutsiffror slutsiffrorna""",
    },
    "tr": {
        "code": """kod kodu kodunuz kodun kodunuzu kodunu kodları pin otp "tek kullanımlık şifre"
            "tek kullanımlık şifreniz" "tek kullanımlık parola" "geçici şifre" "geçici şifreniz" "onay numarası"
            "giriş şifreniz" "giriş parolanız" "onay şifreniz" "sms şifreniz" "bu numarayı" "aşağıdaki numarayı"
            "numarasını girin" "numarasını yazın" "teslimat şifreniz" "teslimat şifresi" "teslim şifreniz"
            "teslim şifresi" "teslim alma şifreniz" "doğrulama şifreniz" "güvenlik şifreniz" "bu rakamları"
            "şifreniz şudur" "tek seferlik şifre" "tek seferlik şifreniz" "teslimat parolası" "teslimat kodu"
            "teslimat kodunu" "teslimat kodunuz" "teslim kodu" "teslim kodunuz" "teslim kodunu" """,
        "action": """doğrula* onayla* onay giriş oturum girin giriniz gir yazın yazınız etkinleştir* aktivasyon
            geçerli geçerlidir süresi sona "tek kullanımlık" paylaşmayın paylaşmayınız "iki adımlı" "iki aşamalı"
            kullanın kullanınız kullanarak imza* haneli rakam rakamı basamaklı "giriş yapmak" yaz söyle söyleyin
            söyleyiniz gösterin göster iletin kopyala* yapıştır* tuşla* okuyun "tuşlayın" gösteriniz iletiniz
            bildirin""",
        "password": """şifre şifresi şifreniz parola parolanız""",
        "other": """siparişi siparişiniz fatura faturanız numara numarası numaranız nolu müşteri telefon tel faks
            gsm kargo gönderi pnr uçuş bilet seri model sözleşme poliçe üye hasta işlem tutar toplam fiyat ücret kdv
            iban bic vergi tc kart kartınız hesap cadde caddesi cad sokak sokağı sok mahallesi mah bulvarı oda salon
            sürüm yıl yılı dosya talep kayıt ticket abone tesisat numara* sipariş* müşteri* fatura* hesab* kargo*
            gönderi* rezervasyon* başvuru* abone* görev derleme dahili ilan ilanı""",
        "qualifier": """qr karekod barkod hata posta kaynak renk ürün rezervasyon sipariş ülke alan takip davet
            referans swift durum proje kıyafet davranış etik inceleme arayın arayıp arayabilirsiniz çekiliş
            tedarikçi personel şube bayi""",
        "reference": """"referans numarası" "referans numaralı" "referans no" "ilan no" "ilan numarası"
            "başvuru no" "kayıt no" "kayıt numarası" sicil tescil ruhsat* lisans "lisans no" "izin belgesi"
            "yetki belgesi" "onay belgesi" "uygunluk belgesi" sertifika* "belge no" "belge numarası" diploma
            patent protokol "evrak no" "dosya no" kupon kuponu kuponunuz "kupon kodu" "kupon kodunuz" indirim
            promosyon kampanya "hediye çeki" "hediye çekiniz" "hediye kartı" "hediye kodu" hediye "aday numarası"
            isbn mersis btk bddk tapu ada parsel kadastro şasi""",
        "ending": """"ile biten" biten "son dört hanesi" "son hanesi" sonu""",
    },
    "ru": {
        "code": """код кода коду кодом коды кодов пин пинкод pin otp "одноразовый пароль" "одноразового пароля"
            "временный пароль" "контрольное число" "проверочное число" "разовый пароль" "одноразовым паролем"
            "пароль для входа" "код пароль" "этот номер" "следующий номер" "введите номер" "введите число"
            комбинация "пароль для получения" "пароль для выдачи" "эти цифры" "число для" "проверочный пароль"
            шифр""",
        "action": """подтверд* подтвержд* вход входа войти войдите авториз* введите ввести введи укажите
            аутентифик* активир* активац* действует действителен действительно истек* одноразов* разблок*
            "никому не" "не сообщайте" двухфакторн* регистрац* верифик* напишите подпис* получени* цифры цифр
            скопир* вставьте вставь перепиш* наберете продикт* назовите назови покажите покажи предъяв* впиши
            впишите""",
        "password": """пароль пароля""",
        "other": """заказ заказу заказы счет счета счету номер номера номеру договор договора клиент клиента телефон
            телефона тел факс моб посылка посылку отправление отправления трек бронь брони бронирование рейс поезд
            билет билета серия модель товар артикул полис пациент транзакц* операции сумма суммы итого цена
            стоимость ндс инн кпп огрн бик снилс карта карты карте улица ул проспект пр пер переулок бульвар дом
            корп кв офис оф каб индекс версия года год заявка заявки заявке обращение обращения обращению тикет
            абонент абонента лицевой номер* заказ* договор* клиент* счет* заявк* обращени* посылк* бронирован*
            абонент* коммит добавочный доб внутренний вакансия вакансии вакансию объявление объявления отклик
            допуск""",
        "qualifier": """промо qr штрих ошибки ошибка почтовый цвета товара страны города бронирования заказа
            отслеживания исходный партнерский домофона домофон региона статуса окпо окпд оквэд октмо тн посылки
            проекта деятельности чести дресс дресскод ревью задача задачи задачу сборка сборки звоните позвоните
            учреждения организации маркировки поставщика сотрудника отделения филиала""",
        "reference": """референс "регистрационный номер" "регистрационным номером" реестр* лицензи* разрешение
            разрешения свидетельств* сертификат* аттестат* удостоверени* аккредитац* диплом* патент* протокол*
            декларац* купон* ваучер* талон* промокод* скидочный скидки скидку "на скидку" "подарочный сертификат"
            "подарочная карта" подарочн* исх вх isbn "номер дела" кадастр* участка шасси паспорт паспорта""",
        "ending": """"оканчивается на" оканчивающ* заканчивающ* "заканчивается на" "последние цифры" """,
    },
    "uk": {
        "code": """код коду кодом коди кодів пін пінкод pin otp "одноразовий пароль" "тимчасовий пароль"
            "одноразовим паролем" "разовий пароль" "одноразового пароля" "пароль для входу" "цей номер"
            "наступний номер" "введіть номер" "введіть число" комбінація "пароль для отримання"
            "пароль для видачі" "ці цифри" "перевірочний пароль" шифр""",
        "action": """підтверд* підтвердж* вхід входу увійти увійдіть авториз* введіть ввести введи вкажіть автентифік*
            активу* активац* активув* діє дійсний дійсна чинний спливає закінч* одноразов* розблок* "нікому не"
            "не повідомляйте" двофакторн* реєстрац* верифік* напишіть підпис* отриманн* цифри цифр скопію* вставте
            встав перепиш* продикт* назвіть назви покажіть покажи предʼяв* впиши впишіть пред""",
        "password": """пароль пароля""",
        "other": """рахунок рахунку рахунка номер номера номеру номером договір договору клієнт клієнта телефон
            телефону тел факс моб дзвоніть посилка посилку відправлення ттн накладна накладної бронь рейс потяг
            поїзд квиток квитка серія модель товар артикул поліс пацієнт транзакц* операції сума суми разом ціна
            вартість пдв іпн мфо картка картки вулиця вул проспект просп провулок пров бульвар бульв будинок буд кв
            офіс оф каб індекс версія року рік заявка заявки звернення запит абонент абонента особовий номер*
            замовлен* договор* клієнт* рахун* заявк* звернен* посилк* бронюван* абонент* коміт внутрішній додатковий
            вакансія вакансії вакансію оголошення відгук допуск""",
        "qualifier": """промо qr штрих помилки помилка поштовий кольору товару країни міста бронювання замовлення
            вихідний домофона статусу єдрпоу кпд квед дк відстеження посилки класифікатора проєкту проекту честі
            дрес дресскод ревю задача задачі збірка зателефонуйте телефонуйте закладу установи маркування
            постачальника співробітника відділення філії""",
        "reference": """"реєстраційний номер" "реєстраційним номером" реєстр реєстру ліцензі* дозвіл дозволу свідоцтв*
            сертифікат* атестат* посвідченн* акредитац* диплом* патент* протокол* декларац* купон* ваучер* талон*
            промокод* знижки знижку знижковий "на знижку" подарунков* вих вх isbn "номер справи" кадастр* ділянки
            шасі паспорт паспорта""",
        "ending": """"закінчується на" "що закінчується на" "останні цифри" закінчуєть*""",
    },
    "ja": {
        "code": """コード 認証番号 確認番号 暗証番号 認証コード パスコード ワンタイムパスワード
            使い捨てパスワード ワンタイムpin PIN 認証キー セキュリティ番号 仮パスワード ワンタイムキー
            認証用番号 照合番号 本人確認番号 受取番号 受け取り番号 解錠番号 ロッカー番号 アクセス番号
            ログイン番号 次の番号 下記の番号 以下の番号 暗証キー 受取パスワード 引換番号 合言葉 次の数字
            この数字 以下の数字 受取キー""",
        "action": """ログイン サインイン 入力 認証 確認 有効期限 有効 二段階 2段階 本人確認 登録 承認 ワンタイム
            お手続き 誰にも 共有しない 利用開始 署名 数字 桁 コピー 打ち込 貼り付け 提示 お伝え 転記
            お知らせください 見せ""",
        "password": """パスワード""",
        "other": """注文 ご注文番号 注文番号 請求 お客様番号 お客さま番号 会員番号 電話 ＴＥＬ お問い合わせ番号
            問合せ番号 問い合わせ番号 伝票 追跡 予約番号 受付番号 便名 便 型番 品番 製造番号 契約 証券番号 口座
            金額 合計 価格 税込 料金 送料 郵便番号 〒 丁目 番地 号室 号車 バージョン 年度 管理番号 チケット
            整理番号 診察券 カード番号 カード末尾 商品番号 登録番号 ポイント 番号 ナンバー 課題 ビルド コミット
            チケット番号 内線""",
        "qualifier": """紹介 招待 QR バー 二次元 エラー 商品 国 郵便 予約 カラー 色 ソース ステータス 銀行 支店
            ギフト 終了 店舗 市外 プロジェクト ドレス 部門 行動 レビュー 抽選 取引先 仕入先 社員""",
        "reference": """求人番号 求人 参照番号 照会番号 届出 免許 認証取得 資格 証明書 証書 会員証 特許 受験番号
            クーポン クーポンコード 割引 割引券 優待 優待券 ギフト券 ギフトカード 商品券 プロモ プロモーション
            キャンペーン 特典 案件番号 学籍番号 整理券 許可番号 許可証 車台番号 地番 供給地点""",
        "ending": """末尾 下4桁 下４桁 下四桁 末尾が""",
    },
    "ko": {
        "code": """코드 인증번호 "인증 번호" 확인번호 "확인 번호" 보안번호 "일회용 비밀번호" 일회용비밀번호
            "임시 비밀번호" 임시비밀번호 OTP PIN 핀번호 승인번호 "승인 번호" 인증키 패스코드 일회용암호
            "일회용 암호" "일회성 암호" "일회성 비밀번호" 인증문자 접속번호 보안문자 "보안 번호" "아래 번호"
            "다음 번호" "아래 숫자" "다음 숫자" "이 숫자" "수령 번호" 수령번호 "비밀 번호 6자리" 잠금번호""",
        "action": """로그인 입력 인증 확인 유효 만료 본인확인 2단계 가입 승인 일회용 공유하지 서명 열람 숫자 자리
            복사 붙여 적어 눌러 제시 알려 보여 기입""",
        "password": """비밀번호 암호""",
        "other": """주문 청구 고객번호 회원번호 전화 연락처 문의 송장 배송 예약 접수번호 항공편 모델 상품번호 계약
            계좌 금액 합계 결제 가격 요금 우편번호 사업자 버전 티켓 카드번호 포인트 환자번호 통신판매업 참조번호
            번호 사번 작업 빌드 커밋 내선""",
        "qualifier": """추천 초대 QR 바코드 오류 에러 상품 국가 우편 색상 소스 상태 은행 종료 지역 프로젝트 드레스
            부서 리뷰 검토 추첨 거래처 협력사 지점 직원""",
        "reference": """공고번호 채용공고 공고 등록번호 신고번호 면허 자격증 자격번호 증명서 인증서 수험번호 특허
            학번 문서번호 사건번호 쿠폰 할인 할인권 할인코드 상품권 교환권 기프트카드 기프트 바우처 프로모션
            이벤트 허가번호 허가증 차대번호 지번""",
        "ending": """끝자리 뒷자리 끝번호""",
    },
    "zh": {
        "code": """验证码 驗證碼 校验码 校驗碼 动态码 動態碼 动态密码 動態密碼 动态口令 确认码 確認碼 认证码
            認證碼 安全码 安全碼 登录码 登入碼 激活码 一次性密码 一次性密碼 临时密码 臨時密碼 授权码 授權碼
            识别码 取件码 取件碼 提货码 检验码 检查码 短信码 随机码 啟用碼 密钥 PIN OTP 验证口令 驗證口令
            登录口令 一次性口令 验证代码 驗證代碼 登录代码 安全代码 安全代碼 登入代碼 验证密码 驗證密碼 数字码
            數字碼 开箱码 取货码 取貨碼 核验码 以下号码 以下數字 以下数字 提取码 提取碼 取餐码 开门码 開門碼
            取物码 取物碼 核销码 下列数字 这组数字 這組數字 动态密钥""",
        "action": """验证 驗證 登录 登入 登陆 输入 輸入 有效 过期 過期 确认 確認 认证 認證 激活 注册 註冊 泄露
            告知他人 一次性 授权 授權 签署 簽署 领取 領取 填写 填寫 数字 數字 位数 复制 複製 粘贴 貼上 填入 键入
            鍵入 出示 报出 報出 抄写 抄寫""",
        "password": """密码 密碼 口令""",
        "other": """订单 訂單 发票 發票 客户编号 客戶編號 会员号 會員編號 电话 電話 手机号 手機 客服热线 热线
            专线 專線 快递 运单 單號 单号 预订 預訂 订位 航班 车次 车牌 型号 型號 编号 編號 合同 保单 账号 帳號
            账户 金额 金額 合计 合計 总计 總計 价格 價格 运费 邮编 郵編 邮政编码 郵遞區號 楼 室 版本 工单 工單
            卡号 卡號 统一编号 统一社会信用代码 统编 統編 积分 备案 备 ICP 流水号 号 號 号码 號碼 代码 代碼 任务
            任務 构建 提交 編譯 分机 分機""",
        "qualifier": """邀请 邀請 推荐 推薦 二维 二維 QR 条形 錯誤 错误 商品 国家 國家 邮政 颜色 顏色 源 状态 銀行
            银行 礼品 禮品 兑换 兌換 机构 信用 股票 退出 项目 專案 着装 部门 部門 审查 審查 评审 抽奖 供应商 供應商
            员工 員工 门店 分行""",
        "reference": """参考编号 参考号 參考編號 职位编号 職缺編號 申请编号 申請編號 注册号 註冊號 注册编号
            註冊編號 登记号 登記號 登记证 登記證 许可证 許可證 执照 執照 资格证 資格證 证书 證書 认证编号 認證編號
            合格证 合格證 批准文号 专利 專利 准考证 准考證 学号 學號 案号 案件 优惠券 優惠券 优惠码 優惠碼 优惠
            優惠 折扣码 折扣碼 折扣 促销码 促銷碼 促销 促銷 兑换码 兌換碼 兑换券 兌換券 礼品卡 禮品卡 代金券
            抵用券 满减券 字第 核准号 核准號 核准文号 地号 地號 车架 車架 用户号""",
        "ending": """尾号 尾號 末四碼 末四位 尾数 后四位 後四碼""",
    },
}
