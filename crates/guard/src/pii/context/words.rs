//! The words, in the languages of the product's users. A star stands for any ending.

use std::sync::LazyLock;

use super::Sense;
use crate::pii::PiiKind;

const PHONE: &str = "phone* telephone* telephon* telefon* téléphon* telefoon* teléfon* telefax* telefone* telefón* \
    tel tél tlf telf tfno tfn tlfnr fon fono fone puh puhelin* puhelimit* mobil* mob cell cellphone* cellular* cel \
    celular* móvil* movil* cellulare* komórk* komork* kännykk* matkapuh* gsm handy handynummer* handynr fax* faks* whatsapp \
    whatsappnummer sms msisdn hotline* portable telemóv* telemov* rufnummer* telefonnummer* durchwahl* festnetz* dial \
    landline voicemail pager facsimile sími farsími τηλ τηλέφων* τηλεφων* κινητό* тел телефон* моб мобил* факс* هاتف \
    موبايل تلفن טלפון נייד फोन मोबाइल 电话 電話 手机 手機 携帯 ファックス 传真 傳真 전화 휴대폰 연락처 핸드폰 โทร";
const CALL: &str = "call calls called calling caller reach reached reachable answer* ring ringing messag* contact* \
    anruf* anzuruf* rückruf* erreich* nachricht* appel appels appeler appelez appelle appelles joindre rappel* joignable llam* llám* chiam* contatt* ligar ligue contat* \
    bel bellen bereik* zadzwo* dzwoni* kontakt* ringa soita* soitta* volej* zavol* yhtey* звон* позвон* вызов* text texting ruf rufe rufen hívj* \
    suna sunați ara arayın";
const PAY: &str = "pay pays paid payment* charge charged charges billing* bezahl* zahl* zahlung* paiement* payer pago* pagar \
    pagament* pagare betal* betaling* płatno* platb* maksu* checkout deposit refund* expires expiry exp";
const PLACE: &str =
    "home work office privat büro geschäftlich bureau oficina ufficio kantoor escritório kontor";
const CARD: &str = "card cards cardnumber creditcard* credit debit kreditkart* karte karten kartennummer* kartennr carte \
    carta tarjeta* cartão cartao karta kartę kartou kartu karty kreditkort* betalkort* betaalkaart* kaart kaartnummer \
    creditkaart* kort kortnummer* kortti* luottokor* maksukor* visa mastercard* maestro amex discover diners cc ccnum ccn cvv cvc \
    pan mc jcb karet kártya* kartı карт* 信用卡 银行卡 カード 카드";
const INTERNET: &str = "ip ips ipv4 ipv6 ipaddress* ipaddr addr host hosts hostname server* client* remote peer subnet \
    netmask gateway router ping traceroute dns nameserver login session from inet inet6 src dst source destination adresse \
    address* dirección indirizzo endereço adres adress osoite adresa x forwarded";
const VERSION: &str = "version* ver v release* upgrade* downgrade* build rev revision firmware semver sdk patch section chapter \
    kapitel figure fig table schema npm cargo pip package tag oid oids";
const IDENTITY: &str = "identity identification identifier ausweis* personalausweis* steuernummer* steuer identité identite identidad \
    identità identidade identiteit* tożsamo* henkilö* national citizen* taxpayer* tax fiscal fiscale socialsecurity dob \
    geburtsdatum birth born né née nacido nato";
const ID: &str = "id ids uid uids";
const THING: &str = "order* invoice* gid ref refs reference* tracking track sku skus part parts serial isbn issn ean upc gtin commit \
    uuid guid hash sha md5 port ports pid pids tid license* licence* driver* plate ticket* issue bug pull bestell* rechnung* auftrag* \
    artikel* kunden* sendung* vorgang* aktenzeichen* commande* facture* colis pedido* factura* ordine* fattura* encomenda* fatura* factuur* \
    zamówieni* zamowieni* faktur* objednáv* objednav* tilaus* lasku* epoch timestamp* ts unix exp iat nbf created updated modified \
    size bytes byte count counts total amount price sum offset seed checksum crc crc32 doi pmid arxiv zip plz postcode postal width height \
    step loss lr epochs batch iteration row rows line lines page pages cve rfc bsb snowflake* trace span request* transaction* txn \
    shipment* package* parcel* customer* product* item* model case number_of quantity qty stock lot batchnumber nonce block height \
    memory addr0 pointer registration vat ust ustid hrb siret siren seconds millis ms duration latency elapsed uptime usec msec ns iso iec ieee ansi ecma";

