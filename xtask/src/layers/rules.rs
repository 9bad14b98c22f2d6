//! What may depend on what.

use super::graph::{Dependency, Layer, Member, TEST_FEATURES};

/// The layers that a layer may build on. None builds on itself: siblings do not know each other.
fn may_use(layer: Layer) -> &'static [Layer] {
    use Layer::{
        Adapter, Application, Bin, Delivery, Domain, Engine, Keeper, Kernel, Macros, Process, Protocol,
        Runtime, Store, Test, Tool,
    };
    match layer {
        Kernel | Engine | Macros => &[],
        Domain => &[Kernel, Engine],
        Store | Protocol => &[Kernel, Domain],
        Keeper => &[Kernel, Domain],
        Application => &[Kernel, Engine, Domain, Store, Protocol, Keeper],
        Adapter => &[Kernel, Domain, Store, Protocol, Application, Macros],
        Delivery => &[Kernel, Domain, Store, Protocol, Application],
        Process => &[Kernel, Domain],
        Runtime => &[Kernel, Domain, Store, Protocol, Keeper, Application, Adapter, Delivery, Process],
        Bin => &[Runtime],
        Test => &[Kernel, Engine, Domain, Store, Protocol, Test],
        // What measures an adapter names it, and calls it by the ports that it is for.
        Tool => &[Kernel, Engine, Domain, Store, Protocol, Application, Adapter, Test],
    }
}

/// Layers that do no I/O and therefore know no runtime for it.
const PURE: [Layer; 5] = [Layer::Kernel, Layer::Engine, Layer::Domain, Layer::Store, Layer::Protocol];

/// What does I/O or drives it.
const IMPURE: [&str; 5] = ["tokio", "tokio-util", "tower", "tracing-subscriber", "metrics"];

/// Outside crates and the crates that may name them. `deny.toml` repeats it for what comes in
/// through others.
const HOMES: [(&str, &[&str]); 13] = [
    ("apalis-core", &["promptgate-jobs"]),
    ("axum", &["promptgate-proxy-http", "promptgate-rest", "promptgate-runtime"]),
    ("clap", &["promptgate-runtime", "promptgate-bench", "promptgate-guard-lab", "promptgate-e2e", "xtask"]),
    ("figment", &["promptgate-settings"]),
    ("fred", &["promptgate-coordination-redis"]),
    ("hyper", HTTP),
    ("hyper-rustls", &["promptgate-upstream-http"]),
    ("hyper-util", HTTP),
    ("openidconnect", &["promptgate-identity-oidc"]),
    ("reqwest", &[]),
    ("rustls", &["promptgate-upstream-http", "promptgate-runtime"]),
    ("sqlx", &["promptgate-store-sql"]),
    ("utoipa", &["promptgate-rest"]),
];

/// The client's only home is `upstream-http`; the runtime serves connections with the other half.
const HTTP: &[&str] = &[
    "promptgate-upstream-http",
    "promptgate-runtime",
    "promptgate-testkit",
    "promptgate-e2e",
    "promptgate-bench",
];

/// Whether a crate is meant for other programs too, and therefore brings no runtime, by whatever way.
pub(crate) fn is_for_everybody(member: &Member) -> bool {
    matches!(member.layer, Some(Layer::Kernel | Layer::Engine | Layer::Domain))
}

/// What such a crate must not reach, given the names of all the libraries it reaches.
pub(crate) fn reached_by(name: &str, libraries: &str) -> Option<String> {
    let libraries: Vec<_> = libraries.lines().map(|library| library.replace('_', "-")).collect();
    let is_there = |outside: &&str| libraries.iter().any(|library| library == outside);
    let impure = IMPURE.into_iter().chain(HOMES.into_iter().map(|(outside, _)| outside)).find(is_there)?;
    Some(format!(
        "{name} brings {impure} along, which other programs that use it would have to take: \
         `cargo tree --edges normal --package {name} --invert {impure}` shows by which way"
    ))
}

/// Everything that is not as it should be, one sentence each.
pub(crate) fn complaints(members: &[Member]) -> Vec<String> {
    members.iter().flat_map(|member| about(member, members)).collect()
}

