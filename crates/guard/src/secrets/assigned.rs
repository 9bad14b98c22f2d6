//! Secrets without a form of their own: the name of a vendor in the key, and a value as the vendor makes them.

use std::sync::LazyLock;

use super::class::{ALNUM, ANY_HEX, BASE64, Class, DASH, DIGIT, EQUALS, HEX, LOWER_DIGIT, URL};
use super::key::Key;
use super::value::Value;
use super::words::Words;

/// What a vendor's values look like.
#[derive(Debug, Clone, Copy)]
enum Looks {
    /// So many bytes of a class.
    Of(Class, usize, usize),
    /// A UUID.
    Uuid,
    /// This, then so many bytes of a class.
    Starts(&'static str, Class, usize, usize),
}

/// A vendor's values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// The vendor as it stands in keys: lower case, without separators.
    word: &'static str,
    pub(super) kind: &'static str,
    looks: Looks,
}

const fn of(word: &'static str, kind: &'static str, class: Class, least: usize, most: usize) -> Rule {
    Rule { word, kind, looks: Looks::Of(class, least, most) }
}

const fn uuid(word: &'static str, kind: &'static str) -> Rule {
    Rule { word, kind, looks: Looks::Uuid }
}

const fn starts(
    word: &'static str,
    kind: &'static str,
    start: &'static str,
    class: Class,
    least: usize,
    most: usize,
) -> Rule {
    Rule { word, kind, looks: Looks::Starts(start, class, least, most) }
}

/// Characters of base64url with padding.
const PADDED: Class = URL.or(EQUALS);

