//! What the manifests say.

use anyhow::{Context, anyhow};
use serde_json::Value;

/// Features that exist for tests.
pub(crate) const TEST_FEATURES: [&str; 2] = ["testing", "contract"];

/// Where a crate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Words that every crate shares.
    Kernel,
    /// Works on plain values and knows none of our nouns; no I/O.
    Engine,
    /// Entities, rules and ports; no I/O.
    Domain,
    /// The domains' ports, joined.
    Store,
    /// Wire formats; no I/O.
    Protocol,
    /// Keeps something going that applications stand on: it has a runtime and knows ports alone.
    Keeper,
    /// Sequences.
    Application,
    /// Implements ports.
    Adapter,
    /// Speaks to the outside, or is driven by the clock.
    Delivery,
    /// Settings and telemetry.
    Process,
    /// Wires everything.
    Runtime,
    /// A `main` of a few lines.
    Bin,
    /// For tests only.
    Test,
    /// For developers only.
    Tool,
    /// Procedural macros.
    Macros,
}

impl Layer {
    const ALL: [(&str, Self); 15] = [
        ("kernel", Self::Kernel),
        ("engine", Self::Engine),
        ("domain", Self::Domain),
        ("store", Self::Store),
        ("protocol", Self::Protocol),
        ("keeper", Self::Keeper),
        ("application", Self::Application),
        ("adapter", Self::Adapter),
        ("delivery", Self::Delivery),
        ("process", Self::Process),
        ("runtime", Self::Runtime),
        ("bin", Self::Bin),
        ("test", Self::Test),
        ("tool", Self::Tool),
        ("macros", Self::Macros),
    ];

    /// The name in manifests.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, layer)| *layer == self).map_or("unknown", |(name, _)| name)
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
    }

    /// Every name, for messages.
    pub(crate) fn names() -> String {
        Self::ALL.map(|(name, _)| name).join(", ")
    }
}

/// A crate of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Its name.
    pub(crate) name: String,
    /// Where it stands, if it says so.
    pub(crate) layer: Option<Layer>,
    /// Whether its manifest has `[lints] workspace = true`.
    pub(crate) inherits_lints: bool,
    /// What it depends on.
    pub(crate) dependencies: Vec<Dependency>,
}

/// An edge of the graph.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    /// The crate at its end.
    pub(crate) name: String,
    /// Whether tests alone need it: a dev-dependency, or one that only a feature for tests turns on.
    pub(crate) for_tests: bool,
    /// The features that this edge turns on.
    pub(crate) features: Vec<String>,
    /// Whether version and path come from `[workspace.dependencies]`.
    pub(crate) inherited: bool,
}

impl Member {
    /// Reads every member from what `cargo metadata --no-deps` prints, and the manifests for what
    /// it does not tell.
    pub(crate) fn all(
        metadata: &str,
        read_manifest: impl Fn(&str) -> anyhow::Result<String>,
    ) -> anyhow::Result<Vec<Self>> {
        let metadata: Value = serde_json::from_str(metadata).context("cargo metadata printed no JSON")?;
        let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
        packages
            .iter()
            .map(|package| {
                let path = text(package, "manifest_path")?;
                let manifest = read_manifest(path)?
                    .parse::<toml::Table>()
                    .with_context(|| format!("{path} is no TOML"))?;
                Self::read(package, &manifest)
            })
            .collect()
    }

    fn read(package: &Value, manifest: &toml::Table) -> anyhow::Result<Self> {
        let own = inherited_dependencies(manifest);
        let dependencies = package["dependencies"].as_array().context("a package without dependencies")?;
        let dependencies = dependencies
            .iter()
            .map(|dependency| {
                let name = text(dependency, "name")?;
                let key = dependency["rename"].as_str().unwrap_or(name);
                Ok(Dependency {
                    name: name.to_owned(),
                    for_tests: dependency["kind"] == "dev"
                        || only_for_tests(key, dependency, &package["features"]),
                    features: strings(&dependency["features"]),
                    inherited: own.iter().any(|inherited| inherited == key),
                })
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            name: text(package, "name")?.to_owned(),
            layer: package["metadata"]["layer"].as_str().and_then(Layer::parse),
            inherits_lints: says_workspace(manifest.get("lints")),
            dependencies,
        })
    }
}

