//! The guides that a new installation has.

use crate::{Compatibility, ModelMode, NewSetupGuide};

/// A guide of a new installation.
struct Preset {
    identifier: &'static str,
    title: &'static str,
    subtitle: &'static str,
    icon: &'static str,
    compatibility: Compatibility,
    model_mode: ModelMode,
    file_paths: &'static [&'static str],
    template: &'static str,
}

/// In the order in which they are shown.
const PRESETS: [Preset; 12] = [
    Preset {
        identifier: "curl",
        title: "curl",
        subtitle: "From the command line",
        icon: "mdi-console-line",
        compatibility: Compatibility::OpenAi,
        model_mode: ModelMode::Single,
        file_paths: &[],
        template: include_str!("../guides/curl.txt"),
    },
    Preset {
        identifier: "python",
        title: "Python",
        subtitle: "With the openai package",
        icon: "mdi-language-python",
        compatibility: Compatibility::OpenAi,
        model_mode: ModelMode::Single,
        file_paths: &[],
        template: include_str!("../guides/python.txt"),
    },
    Preset {
        identifier: "go",
        title: "Go",
        subtitle: "With the openai-go module",
        icon: "mdi-language-go",
        compatibility: Compatibility::OpenAi,
        model_mode: ModelMode::Single,
        file_paths: &[],
        template: include_str!("../guides/go.txt"),
    },
    Preset {
        identifier: "java",
        title: "Java",
        subtitle: "With the openai-java library",
        icon: "mdi-language-java",
        compatibility: Compatibility::OpenAi,
        model_mode: ModelMode::Single,
        file_paths: &[],
        template: include_str!("../guides/java.txt"),
    },
    Preset {
        identifier: "aspnet",
        title: "ASP.NET",
        subtitle: "With the OpenAI package",
        icon: "mdi-dot-net",
        compatibility: Compatibility::OpenAi,
        model_mode: ModelMode::Single,
        file_paths: &[],
        template: include_str!("../guides/aspnet.txt"),
    },
    Preset {
        identifier: "powershell",
        title: "PowerShell",
        subtitle: "With Invoke-RestMethod",
        icon: "mdi-powershell",
        compatibility: Compatibility::OpenAi,
        model_mode: ModelMode::Single,
        file_paths: &[],
        template: include_str!("../guides/powershell.txt"),
    },
    Preset {
        identifier: "lua",
        title: "Lua",
        subtitle: "With lua-http and dkjson",
        icon: "mdi-language-lua",
        compatibility: Compatibility::OpenAi,
        model_mode: ModelMode::Single,
        file_paths: &[],
        template: include_str!("../guides/lua.txt"),
    },
    Preset {
        identifier: "cline",
        title: "Cline",
        subtitle: "In the settings of the extension",
        icon: "mdi-robot-outline",
        compatibility: Compatibility::OpenAi,
        model_mode: ModelMode::Single,
        file_paths: &[],
        template: include_str!("../guides/cline.txt"),
    },
    Preset {
        identifier: "continue",
        title: "Continue",
        subtitle: "In its configuration file",
        icon: "mdi-infinity",
        compatibility: Compatibility::OpenAi,
        model_mode: ModelMode::All,
        file_paths: &["~/.continue/config.yaml", "%USERPROFILE%\\.continue\\config.yaml"],
        template: include_str!("../guides/continue.txt"),
    },
    Preset {
        identifier: "openclaw",
        title: "OpenClaw",
        subtitle: "In its configuration file",
        icon: "mdi-application-braces-outline",
        compatibility: Compatibility::OpenAi,
        model_mode: ModelMode::All,
        file_paths: &["~/.openclaw/openclaw.json"],
        template: include_str!("../guides/openclaw.txt"),
    },
    Preset {
        identifier: "opencode",
        title: "OpenCode",
        subtitle: "In its configuration file",
        icon: "mdi-code-json",
        compatibility: Compatibility::OpenAi,
        model_mode: ModelMode::All,
        file_paths: &["~/.config/opencode/opencode.json"],
        template: include_str!("../guides/opencode.txt"),
    },
    Preset {
        identifier: "claude-code",
        title: "Claude Code",
        subtitle: "In the shell that starts it",
        icon: "mdi-alpha-c-circle-outline",
        compatibility: Compatibility::Anthropic,
        model_mode: ModelMode::None,
        file_paths: &[],
        template: include_str!("../guides/claude-code.txt"),
    },
];

/// The guides that a new installation has, in order.
pub fn default_guides() -> impl Iterator<Item = NewSetupGuide> {
    PRESETS.into_iter().zip(0..).map(|(preset, position)| NewSetupGuide {
        identifier: preset.identifier.to_owned(),
        title: preset.title.to_owned(),
        subtitle: preset.subtitle.to_owned(),
        icon: preset.icon.to_owned(),
        compatibility: preset.compatibility,
        model_mode: preset.model_mode,
        file_paths: preset.file_paths.iter().map(|path| (*path).to_owned()).collect(),
        template: preset.template.to_owned(),
        enabled: true,
        position: Some(position),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SetupGuide;
    use promptgate_kernel::Timestamp;

    #[test]
    fn every_one_is_valid_and_names_what_it_needs() {
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        for (new, position) in default_guides().zip(0..) {
            let guide = SetupGuide::create(id, new, 99, Timestamp::default()).unwrap();
            assert_eq!(guide.position, position);
            let has = |tag: &str| guide.template.contains(tag);
            assert!(has("{{token}}"), "{}", guide.identifier);
            assert_eq!(has("{{#models}}"), guide.model_mode == ModelMode::All, "{}", guide.identifier);
            assert_eq!(has("{{model}}"), guide.model_mode != ModelMode::None, "{}", guide.identifier);
            let anthropic = guide.compatibility == Compatibility::Anthropic;
            assert_eq!((has("{{anthropicBaseUrl}}"), has("{{openaiBaseUrl}}")), (anthropic, !anthropic));
        }
        let identifiers: Vec<_> = default_guides().map(|guide| guide.identifier).collect();
        assert_eq!(
            identifiers.join(" "),
            "curl python go java aspnet powershell lua cline continue openclaw opencode claude-code"
        );
    }
}