/// The rules, in the order of the words.
pub(super) const RULES: &[Rule] = &[
    of("abuseipdb", "abuseipdb_key", HEX, 80, 80),
    of("accountkey", "azure_storage_key", BASE64.or(EQUALS), 86, 88),
    of("storagekey", "azure_storage_key", BASE64.or(EQUALS), 86, 88),
    of("azure", "azure_storage_key", BASE64.or(EQUALS), 86, 88),
    of("azure", "azure_key", ALNUM, 32, 84),
    of("azure", "azure_key", BASE64.or(EQUALS), 43, 44),
    of("sharedaccesskey", "azure_key", BASE64.or(EQUALS), 40, 48),
    of("adafruit", "adafruit_key", URL, 32, 32),
    of("adobe", "adobe_secret", ANY_HEX, 32, 32),
    of("airtable", "airtable_token", ALNUM, 17, 17),
    of("algolia", "algolia_key", ALNUM, 32, 32),
    of("alibaba", "alibaba_secret_key", ALNUM, 30, 30),
    of("aliyun", "alibaba_secret_key", ALNUM, 30, 30),
    starts("alibaba", "alibaba_secret_key", "CAIS", BASE64.or(PADDED), 40, 110),
    of("amplitude", "amplitude_key", HEX, 32, 32),
    of("apollo", "apollo_key", URL, 22, 22),
    of("artifactory", "artifactory_token", ALNUM, 64, 73),
    of("asana", "asana_token", ALNUM, 32, 32),
    of("assemblyai", "assemblyai_key", ALNUM, 32, 32),
    of("atlassian", "atlassian_token", ALNUM, 24, 24),
    of("auth0", "auth0_secret", URL, 32, 64),
    of("aws", "aws_secret_key", BASE64, 40, 40),
    of("amazon", "aws_secret_key", BASE64, 40, 40),
    of("secretaccesskey", "aws_secret_key", BASE64, 40, 40),
    of("secretkey", "aws_secret_key", BASE64, 40, 40),
    of("accesssecret", "aws_secret_key", BASE64, 40, 40),
    of("s3", "aws_secret_key", BASE64, 40, 40),
    of("bintray", "artifactory_token", ALNUM, 64, 73),
    starts("beamer", "beamer_token", "b_", PADDED, 44, 44),
    of("bitbucket", "bitbucket_token", ALNUM, 32, 32),
    of("bitbucket", "bitbucket_token", PADDED, 64, 64),
    of("bitly", "bitly_token", HEX, 40, 40),
    of("bittrex", "bittrex_key", ALNUM, 32, 32),
    of("box", "box_token", ALNUM, 32, 32),
    of("browserstack", "browserstack_key", ALNUM, 20, 20),
    of("circleci", "circleci_token", HEX, 40, 40),
    of("civo", "civo_key", ALNUM, 50, 50),
    of("cloudant", "cloudant_password", HEX, 64, 64),
    of("cloudant", "cloudant_password", LOWER_DIGIT, 24, 24),
    of("cldt", "cloudant_password", HEX, 64, 64),
    of("cl", "cloudant_password", HEX, 64, 64),
    of("clou", "cloudant_password", HEX, 64, 64),
    of("cloudflare", "cloudflare_key", URL, 40, 40),
    of("cloudflare", "cloudflare_key", HEX, 37, 37),
    of("cloudinary", "cloudinary_secret", URL, 27, 32),
    of("codecov", "codecov_token", ALNUM, 32, 32),
    uuid("codecov", "codecov_token"),
    of("codeclimate", "codeclimate_token", HEX, 64, 64),
    of("cohere", "cohere_key", ALNUM, 40, 40),
    of("coapikey", "cohere_key", ALNUM, 40, 40),
    of("coinbase", "coinbase_key", URL, 64, 64),
    of("configcat", "configcat_key", URL.or(super::class::SLASH), 45, 45),
    of("confluence", "atlassian_token", ALNUM, 24, 24),
    of("confluent", "confluent_key", ALNUM, 16, 16),
    of("confluent", "confluent_key", ALNUM, 64, 64),
    of("contentful", "contentful_token", PADDED, 43, 43),
    of("coveralls", "coveralls_token", URL, 32, 37),
    of("cratesio", "crates_io_token", ALNUM, 32, 35),
    of("datadog", "datadog_key", ALNUM, 40, 40),
    of("datadog", "datadog_key", ALNUM, 32, 32),
    of("ddapi", "datadog_key", HEX, 32, 32),
    of("ddapp", "datadog_key", HEX, 40, 40),
    of("deepgram", "deepgram_key", HEX, 40, 40),
    of("deepl", "deepl_key", URL.or(super::class::DOT), 36, 39),
    of("digitalocean", "digitalocean_token", HEX, 64, 64),
    of("discord", "discord_token", HEX, 64, 64),
    of("discord", "discord_token", PADDED, 32, 32),
    of("disqus", "disqus_key", ALNUM, 64, 64),
    uuid("dockerhub", "dockerhub_token"),
    uuid("docker", "dockerhub_token"),
    of("droneci", "drone_token", ALNUM, 32, 32),
    of("drone", "drone_token", ALNUM, 32, 32),
    of("dropbox", "dropbox_token", ALNUM, 15, 15),
    of("dropbox", "dropbox_token", PADDED, 64, 64),
    of("etsy", "etsy_key", ALNUM, 24, 24),
    of("exoscale", "exoscale_key", URL, 40, 60),
    of("facebook", "facebook_token", ANY_HEX, 32, 32),
    of("fastly", "fastly_token", PADDED, 32, 32),
    of("finicity", "finicity_token", ANY_HEX, 32, 32),
    of("finicity", "finicity_token", ALNUM, 20, 20),
    of("finnhub", "finnhub_token", ALNUM, 20, 20),
    of("flickr", "flickr_token", ALNUM, 32, 32),
    of("freshbooks", "freshbooks_token", ALNUM, 64, 64),
    of("freshdesk", "freshdesk_key", ALNUM, 20, 20),
    of("github", "github_secret", HEX, 40, 40),
    of("gitlabsession", "gitlab_token", ALNUM, 32, 32),
    of("gitter", "gitter_token", URL, 40, 40),
    starts("gocardless", "gocardless_token", "live_", PADDED, 40, 40),
    starts("gocardless", "gocardless_token", "sandbox_", PADDED, 40, 40),
    uuid("heroku", "heroku_key"),
    uuid("hubspot", "hubspot_token"),
    of("huggingface", "huggingface_token", ALNUM, 34, 40),
    of("ibm", "ibm_cloud_key", URL, 44, 44),
    of("iam", "ibm_cloud_key", URL, 44, 44),
    of("cloudapi", "ibm_cloud_key", URL, 44, 44),
    of("ibm", "ibm_cos_secret", HEX, 48, 48),
    of("cos", "ibm_cos_secret", HEX, 48, 48),
    of("hmac", "ibm_cos_secret", HEX, 48, 48),
    of("secretaccesskey", "ibm_cos_secret", HEX, 48, 48),
    of("intercom", "intercom_token", PADDED, 60, 60),
    of("jfrog", "artifactory_token", ALNUM, 64, 73),
    of("jira", "atlassian_token", ALNUM, 24, 24),
    starts("klaviyo", "klaviyo_key", "pk_", ALNUM, 34, 37),
    of("kraken", "kraken_key", BASE64.or(PADDED), 80, 90),
    of("kucoin", "kucoin_key", HEX, 24, 24),
    uuid("kucoin", "kucoin_key"),
    of("launchdarkly", "launchdarkly_key", PADDED, 40, 40),
    of("linear", "linear_key", HEX, 32, 32),
    of("linkedin", "linkedin_secret", ALNUM, 16, 16),
    of("linkedin", "linkedin_secret", ALNUM, 14, 14),
    starts("lob", "lob_key", "live_", HEX, 35, 35),
    starts("lob", "lob_key", "test_", HEX, 35, 35),
    of("looker", "looker_secret", ALNUM, 20, 20),
    of("looker", "looker_secret", ALNUM, 24, 24),
    of("mailjet", "mailjet_key", HEX, 32, 32),
    of("mailgun", "mailgun_key", HEX.or(super::class::DASH), 50, 50),
    of("mandrill", "mailchimp_key", URL, 22, 22),
    of("mattermost", "mattermost_token", ALNUM, 26, 26),
    of("maxmind", "maxmind_key", ALNUM, 16, 16),
    of("merakiapi", "meraki_key", HEX, 40, 40),
    of("merakidashboard", "meraki_key", HEX, 40, 40),
    of("merakikey", "meraki_key", HEX, 40, 40),
    of("merakisecret", "meraki_key", HEX, 40, 40),
    of("merakitoken", "meraki_key", HEX, 40, 40),
    of("messagebird", "messagebird_token", ALNUM, 25, 25),
    uuid("messagebird", "messagebird_token"),
    of("mistral", "mistral_key", ALNUM, 32, 32),
    of("netlify", "netlify_token", PADDED, 40, 46),
    of("newrelic", "newrelic_key", ALNUM, 64, 64),
    of("newrelic", "newrelic_key", HEX, 40, 40),
    of("newyorktimes", "nytimes_key", PADDED, 32, 32),
    uuid("npm", "npm_token"),
    of("nytimes", "nytimes_key", PADDED, 32, 32),
    starts("okta", "okta_token", "00", URL, 40, 40),
    of("openweather", "openweather_key", HEX, 32, 32),
    uuid("opsgenie", "opsgenie_key"),
    of("ovh", "ovh_secret", ALNUM, 32, 32),
    of("pagerduty", "pagerduty_key", URL.or(super::class::PLUS), 20, 20),
    of("pagerduty", "pagerduty_key", HEX, 32, 32),
    of("paypal", "paypal_token", URL, 70, 90),
    of("pdy", "pagerduty_key", URL, 20, 20),
    uuid("pinecone", "pinecone_key"),
    of("plaid", "plaid_token", ALNUM, 24, 24),
    of("plaid", "plaid_token", ALNUM, 30, 30),
    uuid("postmark", "postmark_token"),
    of("privateai", "privateai_key", ALNUM, 32, 32),
    of("pusher", "pusher_secret", HEX, 20, 20),
    of("rapidapi", "rapidapi_key", URL, 50, 50),
    of("razorpay", "razorpay_key", ALNUM, 24, 24),
    uuid("scaleway", "scaleway_key"),
    uuid("scw", "scaleway_key"),
    uuid("sendbird", "sendbird_token"),
    of("sendbird", "sendbird_token", HEX, 40, 40),
    of("sentry", "sentry_token", HEX, 64, 64),
    of("sentry", "sentry_token", HEX, 32, 32),
    of("shodan", "shodan_key", ALNUM, 32, 32),
    of("slack", "slack_secret", HEX, 32, 32),
    uuid("snyk", "snyk_token"),
    of("softlayer", "softlayer_key", LOWER_DIGIT, 64, 64),
    of("slapi", "softlayer_key", LOWER_DIGIT, 64, 64),
    of("sonar", "sonar_token", PADDED, 40, 44),
    of("sourcegraph", "sourcegraph_token", ANY_HEX, 40, 40),
    of("spotify", "spotify_secret", HEX, 32, 32),
    uuid("squarespace", "squarespace_token"),
    of("stability", "stability_key", URL, 51, 51),
    starts("sumo", "sumologic_key", "su", ALNUM, 12, 12),
    of("sumo", "sumologic_key", ALNUM, 64, 64),
    of("travis", "travis_token", URL, 22, 22),
    of("trello", "trello_token", HEX, 32, 32),
    of("trello", "trello_token", HEX, 64, 64),
    of("twilio", "twilio_key", HEX, 32, 32),
    of("twitch", "twitch_token", ALNUM, 30, 30),
    starts("twitter", "twitter_token", "AAAAAAAAAAAAAAAAAAAAAA", ALNUM.or(super::class::PERCENT), 80, 100),
    of("twitter", "twitter_token", ALNUM, 25, 25),
    of("twitter", "twitter_token", ALNUM, 45, 45),
    of("twitter", "twitter_token", ALNUM, 50, 50),
    of("twitter", "twitter_token", URL, 36, 66),
    of("upstash", "upstash_token", BASE64.or(PADDED), 32, 120),
    of("vercel", "vercel_token", ALNUM, 24, 24),
    of("virustotal", "virustotal_key", HEX, 64, 64),
    of("vultr", "vultr_key", UPPER_OR_DIGIT, 36, 36),
    uuid("waka", "wakatime_key"),
    of("wandb", "wandb_key", HEX, 40, 40),
    of("weatherstack", "weatherstack_key", HEX, 32, 32),
    of("xray", "artifactory_token", ALNUM, 64, 73),
    of("yandex", "yandex_key", URL, 38, 42),
    of("youtube", "gcp_api_key", URL, 39, 39),
    of("zendesk", "zendesk_key", ALNUM, 40, 40),
    of("zoom", "zoom_secret", ALNUM, 32, 32),
    of("zuora", "zuora_secret", URL, 32, 64),
];