fn about(member: &Member, members: &[Member]) -> Vec<String> {
    let name = &member.name;
    let mut complaints = Vec::new();
    if !member.inherits_lints {
        complaints.push(format!(
            "{name} has lints of its own or none: add `[lints] workspace = true` to its manifest"
        ));
    }
    let Some(layer) = member.layer else {
        complaints.push(format!(
            "{name} does not say where it stands: add `[package.metadata] layer = \"…\"` to its manifest, one of {}",
            Layer::names()
        ));
        return complaints;
    };
    for dependency in &member.dependencies {
        complaints.extend(spelled_out(name, dependency));
        if !dependency.for_tests {
            complaints.extend(climbs(name, layer, dependency, members));
            complaints.extend(test_support(name, layer, dependency));
            complaints.extend(away_from_home(name, layer, dependency));
        }
    }
    complaints
}

fn spelled_out(name: &str, dependency: &Dependency) -> Option<String> {
    (!dependency.inherited).then(|| {
        format!(
            "{name} names a version or path of {0}: put it under [workspace.dependencies] and say \
             `{0} = {{ workspace = true }}`",
            dependency.name
        )
    })
}

fn climbs(name: &str, layer: Layer, dependency: &Dependency, members: &[Member]) -> Option<String> {
    let target = members.iter().find(|member| member.name == dependency.name)?;
    let target_layer = target.layer?;
    if may_use(layer).contains(&target_layer) {
        return None;
    }
    let advice = match (layer, target_layer) {
        (_, Layer::Test) => "make it a dev-dependency, it exists for tests",
        (Layer::Domain, Layer::Domain) => {
            "put the ids it needs into the kernel, and sequence the rest in control or gateway"
        }
        (Layer::Bin, _) => "let the runtime do it, a binary only calls the runtime",
        (Layer::Adapter | Layer::Delivery, Layer::Adapter) => {
            "take a port (a trait of a lower crate) and let the runtime wire it"
        }
        _ => "turn the edge round, or move what is shared into a lower crate",
    };
    Some(format!(
        "{name} ({}) must not depend on {} ({}): {advice}",
        layer.name(),
        target.name,
        target_layer.name()
    ))
}

fn test_support(name: &str, layer: Layer, dependency: &Dependency) -> Option<String> {
    if layer == Layer::Test || !dependency.name.starts_with("promptgate-") {
        return None;
    }
    let feature = dependency.features.iter().find(|feature| TEST_FEATURES.contains(&feature.as_str()))?;
    Some(format!(
        "{name} turns on `{feature}` of {}, which is for tests: move that to [dev-dependencies]",
        dependency.name
    ))
}

