use crate::samples::{create, id, manual, templated, try_create};
use crate::{NewEndpoint, Target};
use proptest::prelude::*;
use serde_json::json;

fn fields(new: NewEndpoint) -> Vec<String> {
    let errors = try_create(new).unwrap_err();
    errors.as_slice().iter().map(|error| error.field.clone()).collect()
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let wrong = NewEndpoint {
        name: " ".to_owned(),
        slug: Some("models".to_owned()),
        failover: Some(
            json!([{"provider_model": "m"}, {"credential_id": 1}, {"provider_model": "m", "x": 1}]),
        ),
        temperature: Some(2.1),
        top_p: Some(f64::NAN),
        max_output_tokens: Some(200_001),
        usage_hard_limit_tokens: Some(0),
        monthly_budget_usd: Some(-1.0),
        estimated_cost_per_1k_tokens_usd: Some(f64::INFINITY),
        rate_limit_per_minute: Some(0),
        rate_limit_per_hour: Some(i64::MAX),
        streaming_enabled: true,
        session_ttl_seconds: Some(59),
        session_max_messages: Some(501),
        session_max_tokens: Some(-1),
        cache_ttl_seconds: Some(0),
        variables: Some(json!([{"name": "a b", "type": "string", "pattern": "("}])),
        input_schema: Some(json!({"type": "thing"})),
        output_schema: Some(json!("x")),
        routing_rules: Some("rules: {".to_owned()),
        timeouts: Some(json!({"connect_ms": 0, "read_ms": 5})),
        guardrails: Some(json!([])),
        ..NewEndpoint::default()
    };
    assert_eq!(
        fields(wrong),
        [
            "name",
            "slug",
            "provider_template_id",
            "failover.0.credential_id",
            "failover.1",
            "failover.2",
            "temperature",
            "top_p",
            "max_output_tokens",
            "usage_hard_limit_tokens",
            "monthly_budget_usd",
            "estimated_cost_per_1k_tokens_usd",
            "rate_limit_per_minute",
            "rate_limit_per_hour",
            "session_ttl_seconds",
            "session_max_messages",
            "session_max_tokens",
            "cache_ttl_seconds",
            "variables.0.name",
            "variables.0.pattern",
            "input_schema",
            "output_schema",
            "routing_rules",
            "timeouts.read_ms",
            "timeouts.connect_ms",
            "streaming_enabled",
            "guardrails",
        ]
    );
}

#[test]
fn the_target_is_a_template_or_a_model_with_a_credential() {
    assert_eq!(create(templated()).endpoint.config.target(), Target::Template(id(1)));
    let own = create(manual()).endpoint.config;
    let target = Target::Manual { provider: Some(id(1)), credential: Some(id(1)), model: "gpt-4o" };
    assert_eq!(own.target(), target);
    let keyless = NewEndpoint { credential_id: None, provider_id: Some(id(2)), ..manual() };
    let target = Target::Manual { provider: Some(id(2)), credential: None, model: "gpt-4o" };
    assert_eq!(create(keyless).endpoint.config.target(), target);
    for (wrong, field) in [
        (NewEndpoint { provider_template_id: Some(id(1)), ..manual() }, "provider_template_id"),
        (NewEndpoint { provider_template_id: Some(id(9)), ..templated() }, "provider_template_id"),
        (NewEndpoint { provider_model: None, ..manual() }, "provider_model"),
        (NewEndpoint { credential_id: None, ..manual() }, "credential_id"),
        (NewEndpoint { credential_id: Some(id(9)), ..manual() }, "credential_id"),
        (NewEndpoint { provider_id: Some(id(2)), ..manual() }, "provider_id"),
        (NewEndpoint { credential_id: None, provider_id: Some(id(9)), ..manual() }, "provider_id"),
    ] {
        assert_eq!(fields(wrong), [field]);
    }
    let mut orphan = create(manual()).endpoint.config;
    (orphan.provider_id, orphan.credential_id) = (None, None);
    assert_eq!(orphan.target(), Target::Nobody);
}

#[test]
fn names_in_routing_rules_must_be_known() {
    let with = |action: &str| NewEndpoint {
        routing_rules: Some(format!("rules: [{{use: {{model: m}}}}, {{use: {{{action}}}}}]")),
        ..manual()
    };
    assert!(try_create(with("template: small, credential: Main")).is_ok());
    for (action, message) in [
        ("template: big", "rule 2: there is no template `big`"),
        ("credential: Other", "rule 2: there is no credential `Other`"),
        ("credential: Twice", "rule 2: there are several credentials of the name `Twice`"),
    ] {
        let errors = try_create(with(action)).unwrap_err();
        assert_eq!(errors.by_field()["routing_rules"], [message]);
    }
}

#[test]
fn streams_and_output_schemas_exclude_each_other() {
    let schema = Some(json!({"type": "object"}));
    let both = NewEndpoint { streaming_enabled: true, output_schema: schema.clone(), ..manual() };
    assert_eq!(fields(both), ["streaming_enabled"]);
    assert!(try_create(NewEndpoint { output_schema: schema, ..manual() }).is_ok());
}

#[test]
fn a_configuration_makes_itself_again() {
    let new = NewEndpoint {
        variables: Some(json!([{"name": "n", "type": "int", "max": 3}])),
        timeouts: Some(json!({"idle_ms": 5_000})),
        session_max_tokens: Some(i64::MAX),
        estimated_cost_per_1k_tokens_usd: Some(0.000_15),
        ..manual()
    };
    let config = create(new).endpoint.config;
    assert_eq!(create(config.clone().into()).endpoint.config, config);
}

proptest! {
    #[test]
    fn numbers_are_taken_or_refused(float in any::<f64>(), whole in any::<i64>()) {
        let new = NewEndpoint {
            temperature: Some(float),
            monthly_budget_usd: Some(float),
            rate_limit_per_hour: Some(whole),
            session_max_tokens: Some(whole),
            cache_ttl_seconds: Some(whole),
            ..templated()
        };
        if let Ok(saved) = try_create(new) {
            prop_assert_eq!(saved.version.config(), Some(saved.endpoint.config));
        }
    }
}
