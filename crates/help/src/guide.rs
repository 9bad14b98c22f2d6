//! Set-up guides.

use std::fmt;
use std::str::FromStr;

use promptgate_kernel::{SetupGuideId, Timestamp};

use crate::{InvalidTemplate, check_template};

const MAX_PATHS: usize = 20;

/// A text that is none of the names it could be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not known")]
pub struct UnknownName(pub String);

/// Which providers a guide is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compatibility {
    /// Those that speak OpenAI's API.
    OpenAi,
    /// Those that speak Anthropic's API.
    Anthropic,
    /// Both.
    Both,
}

impl Compatibility {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Both => "both",
        }
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Compatibility {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::OpenAi, Self::Anthropic, Self::Both]
            .into_iter()
            .find(|known| known.as_str() == text)
            .ok_or_else(|| UnknownName(text.chars().take(64).collect()))
    }
}

/// Which models a guide fills in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelMode {
    /// The one that the reader chose.
    Single,
    /// All of the provider.
    All,
    /// None.
    None,
}

impl ModelMode {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::All => "all",
            Self::None => "none",
        }
    }
}

impl fmt::Display for ModelMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ModelMode {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::Single, Self::All, Self::None]
            .into_iter()
            .find(|known| known.as_str() == text)
            .ok_or_else(|| UnknownName(text.chars().take(64).collect()))
    }
}

/// What is wrong with a guide that somebody wants to create or change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetupGuide {
    /// The identifier does not fit.
    #[error("identifier must be lower-case letters and digits with single hyphens, at most 120 characters")]
    Identifier,
    /// There is no title, or it is too long.
    #[error("title must have 1 to 200 characters that are no control characters")]
    Title,
    /// The subtitle is too long.
    #[error("subtitle must have at most 300 characters that are no control characters")]
    Subtitle,
    /// The icon is none.
    #[error("icon must be the name of a Material Design icon, such as mdi-console-line")]
    Icon,
    /// Nothing is compatible with that.
    #[error("compatibility must be openai, anthropic or both")]
    Compatibility,
    /// There is no such mode.
    #[error("modelMode must be single, all or none")]
    ModelMode,
    /// A path cannot be shown, or there are too many.
    #[error("filePaths must be at most 20 texts of 1 to 300 characters that are no control characters")]
    FilePaths,
    /// The position is before the first.
    #[error("position must be a whole number from 0")]
    Position,
    /// The template cannot be filled in.
    #[error(transparent)]
    Template(#[from] InvalidTemplate),
}

impl InvalidSetupGuide {
    /// The field that is wrong, as the wire names it.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Identifier => "identifier",
            Self::Title => "title",
            Self::Subtitle => "subtitle",
            Self::Icon => "icon",
            Self::Compatibility => "compatibility",
            Self::ModelMode => "modelMode",
            Self::FilePaths => "filePaths",
            Self::Position => "position",
            Self::Template(_) => "template",
        }
    }
}

/// How one tool is pointed at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupGuide {
    /// Its identity.
    pub id: SetupGuideId,
    /// Its name in addresses; unique.
    pub identifier: String,
    /// What it is called.
    pub title: String,
    /// A line below it.
    pub subtitle: String,
    /// The name of its icon.
    pub icon: String,
    /// Which providers it is for.
    pub compatibility: Compatibility,
    /// Which models it fills in.
    pub model_mode: ModelMode,
    /// Where its text belongs.
    pub file_paths: Vec<String>,
    /// Its text, with tags.
    pub template: String,
    /// Whether everybody sees it.
    pub enabled: bool,
    /// Its place; equal ones go by title.
    pub position: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// What a guide is made from.
#[derive(Debug, Clone)]
pub struct NewSetupGuide {
    /// Its name in addresses.
    pub identifier: String,
    /// What it is called.
    pub title: String,
    /// A line below it.
    pub subtitle: String,
    /// The name of its icon.
    pub icon: String,
    /// Which providers it is for.
    pub compatibility: Compatibility,
    /// Which models it fills in.
    pub model_mode: ModelMode,
    /// Where its text belongs.
    pub file_paths: Vec<String>,
    /// Its text, with tags.
    pub template: String,
    /// Whether everybody sees it.
    pub enabled: bool,
    /// Its place; `None` for the last.
    pub position: Option<i64>,
}

/// What may be changed about a guide; `None` keeps a value.
#[derive(Debug, Clone, Default)]
pub struct SetupGuideChanges {
    /// Another name in addresses.
    pub identifier: Option<String>,
    /// Another title.
    pub title: Option<String>,
    /// Another line below it.
    pub subtitle: Option<String>,
    /// Another icon.
    pub icon: Option<String>,
    /// Other providers.
    pub compatibility: Option<Compatibility>,
    /// Other models.
    pub model_mode: Option<ModelMode>,
    /// Other paths, whole.
    pub file_paths: Option<Vec<String>>,
    /// Another text.
    pub template: Option<String>,
    /// Show it to everybody or do not.
    pub enabled: Option<bool>,
    /// Another place.
    pub position: Option<i64>,
}