fn text<'a>(value: &'a Value, member: &str) -> anyhow::Result<&'a str> {
    value[member].as_str().ok_or_else(|| anyhow!("cargo metadata lacks `{member}`"))
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn only_for_tests(key: &str, dependency: &Value, features: &Value) -> bool {
    let activation = format!("dep:{key}");
    let turned_on_by = |(_, parts): &(&String, &Value)| strings(parts).contains(&activation);
    dependency["optional"] == true
        && features
            .as_object()
            .into_iter()
            .flatten()
            .filter(turned_on_by)
            .all(|(feature, _)| TEST_FEATURES.contains(&feature.as_str()))
}

/// Names of the dependencies, of whatever kind and for whatever platform, that say
/// `workspace = true`, and say so wherever they appear.
fn inherited_dependencies(manifest: &toml::Table) -> Vec<String> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let platforms = manifest.get("target").and_then(toml::Value::as_table).into_iter().flatten();
    let tables: Vec<_> = platforms
        .filter_map(|(_, platform)| platform.as_table())
        .chain([manifest])
        .flat_map(|table| KINDS.iter().filter_map(|kind| table.get(*kind)?.as_table()))
        .flatten()
        .collect();
    let spelled_out =
        |name: &String| tables.iter().any(|(other, value)| *other == name && !says_workspace(Some(value)));
    tables.iter().map(|(name, _)| (*name).clone()).filter(|name| !spelled_out(name)).collect()
}

fn says_workspace(value: Option<&toml::Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{"packages": [{
        "name": "promptgate-tokens",
        "manifest_path": "crates/tokens/Cargo.toml",
        "metadata": {"layer": "domain"},
        "features": {"contract": ["dep:tokio"], "default": ["dep:url"]},
        "dependencies": [
            {"name": "promptgate-kernel", "kind": null, "rename": null, "features": []},
            {"name": "promptgate-kernel", "kind": "dev", "rename": null, "features": ["testing"]},
            {"name": "serde", "kind": null, "rename": null, "features": []},
            {"name": "sqlx", "kind": null, "rename": "sql", "features": []},
            {"name": "rand", "kind": "build", "rename": null, "features": []},
            {"name": "tokio", "kind": null, "rename": null, "optional": true, "features": []},
            {"name": "url", "kind": null, "rename": null, "optional": true, "features": []}
        ]
    }]}"#;

    fn read(manifest: &str) -> Member {
        Member::all(METADATA, |_| Ok(manifest.to_owned())).unwrap().remove(0)
    }

    #[test]
    fn manifests_tell_what_is_inherited() {
        let member = read(
            "[dependencies]\n\
             promptgate-kernel = { workspace = true }\n\
             serde.workspace = true\n\
             tokio = { workspace = true, optional = true }\n\
             url = { workspace = true, optional = true }\n\
             [dependencies.sql]\nworkspace = true\n\
             [dev-dependencies]\n\
             promptgate-kernel = { workspace = true, features = [\"testing\"] }\n\
             [target.'cfg(unix)'.build-dependencies]\n\
             rand = \"0.9\"\n\
             [lints]\nworkspace = true\n",
        );
        assert_eq!(member.layer, Some(Layer::Domain));
        assert!(member.inherits_lints);
        let told: Vec<_> = member
            .dependencies
            .iter()
            .map(|dependency| (dependency.name.as_str(), dependency.for_tests, dependency.inherited))
            .collect();
        assert_eq!(
            told,
            [
                ("promptgate-kernel", false, true),
                ("promptgate-kernel", true, true),
                ("serde", false, true),
                ("sqlx", false, true),
                ("rand", false, false),
                ("tokio", true, true),
                ("url", false, true),
            ]
        );
    }

    #[test]
    fn a_dependency_spelled_out_in_one_place_is_not_inherited() {
        let member = read(
            "[dependencies]\npromptgate-kernel = { path = \"../kernel\" }\nserde.workspace = true\n\
             [dev-dependencies]\npromptgate-kernel.workspace = true\n",
        );
        assert!(!member.inherits_lints);
        assert!(!member.dependencies[0].inherited && !member.dependencies[1].inherited);
        assert!(member.dependencies[2].inherited);
    }
}
