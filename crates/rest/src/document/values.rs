//! Members whose values are a few words, or ids: the schema of a text says neither. The words come from the
//! types that read them.

use promptgate_auth::{ProjectRole, Role};
use promptgate_firewall::Action;
use promptgate_help::{Compatibility, ModelMode};
use promptgate_projects::{ProjectType, RecordBodies};
use promptgate_providers::ProviderKind;
use promptgate_tokens::Scope;
use serde_json::Value;
use utoipa::openapi::schema::{ArrayItems, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Object, OpenApi, RefOr, Schema};

/// The members that are one of a few words, or lists of them.
fn words() -> Vec<(&'static str, &'static [&'static str], Vec<&'static str>)> {
    let projects = ["CreateProjectBody", "UpdateProjectBody"].as_slice();
    let providers = ["CreateProviderBody", "UpdateProviderBody", "ProviderView"].as_slice();
    let tokens =
        ["IssueTokenBody", "UpdateTokenBody", "ManagedTokenBody", "TokenView", "ManagedTokenView"].as_slice();
    let rules = ["CreateNetworkRuleBody", "UpdateNetworkRuleBody", "NetworkRuleView"].as_slice();
    let guides = ["GuideBody", "GuideView"].as_slice();
    let compatibilities = [Compatibility::OpenAi, Compatibility::Anthropic, Compatibility::Both];
    let modes = [ModelMode::Single, ModelMode::All, ModelMode::None];
    vec![
        (
            "projectType",
            &["CreateProjectBody", "ProjectView"],
            ProjectType::ALL.map(ProjectType::as_str).into(),
        ),
        ("env", projects, vec!["dev", "staging", "prod"]),
        ("env", &["IssueTokenBody", "ManagedTokenBody", "ManagedTokenView"], vec!["live", "test"]),
        ("recordBodies", projects, RecordBodies::ALL.map(RecordBodies::as_str).into()),
        ("type", providers, ProviderKind::ALL.map(ProviderKind::as_str).into()),
        ("scopes", tokens, Scope::ALL.map(Scope::as_str).into()),
        ("parent", &["ManagedTokenBody"], vec!["self"]),
        ("role", &["UpdateUserBody", "UserView"], Role::ALL.map(Role::as_str).into()),
        ("role", &["MemberBody", "MemberView"], ProjectRole::ALL.map(ProjectRole::as_str).into()),
        ("action", rules, [Action::Allow, Action::Deny].map(Action::as_str).into()),
        ("type", &["VariableView"], vec!["string", "text", "int", "float", "bool", "date", "enum"]),
        ("direction", &["MoveNetworkRuleBody"], vec!["increase", "decrease"]),
        ("compatibility", guides, compatibilities.map(Compatibility::as_str).into()),
        ("modelMode", guides, modes.map(ModelMode::as_str).into()),
    ]
}

/// The members that are lists of ids.
const IDS: [(&str, &[&str]); 6] = [
    ("endpointIds", &["IssueTokenBody", "UpdateTokenBody"]),
    ("endpoint_ids", &["ManagedTokenBody"]),
    ("providerIds", &["CreateGroupBody", "UpdateGroupBody", "ValidatePatternsBody"]),
    ("groupIds", &["GroupsBody"]),
    ("ids", &["ReorderBody"]),
    ("endpointIds", &["TokenView"]),
];

/// Says of every such member what it can be.
pub(super) fn say(document: &mut OpenApi) {
    for (member, schemas, words) in words() {
        for schema in schemas {
            let mut words: Vec<Value> = words.iter().map(|word| Value::from(*word)).collect();
            let object = member_of(document, schema, member);
            if takes_null(object) {
                words.push(Value::Null);
            }
            object.enum_values = Some(words);
        }
    }
    for (member, schemas) in IDS {
        for schema in schemas {
            let object = member_of(document, schema, member);
            object.format = Some(SchemaFormat::Custom("uuid".to_owned()));
        }
    }
}

/// The member of a schema, or what it is a list of.
fn member_of<'d>(document: &'d mut OpenApi, schema: &str, member: &str) -> &'d mut Object {
    let schemas = &mut document.components.get_or_insert_default().schemas;
    let found = match schemas.get_mut(schema) {
        Some(RefOr::T(Schema::Object(object))) => object.properties.get_mut(member),
        _ => None,
    };
    let found = match found {
        Some(RefOr::T(Schema::Array(array))) => match &mut array.items {
            ArrayItems::RefOrSchema(items) => Some(&mut **items),
            ArrayItems::False => None,
        },
        found => found,
    };
    match found {
        Some(RefOr::T(Schema::Object(object))) => object,
        _ => panic!("the document has no text {member} in {schema}"),
    }
}

fn takes_null(object: &Object) -> bool {
    match &object.schema_type {
        SchemaType::Array(types) => types.contains(&Type::Null),
        SchemaType::Type(_) | SchemaType::AnyValue => false,
    }
}