impl SetupGuide {
    /// Creates a guide; `last` is its place when it asks for none.
    pub fn create(
        id: SetupGuideId,
        new: NewSetupGuide,
        last: u64,
        at: Timestamp,
    ) -> Result<Self, InvalidSetupGuide> {
        let guide = Self {
            id,
            identifier: new.identifier.trim().to_owned(),
            title: new.title.trim().to_owned(),
            subtitle: new.subtitle.trim().to_owned(),
            icon: new.icon.trim().to_owned(),
            compatibility: new.compatibility,
            model_mode: new.model_mode,
            file_paths: trimmed(new.file_paths),
            template: new.template,
            enabled: new.enabled,
            position: new.position.map_or(Ok(last), place)?,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        guide.check()?;
        Ok(guide)
    }

    /// Applies changes.
    pub fn change(mut self, changes: SetupGuideChanges, at: Timestamp) -> Result<Self, InvalidSetupGuide> {
        let texts = [
            (&mut self.identifier, changes.identifier),
            (&mut self.title, changes.title),
            (&mut self.subtitle, changes.subtitle),
            (&mut self.icon, changes.icon),
        ];
        for (text, change) in texts {
            if let Some(change) = change {
                change.trim().clone_into(text);
            }
        }
        self.compatibility = changes.compatibility.unwrap_or(self.compatibility);
        self.model_mode = changes.model_mode.unwrap_or(self.model_mode);
        self.file_paths = changes.file_paths.map_or(self.file_paths, trimmed);
        self.template = changes.template.unwrap_or(self.template);
        self.enabled = changes.enabled.unwrap_or(self.enabled);
        self.position = changes.position.map_or(Ok(self.position), place)?;
        self.updated_at = at;
        self.version += 1;
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), InvalidSetupGuide> {
        if !is_slug(&self.identifier) {
            return Err(InvalidSetupGuide::Identifier);
        }
        if !is_line(&self.title, 1, 200) {
            return Err(InvalidSetupGuide::Title);
        }
        if !is_line(&self.subtitle, 0, 300) {
            return Err(InvalidSetupGuide::Subtitle);
        }
        if !is_icon(&self.icon) {
            return Err(InvalidSetupGuide::Icon);
        }
        if self.file_paths.len() > MAX_PATHS || !self.file_paths.iter().all(|path| is_line(path, 1, 300)) {
            return Err(InvalidSetupGuide::FilePaths);
        }
        Ok(check_template(&self.template)?)
    }
}

fn place(position: i64) -> Result<u64, InvalidSetupGuide> {
    u64::try_from(position).map_err(|_| InvalidSetupGuide::Position)
}

fn trimmed(paths: Vec<String>) -> Vec<String> {
    paths.into_iter().map(|path| path.trim().to_owned()).collect()
}

fn is_line(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.chars().count()) && !text.contains(char::is_control)
}

fn is_slug(text: &str) -> bool {
    text.len() <= 120
        && text.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

/// `^mdi-[a-z0-9-]+$`, at most 120 characters.
fn is_icon(text: &str) -> bool {
    let is_name = |name: &str| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !name.is_empty() && name.bytes().all(fits)
    };
    text.len() <= 120 && text.strip_prefix("mdi-").is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new() -> NewSetupGuide {
        NewSetupGuide {
            identifier: "curl".into(),
            title: " curl ".into(),
            subtitle: String::new(),
            icon: "mdi-console-line".into(),
            compatibility: Compatibility::OpenAi,
            model_mode: ModelMode::Single,
            file_paths: vec![" ~/.curlrc ".into()],
            template: "{{token}}\n".into(),
            enabled: true,
            position: None,
        }
    }

    fn create(new: NewSetupGuide) -> Result<SetupGuide, InvalidSetupGuide> {
        SetupGuide::create(
            "018f4e6e-0000-7000-8000-000000000001".parse().unwrap(),
            new,
            7,
            Timestamp::default(),
        )
    }

    #[test]
    fn what_people_write_is_tidied_but_for_the_template() {
        let guide = create(new()).unwrap();
        assert_eq!(
            (&*guide.title, &*guide.file_paths[0], &*guide.template),
            ("curl", "~/.curlrc", "{{token}}\n")
        );
        assert_eq!(guide.position, 7);
        assert_eq!(create(NewSetupGuide { position: Some(0), ..new() }).unwrap().position, 0);
    }

    #[test]
    fn what_is_wrong_is_named() {
        use InvalidSetupGuide as Wrong;
        for (wrong, edit) in [
            (Wrong::Identifier, (|new| new.identifier = "A b".into()) as fn(&mut NewSetupGuide)),
            (Wrong::Title, |new| new.title = " ".into()),
            (Wrong::Subtitle, |new| new.subtitle = "a\nb".into()),
            (Wrong::Icon, |new| new.icon = "mdi-".into()),
            (Wrong::Icon, |new| new.icon = "mdi-A".into()),
            (Wrong::Icon, |new| new.icon = "fa-x".into()),
            (Wrong::FilePaths, |new| new.file_paths = vec![String::new()]),
            (Wrong::Position, |new| new.position = Some(-1)),
            (Wrong::Template(InvalidTemplate::Empty), |new| new.template = String::new()),
        ] {
            let mut wrongly = new();
            edit(&mut wrongly);
            assert_eq!(create(wrongly).unwrap_err(), wrong);
        }
        assert!("OpenAI".parse::<Compatibility>().is_err() && "both".parse::<Compatibility>().is_ok());
        assert!("".parse::<ModelMode>().is_err() && "none".parse::<ModelMode>().is_ok());
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let first = create(new()).unwrap();
        let changes = SetupGuideChanges { enabled: Some(false), ..SetupGuideChanges::default() };
        let after = first.clone().change(changes, Timestamp::from_micros(4)).unwrap();
        let expected =
            SetupGuide { enabled: false, version: 2, updated_at: Timestamp::from_micros(4), ..first };
        assert_eq!(after, expected);
    }
}
