//! The kinds of secrets, each with a stable name and a label for people.

use std::fmt;

/// A kind of secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretKind(u16);

impl SecretKind {
    /// All kinds, the most common ones first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..KINDS.len()).filter_map(|at| u16::try_from(at).ok()).map(Self)
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.name() == name)
    }

    /// The stable name, such as `github_pat`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// What people call it, with the name of who issues it: `GitHub personal access token`.
    pub fn label(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> &'static (&'static str, &'static str) {
        &KINDS[usize::from(self.0)]
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Debug for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKind({})", self.name())
    }
}

/// How many kinds there are.
pub(super) const COUNT: usize = KINDS.len();

/// The names and labels. What issues none of its own stands last.
const KINDS: &[(&str, &str)] = &[
    ("aws_access_key", "AWS access key"),
    ("gcp_api_key", "Google API key"),
    ("github_pat", "GitHub personal access token"),
    ("github_oauth", "GitHub OAuth token"),
    ("github_app", "GitHub app token"),
    ("github_user", "GitHub user token"),
    ("github_refresh", "GitHub refresh token"),
    ("slack_token", "Slack token"),
    ("openai_key", "OpenAI key"),
    ("anthropic_key", "Anthropic key"),
    ("stripe_live", "Stripe live key"),
    ("stripe_test", "Stripe test key"),
    ("jwt", "JSON Web Token"),
    ("private_key", "Private key"),
    ("npm_token", "npm token"),
    ("pypi_token", "PyPI token"),
    ("twilio_sid", "Twilio account SID"),
    ("sendgrid_key", "SendGrid key"),
    ("abuseipdb_key", "AbuseIPDB key"),
    ("adafruit_key", "Adafruit key"),
    ("adobe_secret", "Adobe secret"),
    ("adyen_key", "Adyen key"),
    ("age_key", "age secret key"),
    ("aikido_token", "Aikido token"),
    ("airtable_token", "Airtable token"),
    ("aiven_token", "Aiven token"),
    ("algolia_key", "Algolia key"),
    ("alibaba_access_key", "Alibaba Cloud access key"),
    ("alibaba_secret_key", "Alibaba Cloud secret key"),
    ("amazon_oauth_secret", "Amazon OAuth secret"),
    ("amplitude_key", "Amplitude key"),
    ("apify_token", "Apify token"),
    ("apollo_key", "Apollo key"),
    ("artifactory_token", "Artifactory token"),
    ("asana_token", "Asana token"),
    ("assemblyai_key", "AssemblyAI key"),
    ("atlassian_token", "Atlassian token"),
    ("auth0_secret", "Auth0 secret"),
    ("authress_key", "Authress key"),
    ("aws_bedrock_key", "AWS Bedrock key"),
    ("aws_mws_key", "AWS MWS key"),
    ("aws_secret_key", "AWS secret key"),
    ("aws_session_token", "AWS session token"),
    ("azure_client_secret", "Azure client secret"),
    ("azure_key", "Azure key"),
    ("azure_storage_key", "Azure storage key"),
    ("beamer_token", "Beamer token"),
    ("bitbucket_token", "Bitbucket token"),
    ("bitcoin_key", "Bitcoin key"),
    ("bitly_token", "Bitly token"),
    ("bittrex_key", "Bittrex key"),
    ("box_token", "Box token"),
    ("braintree_key", "Braintree key"),
    ("browserstack_key", "BrowserStack key"),
    ("buildkite_token", "Buildkite token"),
    ("canva_secret", "Canva secret"),
    ("cartesia_key", "Cartesia key"),
    ("cerebras_key", "Cerebras key"),
    ("checkout_key", "Checkout.com key"),
    ("chime_webhook", "Chime webhook"),
    ("circleci_token", "CircleCI token"),
    ("civo_key", "Civo key"),
    ("clerk_key", "Clerk key"),
    ("clickhouse_key", "ClickHouse key"),
    ("clickup_token", "ClickUp token"),
    ("clojars_token", "Clojars token"),
    ("cloudant_password", "Cloudant password"),
    ("cloudflare_key", "Cloudflare key"),
    ("cloudinary_secret", "Cloudinary secret"),
    ("cloudsmith_key", "Cloudsmith key"),
    ("cockroach_key", "CockroachDB key"),
    ("codeclimate_token", "Code Climate token"),
    ("codecov_token", "Codecov token"),
    ("cohere_key", "Cohere key"),
    ("coinbase_key", "Coinbase key"),
    ("configcat_key", "ConfigCat key"),
    ("confluent_key", "Confluent key"),
    ("contentful_token", "Contentful token"),
    ("context7_key", "Context7 key"),
    ("courier_key", "Courier key"),
    ("coveralls_token", "Coveralls token"),
    ("crates_io_token", "crates.io token"),
    ("cursor_key", "Cursor key"),
    ("customerio_key", "Customer.io key"),
    ("databricks_token", "Databricks token"),
    ("datadog_key", "Datadog key"),
    ("datastax_token", "DataStax token"),
    ("deepgram_key", "Deepgram key"),
    ("deepl_key", "DeepL key"),
    ("deepseek_key", "DeepSeek key"),
    ("defined_networking_token", "Defined Networking token"),
    ("deno_token", "Deno token"),
    ("devcycle_key", "DevCycle key"),
    ("digitalocean_token", "DigitalOcean token"),
    ("discord_token", "Discord token"),
    ("discord_webhook", "Discord webhook"),
    ("disqus_key", "Disqus key"),
    ("docker_swarm_token", "Docker Swarm token"),
    ("dockerhub_token", "Docker Hub token"),
    ("doppler_token", "Doppler token"),
    ("drone_token", "Drone token"),
    ("dropbox_token", "Dropbox token"),
    ("duffel_token", "Duffel token"),
    ("dynatrace_token", "Dynatrace token"),
    ("easypost_key", "EasyPost key"),
    ("ebay_secret", "eBay secret"),
    ("elastic_key", "Elastic key"),
    ("elevenlabs_key", "ElevenLabs key"),
    ("ethereum_key", "Ethereum key"),
    ("etsy_key", "Etsy key"),
    ("exa_key", "Exa key"),
    ("exoscale_key", "Exoscale key"),
    ("facebook_token", "Facebook token"),
    ("fastly_token", "Fastly token"),
    ("figma_token", "Figma token"),
    ("finicity_token", "Finicity token"),
    ("finnhub_token", "Finnhub token"),
    ("firecrawl_key", "Firecrawl key"),
    ("fireworks_key", "Fireworks AI key"),
    ("flickr_token", "Flickr token"),
    ("flutterwave_key", "Flutterwave key"),
    ("flyio_token", "Fly.io token"),
    ("frameio_token", "Frame.io token"),
    ("freemius_key", "Freemius key"),
    ("freshbooks_token", "FreshBooks token"),
    ("freshdesk_key", "Freshdesk key"),
    ("friendli_token", "Friendli token"),
    ("gcp_oauth_secret", "Google OAuth secret"),
    ("gcp_oauth_token", "Google OAuth token"),
    ("gcp_private_key_id", "Google Cloud HMAC key id"),
    ("geocodio_key", "Geocodio key"),
    ("github_fine_grained_pat", "GitHub fine-grained token"),
    ("github_secret", "GitHub secret"),
    ("gitlab_token", "GitLab token"),
    ("gitter_token", "Gitter token"),
    ("gocardless_token", "GoCardless token"),
    ("google_chat_webhook", "Google Chat webhook"),
    ("grafana_token", "Grafana token"),
    ("groq_key", "Groq key"),
    ("harness_key", "Harness key"),
    ("heroku_key", "Heroku key"),
    ("hex_pm_key", "Hex.pm key"),
    ("hubspot_token", "HubSpot token"),
    ("huggingface_token", "Hugging Face token"),
    ("ibm_cloud_key", "IBM Cloud key"),
    ("ibm_cos_secret", "IBM COS secret"),
    ("ifttt_webhook", "IFTTT webhook"),
    ("incident_io_key", "incident.io key"),
    ("infisical_token", "Infisical token"),
    ("infracost_key", "Infracost key"),
    ("inngest_key", "Inngest key"),
    ("instagram_token", "Instagram token"),
    ("intercom_token", "Intercom token"),
    ("intra42_secret", "42 Intra secret"),
    ("jenkins_token", "Jenkins token"),
    ("jina_key", "Jina key"),
    ("klaviyo_key", "Klaviyo key"),
    ("kraken_key", "Kraken key"),
    ("kubernetes_bootstrap_token", "Kubernetes bootstrap token"),
    ("kucoin_key", "KuCoin key"),
    ("langfuse_key", "Langfuse key"),
    ("langsmith_key", "LangSmith key"),
    ("launchdarkly_key", "LaunchDarkly key"),
    ("lichess_token", "Lichess token"),
    ("lightning_key", "Lightning key"),
    ("linear_key", "Linear key"),
    ("linkedin_secret", "LinkedIn secret"),
    ("lob_key", "Lob key"),
    ("looker_secret", "Looker secret"),
    ("loops_key", "Loops key"),
    ("mailchimp_key", "Mailchimp key"),
    ("mailersend_key", "MailerSend key"),
    ("mailgun_key", "Mailgun key"),
    ("mailjet_key", "Mailjet key"),
    ("mapbox_token", "Mapbox token"),
    ("mattermost_token", "Mattermost token"),
    ("maxmind_key", "MaxMind key"),
    ("meraki_key", "Meraki key"),
    ("mercury_token", "Mercury token"),
    ("messagebird_token", "MessageBird token"),
    ("midtrans_key", "Midtrans key"),
    ("mistral_key", "Mistral key"),
    ("neon_key", "Neon key"),
    ("netlify_token", "Netlify token"),
    ("newrelic_key", "New Relic key"),
    ("notion_token", "Notion token"),
    ("nuget_key", "NuGet key"),
    ("nutanix_key", "Nutanix key"),
    ("nvidia_key", "NVIDIA key"),
    ("nytimes_key", "New York Times key"),
    ("octopus_key", "Octopus Deploy key"),
    ("okta_token", "Okta token"),
    ("onepassword_key", "1Password key"),
    ("onepassword_token", "1Password token"),
    ("onesignal_key", "OneSignal key"),
    ("openrouter_key", "OpenRouter key"),
    ("openshift_token", "OpenShift token"),
    ("openweather_key", "OpenWeather key"),
    ("opsgenie_key", "Opsgenie key"),
    ("pagerduty_key", "PagerDuty key"),
    ("paypal_token", "PayPal token"),
    ("paystack_key", "Paystack key"),
    ("perplexity_key", "Perplexity key"),
    ("pinecone_key", "Pinecone key"),
    ("plaid_token", "Plaid token"),
    ("planetscale_token", "PlanetScale token"),
    ("polar_token", "Polar token"),
    ("posthog_key", "PostHog key"),
    ("postman_key", "Postman key"),
    ("postmark_token", "Postmark token"),
    ("prefect_key", "Prefect key"),
    ("privateai_key", "Private AI key"),
    ("promptfoo_key", "Promptfoo key"),
    ("promptgate_token", "PromptGate token"),
    ("pub_dev_token", "pub.dev token"),
    ("pulumi_token", "Pulumi token"),
    ("pusher_secret", "Pusher secret"),
    ("railway_token", "Railway token"),
    ("ramp_key", "Ramp key"),
    ("rapidapi_key", "RapidAPI key"),
    ("razorpay_key", "Razorpay key"),
    ("readme_key", "ReadMe key"),
    ("render_key", "Render key"),
    ("replicate_token", "Replicate token"),
    ("resend_key", "Resend key"),
    ("rootly_key", "Rootly key"),
    ("rubygems_token", "RubyGems token"),
    ("runpod_key", "RunPod key"),
    ("salesforce_token", "Salesforce token"),
    ("samsara_token", "Samsara token"),
    ("sanity_token", "Sanity token"),
    ("scaleway_key", "Scaleway key"),
    ("scalingo_token", "Scalingo token"),
    ("sendbird_token", "Sendbird token"),
    ("sendinblue_key", "Brevo (Sendinblue) key"),
    ("sentry_token", "Sentry token"),
    ("settlemint_token", "SettleMint token"),
    ("shippo_token", "Shippo token"),
    ("shodan_key", "Shodan key"),
    ("shopify_token", "Shopify token"),
    ("slack_app_token", "Slack app token"),
    ("slack_secret", "Slack secret"),
    ("slack_webhook", "Slack webhook"),
    ("snyk_token", "Snyk token"),
    ("softlayer_key", "SoftLayer key"),
    ("sonar_token", "SonarQube token"),
    ("sourcegraph_token", "Sourcegraph token"),
    ("spotify_secret", "Spotify secret"),
    ("square_token", "Square token"),
    ("squarespace_token", "Squarespace token"),
    ("stability_key", "Stability key"),
    ("storyblok_token", "Storyblok token"),
    ("stripe_webhook_secret", "Stripe webhook secret"),
    ("sumologic_key", "Sumo Logic key"),
    ("supabase_key", "Supabase key"),
    ("svix_key", "Svix key"),
    ("tailscale_key", "Tailscale key"),
    ("tavily_key", "Tavily key"),
    ("teams_webhook", "Microsoft Teams webhook"),
    ("telegram_bot_token", "Telegram bot token"),
    ("telnyx_key", "Telnyx key"),
    ("tencent_secret_id", "Tencent secret id"),
    ("terraform_token", "Terraform token"),
    ("thunderstore_token", "Thunderstore token"),
    ("together_key", "Together AI key"),
    ("travis_token", "Travis token"),
    ("trello_token", "Trello token"),
    ("trunk_token", "Trunk token"),
    ("twilio_key", "Twilio key"),
    ("twitch_token", "Twitch token"),
    ("twitter_token", "Twitter token"),
    ("typeform_token", "Typeform token"),
    ("unkey_key", "Unkey key"),
    ("upcloud_token", "UpCloud token"),
    ("upstash_token", "Upstash token"),
    ("val_town_token", "Val Town token"),
    ("vault_token", "HashiCorp Vault token"),
    ("vercel_token", "Vercel token"),
    ("virustotal_key", "VirusTotal key"),
    ("voyage_key", "Voyage AI key"),
    ("vultr_key", "Vultr key"),
    ("wakatime_key", "WakaTime key"),
    ("wandb_key", "Weights & Biases key"),
    ("watsonx_key", "watsonx key"),
    ("weatherstack_key", "Weatherstack key"),
    ("webex_token", "Webex token"),
    ("woocommerce_key", "WooCommerce key"),
    ("xai_key", "xAI key"),
    ("xendit_key", "Xendit key"),
    ("yandex_key", "Yandex key"),
    ("zapier_key", "Zapier key"),
    ("zapier_webhook", "Zapier webhook"),
    ("zendesk_key", "Zendesk key"),
    ("zoho_token", "Zoho token"),
    ("zoom_secret", "Zoom secret"),
    ("zuora_secret", "Zuora secret"),
    ("zuplo_key", "Zuplo key"),
    ("database_url", "Database password in a URL"),
    ("basic_auth_url", "Password in a URL"),
    ("password", "Password"),
    ("generic_secret", "API key or secret"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_words_and_stand_once() {
        let mut names: Vec<&str> = SecretKind::all().map(SecretKind::name).collect();
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
        );
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COUNT);
    }

    #[test]
    fn the_common_kinds_name_who_issues_them() {
        for (name, issuer) in [
            ("aws_access_key", "AWS"),
            ("github_pat", "GitHub"),
            ("slack_token", "Slack"),
            ("openai_key", "OpenAI"),
            ("anthropic_key", "Anthropic"),
            ("stripe_live", "Stripe"),
        ] {
            assert!(SecretKind::named(name).is_some_and(|kind| kind.label().contains(issuer)), "{name}");
        }
        assert_eq!(SecretKind::named("nothing"), None);
    }
}
