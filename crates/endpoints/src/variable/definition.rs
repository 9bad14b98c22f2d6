//! What a variable is declared as.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::{FieldErrors, placeholder};

const MAX_VARIABLES: usize = 100;
const MAX_NAME: usize = 64;
const MAX_OPTIONS: usize = 1_000;

/// What a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VariableKind {
    /// A short text.
    String,
    /// A long text.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Yes or no.
    Bool,
    /// A day, or an instant.
    Date,
    /// One of a list of texts.
    Enum,
}

impl VariableKind {
    fn parse(name: &str) -> Option<Self> {
        serde_json::from_value(Value::from(name)).ok()
    }

    const fn is_text(self) -> bool {
        matches!(self, Self::String | Self::Text)
    }

    const fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }
}

/// A variable as it is declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VariableDefinition {
    /// Its name in the prompts: a letter or underscore followed by letters, digits, underscores.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: VariableKind,
    /// Whether it must be given.
    #[serde(default = "required")]
    pub required: bool,
    /// The most characters of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// A regular expression that a text matches somewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The smallest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Number>,
    /// The largest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Number>,
    /// The texts of an enum.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// A hint for people; the model never sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

fn required() -> bool {
    true
}

impl VariableDefinition {
    /// A required variable without further rules.
    pub fn new(name: &str, kind: VariableKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            required: true,
            max_length: None,
            pattern: None,
            min: None,
            max: None,
            options: vec![],
            description: None,
        }
    }
}

/// Reads a list of definitions and notes everything that is wrong with it.
pub(crate) fn parse(list: Option<&Value>, errors: &mut FieldErrors) -> Vec<VariableDefinition> {
    let items = match list {
        None | Some(Value::Null) => return vec![],
        Some(Value::Array(items)) if items.len() <= MAX_VARIABLES => items,
        Some(_) => {
            errors.add("variables", "must be a list of at most 100 variables");
            return vec![];
        }
    };
    let mut definitions = Vec::<VariableDefinition>::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("variables.{index}");
        let Value::Object(fields) = item else {
            errors.add(path, "must be an object");
            continue;
        };
        let Some(definition) = (Reader { fields, path: &path, errors }).read() else { continue };
        if definitions.iter().any(|earlier| earlier.name == definition.name) {
            errors.add(format!("{path}.name"), "is the name of an earlier variable");
        }
        definitions.push(definition);
    }
    definitions
}

struct Reader<'a> {
    fields: &'a Map<String, Value>,
    path: &'a str,
    errors: &'a mut FieldErrors,
}

impl Reader<'_> {
    fn read(mut self) -> Option<VariableDefinition> {
        const KNOWN: [&str; 9] =
            ["name", "type", "required", "max_length", "pattern", "min", "max", "enum", "description"];
        for name in self.fields.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
            self.errors.add(format!("{}.{name}", self.path), "is not known");
        }
        let name = self.text("name");
        if !name.as_deref().is_some_and(|name| name.len() <= MAX_NAME && placeholder::is_name(name)) {
            self.wrong("name", "must be a letter or underscore followed by letters, digits and underscores");
        }
        let kind = self.text("type").as_deref().and_then(VariableKind::parse);
        let Some(kind) = kind else {
            self.wrong("type", "must be string, text, int, float, bool, date or enum");
            return None;
        };
        let definition = VariableDefinition {
            name: name?,
            kind,
            required: self.flag("required").unwrap_or(true),
            max_length: self.max_length(),
            pattern: self.text("pattern"),
            min: self.number("min"),
            max: self.number("max"),
            options: self.options(kind),
            description: self.text("description"),
        };
        self.check(&definition);
        Some(definition)
    }

    fn check(&mut self, definition: &VariableDefinition) {
        if !definition.kind.is_text() {
            self.refuse(["max_length", "pattern"], "is for string and text only");
        }
        if !definition.kind.is_number() {
            self.refuse(["min", "max"], "is for int and float only");
        }
        let bounds = (definition.min.as_ref(), definition.max.as_ref());
        if let (Some(min), Some(max)) = bounds
            && min.as_f64() > max.as_f64()
        {
            self.wrong("max", "must not be smaller than min");
        }
    }

    fn refuse(&mut self, fields: [&str; 2], message: &str) {
        for field in fields {
            if self.get(field).is_some() {
                self.wrong(field, message);
            }
        }
    }

    fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn wrong(&mut self, field: &str, message: &str) {
        self.errors.add(format!("{}.{field}", self.path), message);
    }

    fn text(&mut self, field: &str) -> Option<String> {
        match self.get(field)? {
            Value::String(text) if text.len() <= 4_096 => Some(text.clone()),
            _ => {
                self.wrong(field, "must be a string of at most 4,096 bytes");
                None
            }
        }
    }

    fn flag(&mut self, field: &str) -> Option<bool> {
        let flag = self.get(field)?.as_bool();
        if flag.is_none() {
            self.wrong(field, "must be true or false");
        }
        flag
    }

    fn number(&mut self, field: &str) -> Option<Number> {
        let number = match self.get(field)? {
            Value::Number(number) => Some(number.clone()),
            _ => None,
        };
        if number.is_none() {
            self.wrong(field, "must be a number");
        }
        number
    }

    fn max_length(&mut self) -> Option<u32> {
        let length = self.get("max_length")?.as_u64().and_then(|length| u32::try_from(length).ok());
        let length = length.filter(|length| *length > 0);
        if length.is_none() {
            self.wrong("max_length", "must be a whole number greater than zero");
        }
        length
    }

    fn options(&mut self, kind: VariableKind) -> Vec<String> {
        let given = match (kind, self.get("enum")) {
            (VariableKind::Enum, given) => given,
            (_, None) => return vec![],
            (_, Some(_)) => {
                self.wrong("enum", "is for the type enum only");
                return vec![];
            }
        };
        let options = given.and_then(Value::as_array).and_then(|items| {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        match options {
            Some(options) if (1..=MAX_OPTIONS).contains(&options.len()) => options,
            _ => {
                self.wrong("enum", "must be a list of 1 to 1,000 texts");
                vec![]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_wrong_field_is_named() {
        let mut errors = FieldErrors::default();
        parse(
            Some(&json!([
                {"name": "1a", "type": "string"},
                {"name": "a", "type": "number"},
                {"name": "b", "type": "int", "max_length": 3, "min": 2, "max": 1},
                {"name": "b", "type": "enum"},
                {"name": "c", "type": "string", "min": 1, "enum": ["x"], "required": "yes", "maxlength": 1},
                "d",
            ])),
            &mut errors,
        );
        let fields: Vec<_> = errors.as_slice().iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "variables.0.name",
                "variables.1.type",
                "variables.2.max_length",
                "variables.2.max",
                "variables.3.enum",
                "variables.3.name",
                "variables.4.maxlength",
                "variables.4.required",
                "variables.4.enum",
                "variables.4.min",
                "variables.5",
            ]
        );
    }

    #[test]
    fn a_definition_is_kept_as_it_was_given() {
        let given = json!([{"name": "n", "type": "float", "required": false, "min": 0.5, "max": 3}]);
        let mut errors = FieldErrors::default();
        let definitions = parse(Some(&given), &mut errors);
        assert!(errors.is_empty());
        assert_eq!(serde_json::to_value(&definitions).unwrap(), given);
        assert_eq!(serde_json::from_value::<Vec<VariableDefinition>>(given).unwrap(), definitions);
    }
}
