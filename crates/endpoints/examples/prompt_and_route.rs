//! Creates an endpoint with typed variables and routing rules, and takes a call through it.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use promptgate_endpoints::{
    Catalogue, ChatInput, CompiledEndpoint, Endpoint, Facts, Named, NewEndpoint, Rule, estimate_tokens,
};
use promptgate_kernel::{
    Clock, CredentialId, EndpointId, OsEntropy, ProjectId, ProviderId, SystemClock, TemplateId,
};
use serde_json::json;

/// Knows one provider, its credential, and one template.
struct Shelf {
    provider: ProviderId,
    credential: CredentialId,
}

impl Catalogue for Shelf {
    fn has_template(&self, _: TemplateId) -> bool {
        false
    }

    fn has_provider(&self, id: ProviderId) -> bool {
        id == self.provider
    }

    fn provider_of(&self, credential: CredentialId) -> Option<ProviderId> {
        (credential == self.credential).then_some(self.provider)
    }

    fn template_named(&self, slug: &str) -> Named {
        if slug == "large" { Named::One } else { Named::Nothing }
    }

    fn credential_named(&self, _: &str) -> Named {
        Named::Nothing
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (clock, entropy) = (SystemClock, OsEntropy);
    let shelf = Shelf {
        provider: ProviderId::mint(&clock, &entropy),
        credential: CredentialId::mint(&clock, &entropy),
    };
    let new = NewEndpoint {
        name: "Wetter-Bericht für Städte".to_owned(),
        provider_model: Some("small-model".to_owned()),
        credential_id: Some(shelf.credential),
        prompt: Some("You write in the style {{style}}.".to_owned()),
        user_prompt_template: Some("The weather of {{city}} in {{days}} days.".to_owned()),
        variables: Some(json!([
            {"name": "city", "type": "string", "max_length": 40},
            {"name": "days", "type": "int", "min": 1, "max": 14},
            {"name": "style", "type": "enum", "enum": ["dry", "poetic"]},
        ])),
        routing_rules: Some("rules: [{when: {input_tokens: '> 10'}, use: {template: large}}]".to_owned()),
        ..NewEndpoint::default()
    };
    let id = EndpointId::mint(&clock, &entropy);
    let project = ProjectId::mint(&clock, &entropy);
    let saved = Endpoint::create(id, project, new, &shelf, None, clock.now())?;
    println!("/{} v{}", saved.endpoint.config.slug, saved.version.number);

    let endpoint = CompiledEndpoint::compile(saved.endpoint)?;
    for body in [
        r#"{"city":"Wien","days":"3","style":"dry"}"#,
        r#"{"message":"{\"city\":\"{{style}}\",\"days\":1,\"style\":\"poetic\"}"}"#,
        r#"{"city":"Wien","days":99,"style":"dry"}"#,
    ] {
        let input = ChatInput::read(body.as_bytes())?;
        endpoint.check_input(&input)?;
        let prompted = match endpoint.apply(input.messages, vec![]) {
            Ok(prompted) => prompted,
            Err(refused) => {
                println!("422: {refused}");
                continue;
            }
        };
        let config = &endpoint.endpoint().config;
        let facts = Facts {
            input_tokens: estimate_tokens(&prompted.messages),
            messages_count: prompted.messages.len() as u64,
            has_output_schema: config.output_schema.is_some(),
            has_input_schema: config.input_schema.is_some(),
            streaming: config.streams(input.stream),
            monthly_spend_pct: None,
            now: clock.now(),
        };
        let route = endpoint.rules().decide(&facts).map_or("its own model".to_owned(), Rule::label);
        for message in &prompted.messages {
            println!("{}: {}", message.role, message.text());
        }
        println!("{} tokens, by {route}", facts.input_tokens);
    }
    Ok(())
}
