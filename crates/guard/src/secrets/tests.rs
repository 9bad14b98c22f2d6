//! What is found and what is not, over all parts.

use super::*;

fn kinds() -> Vec<SecretKind> {
    SecretKind::all().collect()
}

fn found(text: &str, strictness: Strictness) -> Vec<(String, String)> {
    let mut findings = Vec::new();
    Secrets::new(&kinds(), strictness).find(&Text::read(text), &mut findings);
    findings.into_iter().map(|finding| (finding.kind.into_owned(), text[finding.span].to_owned())).collect()
}

fn kind(text: &str) -> Option<String> {
    found(text, Strictness::Standard).into_iter().next().map(|(kind, _)| kind)
}

#[test]
fn forms_are_found_wherever_a_token_may_stand() {
    let token = "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";
    for around in [
        "§",
        "a §.",
        "\"§\"",
        "key=§&x=1",
        "https://x:§@github.com",
        "line\\n§\\n",
        "?t%3D§",
        "a/§/b",
        "(§)",
        "§\u{e9}",
    ] {
        let text = around.replace('§', token);
        assert_eq!(
            found(&text, Strictness::Standard),
            [("github_pat".to_owned(), token.to_owned())],
            "{text}"
        );
    }
    assert_eq!(kind(&format!("{token}x")), None);
    assert_eq!(kind(&format!("x{token}")), None);
}

#[test]
fn the_more_specific_kind_is_found() {
    let anthropic = format!("OPENAI_API_KEY=sk-ant-api03-{}AA", "a1B2c3D4-_".repeat(10).get(..93).unwrap());
    assert_eq!(kind(&anthropic).as_deref(), Some("anthropic_key"));
    assert_eq!(kind("api_key = AKIAZ266YBFMQWXYTHQP").as_deref(), Some("aws_access_key"));
    let mut findings = Vec::new();
    let openai = Secrets::new(&[SecretKind::named("openai_key").unwrap()], Strictness::Lenient);
    openai.find(&Text::read(&anthropic), &mut findings);
    assert_eq!(findings, []);
}

#[test]
fn a_shape_needs_a_key_unless_it_is_enough() {
    let shape = "sk-Xi8tcNiHV9awbCcvilTeT3B1bkFJ3UDnpdEwNNm6wVBp";
    assert_eq!(found(shape, Strictness::Standard), []);
    assert_eq!(found(shape, Strictness::Lenient), [("openai_key".to_owned(), shape.to_owned())]);
    assert_eq!(kind(&format!("OPENAI_API_KEY={shape}")).as_deref(), Some("openai_key"));
    assert_eq!(
        kind(&format!("see {shape}YM0o")).as_deref(),
        Some("openai_key"),
        "of the length that keys had"
    );
    let line = "-----BEGIN RSA PRIVATE KEY-----";
    assert_eq!(found(line, Strictness::Standard), []);
    assert_eq!(found(line, Strictness::Lenient).len(), 1);
}

#[test]
fn values_without_a_form_are_found_by_their_keys() {
    for (text, wanted) in [
        ("set api_key iSFqK0b64HTR0ye2fbEAvOPpv5ZW0pCRF50uwNPf", "generic_secret"),
        ("# api_key\nqbDDokdmgCWhAN5oiHF8hkVIclClUdJXQfGeKkOW\n", "generic_secret"),
        ("# aws_secret_access_key\nXuctdej1zWmTyNI+pBYFj0TPkQslNNx3UwdA+4+w\n", "aws_secret_key"),
        (
            "AccountName=a;AccountKey=ELlctI1leLpQhUex2o+zD3K0ccuZvKYQ4jpX8Ec3nXY/rFVNksb0bfII1lc8WbInQIgn9d16fUaH9CIDvdkBjw==;",
            "azure_storage_key",
        ),
        ("HEROKU_API_KEY=01234567-89ab-4def-8123-456789abcdef", "heroku_key"),
        ("password: \"h7!kQ#9z\"", "password"),
        ("DB_PASSWORD=S3cr3t!2024", "password"),
        ("jdbc:mysql://db:3306/x?user=a&password=Xk9mQ2vL7pR4", "password"),
        ("343ea45721923ed956e2b38c31db76aa-us30", "mailchimp_key"),
        ("//registry.npmjs.org/:_authToken=743b294a-cd03-11ec-9d64-0242ac120002", "npm_token"),
    ] {
        assert_eq!(kind(text).as_deref(), Some(wanted), "{text}");
    }
}

#[test]
fn what_only_looks_secret_is_not_found() {
    for text in [
        "commit 7a907713a90a33ea55f9dcb4c977b1e8624794e1",
        "\"integrity\": \"sha512-ddOJmkssr0dINdEKiUfb2LVomnw8OE+zRfujB7pi7ka4rCrEX1+/xF2pCgE3ECA31jHKoXCcws+H0kz8K/b0cw==\"",
        "set api_key sk-your-openai-key-here",
        "API_KEY: \"hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
        "AKIAIOSFODNN7EXAMPLE",
        "token = process.env.OPENAI_API_KEY_2",
        "Authorization: Bearer ${GITHUB_TOKEN_1}",
        "sha256:5ab6e1246316d34e13f49ff2b38305b2a35d85126b368f25083f6cb3517c166f",
        "token: 123e4567-e89b-12d3-a456-426614174000",
        "see hf_transformers_cache_directory_location",
        "//registry.npmjs.org/:_authToken=${NPM_TOKEN}",
        "postgres://user:password@localhost/db",
        ".sk-cube-chasing-delay-animation{transform:none}",
        "next_page_token: \"Ch4KHAoaCAEaFgj9h5KBBhDs1pq\"",
    ] {
        assert_eq!(found(text, Strictness::Standard), [], "{text}");
    }
}