fn away_from_home(name: &str, layer: Layer, dependency: &Dependency) -> Option<String> {
    let outside = dependency.name.as_str();
    if PURE.contains(&layer) && IMPURE.contains(&outside) {
        return Some(format!(
            "{name} ({}) must not depend on {outside}: that layer does no I/O, put a trait here and the I/O into \
             an adapter",
            layer.name()
        ));
    }
    let (_, homes) = HOMES.iter().find(|(known, _)| *known == outside)?;
    if homes.contains(&name) {
        return None;
    }
    Some(match homes {
        [] => format!("{name} must not depend on {outside}: use what promptgate-upstream-http offers"),
        homes => format!(
            "{name} must not depend on {outside}: it belongs in {}, reach it through a port or move the code there",
            homes.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, layer: Layer, dependencies: &[&str]) -> Member {
        Member {
            name: name.to_owned(),
            layer: Some(layer),
            inherits_lints: true,
            dependencies: dependencies.iter().map(|name| edge(name)).collect(),
        }
    }

    fn edge(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), for_tests: false, features: Vec::new(), inherited: true }
    }

    fn small_workspace() -> Vec<Member> {
        vec![
            member("promptgate-kernel", Layer::Kernel, &["serde"]),
            member("promptgate-tokens", Layer::Domain, &["promptgate-kernel"]),
            member("promptgate-audit", Layer::Domain, &["promptgate-kernel"]),
            member("promptgate-store", Layer::Store, &["promptgate-tokens", "promptgate-audit"]),
            member("promptgate-control", Layer::Application, &["promptgate-store"]),
            member("promptgate-store-sql", Layer::Adapter, &["promptgate-store", "sqlx", "tokio"]),
            member("promptgate-testkit", Layer::Test, &[]),
            member("promptgate-runtime", Layer::Runtime, &["promptgate-control", "promptgate-store-sql"]),
            member("promptgate", Layer::Bin, &["promptgate-runtime"]),
        ]
    }

    fn with_edge(from: &str, dependency: Dependency) -> Vec<String> {
        let mut members = small_workspace();
        members.iter_mut().find(|member| member.name == from).unwrap().dependencies.push(dependency);
        complaints(&members)
    }

    #[test]
    fn a_workspace_in_order_has_nothing_to_put_right() {
        assert_eq!(complaints(&small_workspace()), Vec::<String>::new());
    }

    #[test]
    fn an_edge_that_climbs_is_refused() {
        for (from, to) in [
            ("promptgate-kernel", "promptgate-tokens"),
            ("promptgate-tokens", "promptgate-store"),
            ("promptgate-control", "promptgate-store-sql"),
            ("promptgate-control", "promptgate-runtime"),
        ] {
            let complaints = with_edge(from, edge(to));
            assert_eq!(complaints.len(), 1, "{complaints:?}");
            assert!(complaints[0].starts_with(from) && complaints[0].contains(to), "{complaints:?}");
        }
    }

    #[test]
    fn domains_do_not_import_each_other() {
        let complaints = with_edge("promptgate-audit", edge("promptgate-tokens"));
        assert_eq!(
            complaints,
            [
                "promptgate-audit (domain) must not depend on promptgate-tokens (domain): put the ids it needs into \
              the kernel, and sequence the rest in control or gateway"
            ]
        );
    }

    #[test]
    fn a_binary_reaches_for_nothing_but_the_runtime() {
        assert_eq!(with_edge("promptgate", edge("promptgate-control")).len(), 1);
    }

    #[test]
    fn an_outside_crate_stays_at_home() {
        let complaints = with_edge("promptgate-tokens", edge("sqlx"));
        assert_eq!(
            complaints,
            [
                "promptgate-tokens must not depend on sqlx: it belongs in promptgate-store-sql, reach it through a \
              port or move the code there"
            ]
        );
        assert_eq!(with_edge("promptgate-control", edge("reqwest")).len(), 1);
    }

    #[test]
    fn pure_layers_know_no_runtime() {
        assert_eq!(with_edge("promptgate-tokens", edge("tokio")).len(), 1);
        assert_eq!(with_edge("promptgate-control", edge("tokio")), Vec::<String>::new());
    }

    #[test]
    fn what_comes_in_by_a_detour_is_seen() {
        assert_eq!(reached_by("promptgate-tokens", "serde_core\nsha2\n"), None);
        let complaint = reached_by("promptgate-tokens", "sha2\ntokio_util\n").unwrap();
        assert!(complaint.starts_with("promptgate-tokens brings tokio-util along"), "{complaint}");
    }

    #[test]
    fn test_support_is_for_tests() {
        let testkit = edge("promptgate-testkit");
        assert_eq!(with_edge("promptgate-control", testkit.clone()).len(), 1);
        let for_tests = Dependency { for_tests: true, ..testkit };
        assert_eq!(with_edge("promptgate-control", for_tests), Vec::<String>::new());

        let contract = Dependency { features: vec!["contract".to_owned()], ..edge("promptgate-store") };
        assert_eq!(with_edge("promptgate-store-sql", contract.clone()).len(), 1);
        let for_tests = Dependency { for_tests: true, ..contract };
        assert_eq!(with_edge("promptgate-store-sql", for_tests), Vec::<String>::new());
    }

    #[test]
    fn manifests_inherit_versions_lints_and_say_their_layer() {
        let complaints_about_version =
            with_edge("promptgate-tokens", Dependency { inherited: false, ..edge("serde") });
        assert_eq!(
            complaints_about_version,
            [
                "promptgate-tokens names a version or path of serde: put it under [workspace.dependencies] and say \
              `serde = { workspace = true }`"
            ]
        );

        let mut members = small_workspace();
        members[0].inherits_lints = false;
        members[1].layer = None;
        let complaints = complaints(&members);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].contains("[lints] workspace = true"));
        assert!(complaints[1].contains("layer"));
    }
}