const UPPER_OR_DIGIT: Class = super::class::UPPER_DIGIT;

impl Rule {
    /// What its values are made of, and how long they are.
    fn extent(&self) -> (Class, usize, usize) {
        match self.looks {
            Looks::Of(class, least, most) => (class, least, most),
            Looks::Uuid => (ANY_HEX.or(DASH), 36, 36),
            Looks::Starts(start, class, least, most) => {
                (class.or(Class::of_all(start.as_bytes())), start.len() + least, start.len() + most)
            }
        }
    }

    /// Whether a value looks like the vendor's.
    fn fits(&self, value: &Value<'_>, is_uuid: bool) -> bool {
        let bytes = value.bytes;
        match self.looks {
            Looks::Of(class, least, most) => {
                (least..=most).contains(&bytes.len()) && class.covers(value.class) && !is_uuid
            }
            Looks::Uuid => is_uuid,
            Looks::Starts(start, class, least, most) => bytes
                .strip_prefix(start.as_bytes())
                .is_some_and(|rest| (least..=most).contains(&rest.len()) && class.holds(rest)),
        }
    }
}

/// The vendors' rules by the words that they go by.
static WORDS: LazyLock<Words<u16>> = LazyLock::new(|| {
    let numbered = RULES.iter().zip(0_u16..);
    Words::new(numbered.map(|(rule, number)| (rule.word.as_bytes(), number)))
});