#[test]
fn encoded_secrets_are_found_once() {
    let text = "dGhlIGtleSBpcyBnaHBfd1dQdzVrNGFYY2FUNGZOUDBVY25ad0pVVkZrNkxPMHBJTlV4IG9rYXk=";
    assert_eq!(found(text, Strictness::Standard).len(), 1, "{text}");
}

#[test]
fn bots_of_telegram_are_found_in_addresses_and_behind_their_name() {
    let token = "7213808860:AAH1bjqpKKW3maRSPAxzIU-0v6xNuq2-NjM";
    for around in ["§", "https://api.telegram.org/bot§/getMe", "telegram_token = '§'"] {
        assert_eq!(kind(&around.replace('§', token)).as_deref(), Some("telegram_bot_token"), "{around}");
    }
    assert_eq!(kind("bot110201543:AAHdqTcvCH1vGWJxfSe1ofSAs0K5PALDsaw"), None);
    assert_eq!(kind("foo:AAH1bjqpKKW3maRSPAxzIU-0v6xNuq2-NjM"), None);
}

#[test]
fn a_token_may_say_of_itself_that_it_opens_something() {
    for token in [
        "acme_live_Zk3vQ9xT2mLr8WbY6nPd4HsC1",
        "acme-prod-key-Zk3vQ9xT2mLr8WbY6nPd4HsC1jF7",
        "sk_acme_Zk3vQ9xT2mLr8WbY6nPd4HsC1",
    ] {
        let text = format!("here it is: {token}, thanks");
        assert_eq!(
            found(&text, Strictness::Standard),
            [("generic_secret".to_owned(), token.to_owned())],
            "{text}"
        );
    }
    for text in [
        "see api-gateway-prod-eu-west-1-deployment-2",
        "cache_key_7a907713a90a33ea55f9dcb4c977b1e8624794e1",
        "live_update_2024-05-01T10-11-12_for_customers",
        "Zk3vQ9xT2mLr8WbY6nPd4HsC1",
        "pk_live_Zk3vQ9xT2mLr8WbY6nPd4HsC1",
        "assets/live_Zk3vQ9xT",
    ] {
        assert_eq!(found(text, Strictness::Standard), [], "{text}");
    }
}

#[test]
fn a_token_of_one_or_two_characters_stands_for_another() {
    for text in [
        "key = AKIAXXXXXXXXXXXXXXXX",
        "GOOGLE_API_KEY=AIzaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "client_secret=bP88Q~xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "vault: s.makeKubeConfigController = args",
        "&hf_servingcellpriorityparametersdescription_h_prio",
        "ReactNativeCameraKit: f15a5a04b0f6dc6073e6db0296e6ef2d8b8d2522",
        "https://a-b.notion.site/API-BD80F56CDC1441E6BF6011AB6D852875",
    ] {
        assert_eq!(found(text, Strictness::Standard), [], "{text}");
    }
}

#[test]
fn more_vendors_are_known() {
    for (text, wanted) in [
        ("PINECONE_API_KEY=62b0dbfe-3489-4b79-b850-34d911527c88", "pinecone_key"),
        ("opsgenie_api_key: c9faf476-c114-49f6-8af2-a51e6af8edd6", "opsgenie_key"),
        ("waka_time_api_key: \"d4e5f6a7-b8c9-4123-8567-89abcdef0123\"", "wakatime_key"),
        ("meraki_api_key = f15a5a04b0f6dc6073e6db0296e6ef2d8b8d2522", "meraki_key"),
        ("OVH_APPLICATION_SECRET=k9QdmZTPmt7Z5zzM20lRIl9AxcjLFc2w", "ovh_secret"),
        ("CONFIGCAT_SDK_KEY=Ua1Bb2Cc3Ed4Ee5Ff6Gg7H/qA1bB2cC3dD4eE5fF6gG7h", "configcat_key"),
        ("facebook 1308742762612587|rhoK1cbv0DOU_RTX_87O4MkX7AI", "facebook_token"),
        ("pdl_live_apikey_01gtgztp8f4kek3yd4g1wrksa3_q6TGTJyvoIz7LDtXT65bX7_AQO", "paddle_key"),
        ("mdb_sa_sk_U4iy61joQk3QTOfO_uJ-QIb8WnxmRxSO78sjjctk", "mongodb_key"),
        ("llx-X4NLbG9ezh4U3iek8NDhbbVnoHa98bGct3SS3CNED9Vz", "llamacloud_key"),
        ("curl --user alice:'Tr0ub4dor!3' -X PUT https://a.example", "password"),
    ] {
        assert_eq!(kind(text).as_deref(), Some(wanted), "{text}");
    }
}
