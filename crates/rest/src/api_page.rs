//! `docs/api.md`, made from the OpenAPI document.

use std::fmt::Write;

use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

const HEAD: &str = "# The JSON API

Made from the code by `cargo xtask openapi`, from the same source as [openapi.json](openapi.json), which a running
gateway serves at `/api/openapi.json` and, to try it out, at `/api/docs/`.

";

/// The page.
pub fn api_page() -> String {
    let document = serde_json::to_value(crate::openapi()).unwrap_or_default();
    page(&document)
}

fn page(document: &Value) -> String {
    let mut page = HEAD.to_owned();
    let _ = writeln!(page, "{}\n", text(&document["info"]["description"]));
    page.push_str("## Who may call\n\n");
    for (name, scheme) in members(&document["components"]["securitySchemes"]) {
        let _ = writeln!(page, "- `{name}`: {}", text(&scheme["description"]));
    }
    page.push('\n');
    for tag in list(&document["tags"]) {
        let name = text(&tag["name"]);
        let _ = writeln!(page, "## {name}\n\n{}.\n", text(&tag["description"]));
        for (path, item) in members(&document["paths"]) {
            for method in METHODS {
                let operation = &item[method];
                if list(&operation["tags"]).first().map(text) == Some(name) {
                    describe(&mut page, method, path, operation);
                }
            }
        }
    }
    page.push_str("## Objects\n\n");
    for (name, schema) in members(&document["components"]["schemas"]) {
        object(&mut page, name, schema);
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn describe(page: &mut String, method: &str, path: &str, operation: &Value) {
    let _ = writeln!(page, "### `{} {path}`\n", method.to_uppercase());
    for part in ["summary", "description"] {
        let said = text(&operation[part]);
        if !said.is_empty() {
            let _ = writeln!(page, "{said}\n");
        }
    }
    let callers: Vec<String> = list(&operation["security"])
        .iter()
        .flat_map(|requirement| members(requirement).map(|(name, _)| format!("`{name}`")))
        .collect();
    if !callers.is_empty() {
        let _ = writeln!(page, "Opened by {}.\n", callers.join(" or "));
    }
    let parameters = list(&operation["parameters"]);
    if !parameters.is_empty() {
        page.push_str("| parameter | in | type | |\n| --- | --- | --- | --- |\n");
        for parameter in parameters {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                text(&parameter["name"]),
                text(&parameter["in"]),
                kind(&parameter["schema"]),
                cell(text(&parameter["description"])),
            );
        }
        page.push('\n');
    }
    if let Some(body) = schema_of(&operation["requestBody"]) {
        let _ = writeln!(page, "Body: {}\n", kind(body));
    }
    page.push_str("| status | body | |\n| --- | --- | --- |\n");
    for (status, answer) in members(&operation["responses"]) {
        let body = schema_of(answer).map(kind).unwrap_or_default();
        let _ = writeln!(page, "| {status} | {body} | {} |", cell(text(&answer["description"])));
    }
    page.push('\n');
}

fn object(page: &mut String, name: &str, schema: &Value) {
    let _ = writeln!(page, "### {name}\n");
    let said = text(&schema["description"]);
    if !said.is_empty() {
        let _ = writeln!(page, "{said}\n");
    }
    let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty())
    else {
        let _ = writeln!(page, "{}\n", kind(schema));
        return;
    };
    let required: Vec<&str> = list(&schema["required"]).iter().map(text).collect();
    page.push_str("| member | type | |\n| --- | --- | --- |\n");
    for (member, property) in properties {
        let needed = if required.contains(&&**member) { "" } else { " (optional)" };
        let _ = writeln!(
            page,
            "| `{member}`{needed} | {} | {} |",
            kind(property),
            cell(text(&property["description"]))
        );
    }
    page.push('\n');
}

/// What a schema takes, in a few words; other objects are linked.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let kinds: Vec<String> = choices.iter().map(kind).collect();
            return kinds.join(if choice == "allOf" { " and " } else { " or " });
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(|value| format!("`{}`", plain(value))).collect();
        return values.join(" or ");
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).collect(),
        one => vec![text(one)],
    };
    let names: Vec<String> = names
        .into_iter()
        .filter(|name| !name.is_empty())
        .map(|name| match name {
            "array" => format!("array of {}", kind(&schema["items"])),
            "string" if schema["format"].is_string() => format!("string ({})", text(&schema["format"])),
            other => other.to_owned(),
        })
        .collect();
    let mut said = if names.is_empty() { "any".to_owned() } else { names.join(" or ") };
    for (member, words) in [
        ("minimum", "from"),
        ("maximum", "to"),
        ("minLength", "length from"),
        ("maxLength", "length to"),
        ("pattern", "matching"),
    ] {
        let limit = &schema[member];
        if !limit.is_null() {
            let _ = write!(said, ", {words} `{}`", plain(limit).replace('|', "\\|"));
        }
    }
    said
}

fn schema_of(body: &Value) -> Option<&Value> {
    let (_, content) = members(&body["content"]).next()?;
    Some(&content["schema"])
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text as the cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_route_and_every_object_is_on_the_page_once() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let page = api_page();
        for (path, item) in members(&document["paths"]) {
            for (method, _) in members(item).filter(|(method, _)| METHODS.contains(&method.as_str())) {
                let heading = format!("### `{} {path}`\n", method.to_uppercase());
                assert_eq!(page.matches(&heading).count(), 1, "{heading}");
            }
        }
        for (name, _) in members(&document["components"]["schemas"]) {
            assert_eq!(page.matches(&format!("\n### {name}\n")).count(), 1, "{name}");
        }
    }

    #[test]
    fn kinds_are_told_in_words() {
        for (schema, said) in [
            (json!({"$ref": "#/components/schemas/TokenView"}), "[TokenView](#tokenview)"),
            (json!({"type": ["string", "null"], "format": "date-time"}), "string (date-time) or null"),
            (
                json!({"type": "array", "items": {"type": "integer", "minimum": 1}}),
                "array of integer, from `1`",
            ),
            (json!({"type": "string", "enum": ["a", "b"]}), "`a` or `b`"),
            (json!({"type": "string", "pattern": "^a|b$"}), "string, matching `^a\\|b$`"),
            (json!({"oneOf": [{"type": "null"}, {"$ref": "#/x/Y"}]}), "null or [Y](#y)"),
            (json!({}), "any"),
        ] {
            assert_eq!(kind(&schema), said);
        }
    }
}