/// How long a vendor's value is at most.
const LONGEST: usize = 128;

/// What values of each length are made of: the fewest classes that cover all rules for that length.
static MADE_OF: LazyLock<Vec<Vec<Class>>> = LazyLock::new(|| {
    let mut by_length = vec![Vec::new(); LONGEST + 1];
    for rule in RULES {
        let (class, least, most) = rule.extent();
        for classes in &mut by_length[least..=most] {
            let classes: &mut Vec<Class> = classes;
            if !classes.iter().any(|known| known.covers(class)) {
                classes.retain(|known| !class.covers(*known));
                classes.push(class);
            }
        }
    }
    by_length
});

/// Whether a vendor's value may look like this one.
pub(super) fn may_be_one(value: &Value<'_>) -> bool {
    let classes = MADE_OF.get(value.bytes.len());
    classes.is_some_and(|classes| classes.iter().any(|class| class.covers(value.class)))
}

/// The vendor whose value stands behind a key.
pub(super) fn vendor(key: &Key, value: &Value<'_>) -> Option<&'static Rule> {
    if DIGIT.covers(value.class) || !may_be_one(value) {
        return None;
    }
    let is_uuid = value.is_uuid();
    let mut first: Option<u16> = None;
    key.within(&WORDS, |at, word, number| {
        let is_before = first.is_none_or(|first| number < first);
        if is_before
            && key.starts(at, word)
            && RULES[usize::from(number)].fits(value, is_uuid)
            // Without a sign of assignment three letters are soon found in what is no key.
            && (key.assigns || word.len() > 4 || key.ends_in_credential())
        {
            first = Some(number);
        }
    });
    first.map(|number| &RULES[usize::from(number)])
}

#[cfg(test)]
mod tests {
    use super::super::key;
    use super::super::kind::SecretKind;
    use super::*;

    fn found(text: &str, start: usize) -> Option<&'static str> {
        let key = key::before(text.as_bytes(), start)?;
        vendor(&key, &Value::new(&text.as_bytes()[start..])).map(|rule| rule.kind)
    }

    #[test]
    fn every_rule_names_a_kind() {
        for rule in RULES {
            assert!(SecretKind::named(rule.kind).is_some(), "{}", rule.kind);
            assert!(
                rule.word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
                "{}",
                rule.word
            );
        }
    }

    #[test]
    fn what_fits_a_rule_may_be_one() {
        for rule in RULES {
            let (extent, least, most) = rule.extent();
            let (start, class) =
                if let Looks::Starts(start, class, ..) = rule.looks { (start, class) } else { ("", extent) };
            for length in [least, most] {
                let made_of = (0..128).rev().filter(|byte| class.has(*byte)).cycle();
                let mut bytes: Vec<u8> = start.bytes().chain(made_of).take(length).collect();
                if matches!(rule.looks, Looks::Uuid) {
                    bytes = b"12345678-abcd-1234-abcd-1234567890ab".to_vec();
                }
                let value = Value::new(&bytes);
                assert!(rule.fits(&value, value.is_uuid()) && may_be_one(&value), "{}", rule.word);
            }
        }
    }

    #[test]
    fn the_key_and_the_looks_decide() {
        assert_eq!(found("heroku_key=12345678-abcd-1234-abcd-1234567890ab", 11), Some("heroku_key"));
        assert_eq!(found("NEW_RELIC=a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2", 10), Some("newrelic_key"));
        assert_eq!(
            found("global_it=live_0123456789abcdef0123456789abcdef012", 10),
            None,
            "`lob` starts no word"
        );
        assert_eq!(found("request_id=12345678-abcd-1234-abcd-1234567890ab", 11), None);
    }
}
