//! The kinds of personal data.

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PiiKind {
    /// An e-mail address.
    Email,
    /// An address of the internet protocol, version 4 or 6.
    IpAddress,
    /// An international bank account number.
    Iban,
    /// The number of a payment card.
    CreditCard,
    /// A social security number of the United States.
    SsnUs,
    /// A telephone number of North America.
    PhoneUs,
    /// A telephone number of Germany, or one with a leading nought.
    PhoneDe,
    /// Any other telephone number.
    PhoneGeneric,
    /// A taxpayer number of the United States.
    UsItin,
    /// An employer number of the United States.
    UsEin,
    /// The number of a passport of the United States.
    UsPassport,
    /// A National Insurance number of the United Kingdom.
    UkNino,
    /// A number of the National Health Service.
    UkNhs,
    /// A tax number of a person in Germany.
    DeSteuerId,
    /// A social security number of France.
    FrNir,
    /// An identity number of Spain, of citizens or of foreigners.
    EsDni,
    /// A tax code of Italy.
    ItCodiceFiscale,
    /// A citizen service number of the Netherlands.
    NlBsn,
    /// A personal number of Poland.
    PlPesel,
    /// A personal number of Sweden.
    SePersonnummer,
    /// A personal number of Denmark.
    DkCpr,
    /// A personal identity code of Finland.
    FiHetu,
    /// A birth number of Norway.
    NoFodselsnummer,
    /// A national register number of Belgium.
    BeNationalNumber,
    /// A tax number of Portugal.
    PtNif,
    /// A taxpayer number of a person in Brazil.
    BrCpf,
    /// A taxpayer number of a company in Brazil.
    BrCnpj,
    /// An identity number of India.
    InAadhaar,
    /// A tax account number of India.
    InPan,
    /// A tax file number of Australia.
    AuTfn,
    /// A health insurance number of Australia.
    AuMedicare,
    /// A social insurance number of Canada.
    CaSin,
    /// An identity number of South Africa.
    ZaId,
    /// An identity number of China.
    CnResidentId,
    /// A resident number of South Korea.
    KrRrn,
    /// A personal number of Japan.
    JpMyNumber,
    /// A birth number of the Czech Republic or Slovakia.
    CzRodneCislo,
    /// A social security number of Switzerland.
    ChAhv,
    /// A social security number of Austria.
    AtSvnr,
    /// A personal public service number of Ireland.
    IePps,
    /// A personal number of Romania.
    RoCnp,
    /// An identity number of Turkey.
    TrTckn,
    /// A personal number of Croatia.
    HrOib,
    /// A population code of Mexico.
    MxCurp,
    /// A tax number of Chile.
    ClRut,
    /// An identity number of Singapore.
    SgNric,
}

impl PiiKind {
    /// All of them, in the order of the enumeration.
    pub const ALL: [Self; 46] = [
        Self::Email,
        Self::IpAddress,
        Self::Iban,
        Self::CreditCard,
        Self::SsnUs,
        Self::PhoneUs,
        Self::PhoneDe,
        Self::PhoneGeneric,
        Self::UsItin,
        Self::UsEin,
        Self::UsPassport,
        Self::UkNino,
        Self::UkNhs,
        Self::DeSteuerId,
        Self::FrNir,
        Self::EsDni,
        Self::ItCodiceFiscale,
        Self::NlBsn,
        Self::PlPesel,
        Self::SePersonnummer,
        Self::DkCpr,
        Self::FiHetu,
        Self::NoFodselsnummer,
        Self::BeNationalNumber,
        Self::PtNif,
        Self::BrCpf,
        Self::BrCnpj,
        Self::InAadhaar,
        Self::InPan,
        Self::AuTfn,
        Self::AuMedicare,
        Self::CaSin,
        Self::ZaId,
        Self::CnResidentId,
        Self::KrRrn,
        Self::JpMyNumber,
        Self::CzRodneCislo,
        Self::ChAhv,
        Self::AtSvnr,
        Self::IePps,
        Self::RoCnp,
        Self::TrTckn,
        Self::HrOib,
        Self::MxCurp,
        Self::ClRut,
        Self::SgNric,
    ];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        self.names().0
    }

    /// What people call it.
    pub fn label(self) -> &'static str {
        self.names().1
    }

    /// The kind of a stable name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Email => ("email", "E-Mail"),
            Self::IpAddress => ("ip_address", "IP address"),
            Self::Iban => ("iban", "IBAN"),
            Self::CreditCard => ("credit_card", "Credit card"),
            Self::SsnUs => ("ssn_us", "SSN"),
            Self::PhoneUs => ("phone_us", "Phone"),
            Self::PhoneDe => ("phone_de", "Phone"),
            Self::PhoneGeneric => ("phone_generic", "Phone"),
            Self::UsItin => ("us_itin", "ITIN"),
            Self::UsEin => ("us_ein", "EIN"),
            Self::UsPassport => ("us_passport", "Passport"),
            Self::UkNino => ("uk_nino", "National Insurance number"),
            Self::UkNhs => ("uk_nhs", "NHS number"),
            Self::DeSteuerId => ("de_steuer_id", "Steuer-ID"),
            Self::FrNir => ("fr_nir", "NIR"),
            Self::EsDni => ("es_dni", "DNI"),
            Self::ItCodiceFiscale => ("it_codice_fiscale", "Codice fiscale"),
            Self::NlBsn => ("nl_bsn", "BSN"),
            Self::PlPesel => ("pl_pesel", "PESEL"),
            Self::SePersonnummer => ("se_personnummer", "Personnummer"),
            Self::DkCpr => ("dk_cpr", "CPR number"),
            Self::FiHetu => ("fi_hetu", "HETU"),
            Self::NoFodselsnummer => ("no_fodselsnummer", "Fødselsnummer"),
            Self::BeNationalNumber => ("be_national_number", "National number"),
            Self::PtNif => ("pt_nif", "NIF"),
            Self::BrCpf => ("br_cpf", "CPF"),
            Self::BrCnpj => ("br_cnpj", "CNPJ"),
            Self::InAadhaar => ("in_aadhaar", "Aadhaar"),
            Self::InPan => ("in_pan", "PAN"),
            Self::AuTfn => ("au_tfn", "TFN"),
            Self::AuMedicare => ("au_medicare", "Medicare number"),
            Self::CaSin => ("ca_sin", "SIN"),
            Self::ZaId => ("za_id", "South African ID"),
            Self::CnResidentId => ("cn_resident_id", "Resident ID"),
            Self::KrRrn => ("kr_rrn", "RRN"),
            Self::JpMyNumber => ("jp_my_number", "My Number"),
            Self::CzRodneCislo => ("cz_rodne_cislo", "Rodné číslo"),
            Self::ChAhv => ("ch_ahv", "AHV number"),
            Self::AtSvnr => ("at_svnr", "SVNR"),
            Self::IePps => ("ie_pps", "PPS number"),
            Self::RoCnp => ("ro_cnp", "CNP"),
            Self::TrTckn => ("tr_tckn", "TCKN"),
            Self::HrOib => ("hr_oib", "OIB"),
            Self::MxCurp => ("mx_curp", "CURP"),
            Self::ClRut => ("cl_rut", "RUT"),
            Self::SgNric => ("sg_nric", "NRIC"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for (index, kind) in PiiKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            assert_eq!(PiiKind::of_name(kind.name()), Some(kind));
        }
    }
}