/// The words of single kinds.
const PERSONS: &[(PiiKind, &str)] = &[
    (PiiKind::Iban, "iban ibans bankverbindung* kontonummer* konto rib rekeningnummer* rekening numeroconto"),
    (PiiKind::SsnUs, "ssn ssns social"),
    (PiiKind::UsItin, "itin taxpayer* tax tin"),
    (PiiKind::UsEin, "ein employer* fein tin"),
    (
        PiiKind::UsPassport,
        "passport* reisepass* passeport* pasaporte* passaporto* passaporte* paspoort* paszport* passnummer*",
    ),
    (PiiKind::UkNino, "nino ni insurance"),
    (PiiKind::UkNhs, "nhs"),
    (PiiKind::DeSteuerId, "steuerid* steueridentifikation* steuerident* idnr tin steuer"),
    (PiiKind::FrNir, "nir insee sécu secu sécurité securite sociale vitale"),
    (PiiKind::EsDni, "dni nie nif"),
    (PiiKind::ItCodiceFiscale, "codice fiscale cf"),
    (PiiKind::NlBsn, "bsn burgerservice* sofi sofinummer"),
    (PiiKind::PlPesel, "pesel*"),
    (PiiKind::SePersonnummer, "personnummer* persnr pnr personnr samordning*"),
    (PiiKind::DkCpr, "cpr cprnummer cprnr personnummer* cprnumre"),
    (PiiKind::FiHetu, "hetu henkilötunnus* henkilotunnus* sotu"),
    (PiiKind::NoFodselsnummer, "fødsel* fodsel* fnr personnummer*"),
    (PiiKind::BeNationalNumber, "rijksregister* insz niss national registre"),
    (PiiKind::PtNif, "nif contribuinte"),
    (PiiKind::BrCpf, "cpf"),
    (PiiKind::BrCnpj, "cnpj"),
    (PiiKind::InAadhaar, "aadhaar* aadhar* adhar uidai आधार"),
    (PiiKind::InPan, "pan"),
    (PiiKind::AuTfn, "tfn tax"),
    (PiiKind::AuMedicare, "medicare"),
    (PiiKind::CaSin, "sin nas insurance assurance"),
    (PiiKind::ZaId, "african sa"),
    (PiiKind::CnResidentId, "resident 身份证 身份證"),
    (PiiKind::KrRrn, "rrn resident 주민"),
    (PiiKind::JpMyNumber, "mynumber マイナンバー 個人番号"),
    (PiiKind::CzRodneCislo, "rodné rodne rč rc rodného"),
    (PiiKind::ChAhv, "ahv ahvn avs oasi sozialversicherung*"),
    (PiiKind::AtSvnr, "svnr svn sozialversicherung* versicherungsnummer"),
    (PiiKind::IePps, "pps ppsn"),
    (PiiKind::RoCnp, "cnp"),
    (PiiKind::TrTckn, "tckn kimlik"),
    (PiiKind::HrOib, "oib"),
    (PiiKind::MxCurp, "curp"),
    (PiiKind::ClRut, "rut"),
    (PiiKind::SgNric, "nric fin"),
];

struct Stem {
    start: &'static str,
    open: bool,
    sense: Sense,
}

/// The stems, by their first two bytes.
static STEMS: LazyLock<Vec<Vec<Stem>>> = LazyLock::new(|| {
    let mut buckets: Vec<Vec<Stem>> = (0..BUCKETS).map(|_| Vec::new()).collect();
    for stem in stems() {
        buckets[bucket(stem.start)].push(stem);
    }
    buckets
});

/// The stems of scripts without spaces between words, which have no first letter to go by.
static UNSPACED: LazyLock<Vec<Stem>> =
    LazyLock::new(|| stems().filter(|stem| stem.start.bytes().next() >= Some(0xE0)).collect());

const BUCKETS: usize = 1024;

fn bucket(word: &str) -> usize {
    let bytes = word.as_bytes();
    let at = |place: usize| usize::from(bytes.get(place).copied().unwrap_or(0));
    (at(0) * 37 + at(1)) % BUCKETS
}

fn stems() -> impl Iterator<Item = Stem> {
    let families = [
        (Sense::PHONE, PHONE),
        (Sense::CARD, CARD),
        (Sense::CALL, CALL),
        (Sense::PAY, PAY),
        (Sense::PLACE, PLACE),
        (Sense::INTERNET, INTERNET),
        (Sense::VERSION, VERSION),
        (Sense::THING, THING),
        (Sense::ID, ID),
        (Sense::IDENTITY, IDENTITY),
    ];
    let persons = PERSONS.iter().map(|(kind, words)| (Sense::person(*kind), *words));
    families.into_iter().chain(persons).flat_map(|(sense, words)| {
        words.split_ascii_whitespace().map(move |word| {
            let start = word.trim_end_matches('*');
            Stem { start, open: start.len() < word.len(), sense }
        })
    })
}

/// What a word says.
pub(super) fn sense(word: &str) -> Option<Sense> {
    let first = *word.as_bytes().first()?;
    if first.is_ascii_digit() {
        return None;
    }
    let mut lower = [0; 32];
    let owned;
    let word = if word.is_ascii() {
        let length = word.len().min(lower.len());
        lower[..length].copy_from_slice(&word.as_bytes()[..length]);
        lower[..length].make_ascii_lowercase();
        std::str::from_utf8(&lower[..length]).ok()?
    } else {
        owned = word.to_lowercase();
        &owned
    };
    if first >= 0xE0 {
        return UNSPACED
            .iter()
            .filter(|stem| word.contains(stem.start))
            .map(|stem| stem.sense)
            .reduce(Sense::or);
    }
    let fits = |stem: &&Stem| if stem.open { word.starts_with(stem.start) } else { word == stem.start };
    STEMS[bucket(word)].iter().filter(fits).map(|stem| stem.sense).reduce(Sense::or)
}
