//! Calls from addresses that may call, and from others.

use std::net::IpAddr;

use promptgate_access::{OwnNetworkRules, Providers, Standing};
use promptgate_firewall::{Action, Namespace, NetworkRule, NewNetworkRule, Priority, RuleAddress};
use promptgate_kernel::Timestamp;
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_projects::ProjectType;
use promptgate_providers::{Operation, ProviderKind};
use promptgate_tokens::{Scope, Token};

use crate::forward::Forwarded;
use crate::limits::GatewayLimits;
use crate::receive::{Entry, Route};
use crate::scripted::{Got, Scene, Script, provider_at, read};
use crate::snapshot::{Configuration, Snapshot};
use crate::testing::{account, compiler, default_plan, group, project, standing, token_for};

const CHAT: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;

fn rule(namespace: Namespace, address: &str, action: Action) -> NetworkRule {
    let new = NewNetworkRule {
        address: RuleAddress::parse(address).unwrap(),
        description: String::new(),
        priority: Priority::new(7).unwrap(),
        action,
        enabled: true,
    };
    let seed = address.bytes().fold(3, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let id = promptgate_kernel::NetworkRuleId::mint(&TestClock::at_millis(1), &SeededEntropy::new(seed));
    NetworkRule::create(id, namespace, new, Timestamp::default())
}

fn configuration(rules: Vec<NetworkRule>, accounts: Vec<Standing>) -> Configuration {
    let open = group("a", Providers::All, &[], &[]);
    Configuration {
        projects: vec![project(ProjectType::AgentProxy)],
        providers: vec![provider_at("one", ProviderKind::OpenAiCompatible)],
        group_members: vec![(account(1), open.id)],
        groups: vec![open],
        accounts,
        plans: vec![default_plan()],
        network_rules: rules,
        ..Configuration::default()
    }
}

fn scene(rules: Vec<NetworkRule>, accounts: Vec<Standing>) -> Scene {
    let project = project(ProjectType::AgentProxy);
    let scene = Scene::over(project, configuration(rules, accounts), GatewayLimits::default());
    scene.tokens.put(with_scopes(scene.token.clone()));
    scene.upstream.always("one", Script::said("hello"));
    scene
}

fn with_scopes(token: Token) -> Token {
    Token { scopes: [Scope::Chat, Scope::Models].into_iter().collect(), ..token }
}

async fn from(scene: &Scene, address: &str) -> Got {
    let mut request = scene.request(Operation::ChatCompletions, CHAT, &[]);
    request.peer = address.parse().unwrap();
    read(scene.gateway.call(request).await).await
}

#[tokio::test]
async fn who_is_kept_out_is_told_so_and_the_record_says_which_rule() {
    let keeps_out = rule(Namespace::Global, "192.0.2.0/24", Action::Deny);
    let scene = scene(vec![keeps_out.clone()], vec![]);
    assert_eq!(from(&scene, "198.51.100.1").await.status, 200);
    scene.events();
    for address in ["192.0.2.9", "::ffff:192.0.2.9"] {
        let got = from(&scene, address).await;
        assert_eq!((got.status, &got.json()["error"]["code"]), (403, &"firewall_denied".into()));
        assert!(
            got.body.contains("192.0.2.9") && !got.body.contains(&keeps_out.id.to_string()),
            "{}",
            got.body
        );
        let event = scene.event();
        assert_eq!(event.error_code.as_deref(), Some("firewall_denied"));
        assert!(event.trace.iter().any(|line| line.contains(&keeps_out.id.to_string())), "{:?}", event.trace);
    }
    assert_eq!(scene.upstream.calls("one"), 1);
    let counted = scene.gateway.shared().failures.take();
    let [(failure, tally)] = &counted[..] else { panic!("{counted:?}") };
    assert_eq!((failure.action, failure.reason, tally.count), ("firewall.denied", "global", 2));
    assert_eq!(failure.by.token(), Some((scene.token.id, scene.token.project_id)));
    assert_eq!(tally.address, Some(IpAddr::from([192, 0, 2, 9])));
}

#[tokio::test]
async fn no_door_stays_open() {
    let scene = scene(
        vec![rule(Namespace::Project(project(ProjectType::AgentProxy).id), "127.0.0.1", Action::Deny)],
        vec![],
    );
    let own = Entry::Project(scene.project.id);
    let named = Entry::Provider("one".to_owned());
    let chat = Route::Model(Operation::ChatCompletions);
    for (entry, route) in [
        (&own, chat),
        (&own, Route::Model(Operation::Messages)),
        (&own, Route::ModelList),
        (&own, Route::ModelDetail),
        (&own, Route::Endpoint),
        (&own, Route::EndpointDispatch),
        (&own, Route::Forward(Forwarded::RetrieveResponse)),
        (&named, chat),
        (&named, Route::ModelList),
        (&named, Route::Forward(Forwarded::LogEvents)),
    ] {
        let mut request = scene.request(Operation::ChatCompletions, CHAT, &[]);
        (request.entry, request.route) = (entry.clone(), route);
        let got = read(scene.gateway.call(request).await).await;
        assert_eq!(got.status, 403, "{entry:?} {route:?}: {}", got.body);
        assert!(got.body.contains("127.0.0.1"), "{entry:?} {route:?}: {}", got.body);
    }
    // Nor is what was answered once told to somebody else.
    let mut request = scene.request(Operation::ChatCompletions, CHAT, &[("idempotency-key", "k")]);
    request.peer = IpAddr::from([192, 0, 2, 1]);
    assert_eq!(read(scene.gateway.call(request).await).await.status, 200);
    let again = scene.request(Operation::ChatCompletions, CHAT, &[("idempotency-key", "k")]);
    assert_eq!(read(scene.gateway.call(again).await).await.status, 403);
}

#[tokio::test]
async fn an_account_with_rules_of_its_own_goes_by_them_alone() {
    let rules = vec![
        rule(Namespace::Global, "192.0.2.0/24", Action::Deny),
        rule(Namespace::Person(account(1)), "192.0.2.7", Action::Allow),
    ];
    let own = Standing { network_rules: OwnNetworkRules::Persons, ..standing(1) };
    let scene = scene(rules.clone(), vec![own]);
    scene.tokens.put(Token { owner: Some(account(1)), ..with_scopes(scene.token.clone()) });
    let statuses = async || {
        let mut all = Vec::new();
        for address in ["192.0.2.7", "192.0.2.8", "198.51.100.1", "2001:db8::1"] {
            all.push(from(&scene, address).await.status);
        }
        all
    };
    assert_eq!(statuses().await, [200, 403, 403, 403]);
    let changed = configuration(rules, vec![standing(1)]);
    scene.snapshot.store(Snapshot::compile(changed, &compiler()).0);
    assert_eq!(statuses().await, [403, 403, 200, 200], "the next call goes by everybody's");
}

#[tokio::test]
async fn what_a_token_may_not_its_children_may_not_either() {
    let scene = scene(vec![], vec![]);
    let parent = token_for(&scene.project, 61).1;
    let middle = Token { parent: Some(parent.id), depth: 1, ..token_for(&scene.project, 62).1 };
    let child = Token { parent: Some(middle.id), depth: 2, ..with_scopes(scene.token.clone()) };
    for token in [&parent, &middle, &child] {
        scene.tokens.put(token.clone());
    }
    for (whose, kept_out) in
        [(parent.id, true), (middle.id, true), (child.id, true), (token_for(&scene.project, 63).1.id, false)]
    {
        let rules = vec![rule(Namespace::Token(whose), "127.0.0.1", Action::Deny)];
        scene.snapshot.store(Snapshot::compile(configuration(rules, vec![]), &compiler()).0);
        let status = if kept_out { 403 } else { 200 };
        assert_eq!(from(&scene, "127.0.0.1").await.status, status);
    }
}

#[tokio::test]
async fn while_it_is_unknown_where_a_token_comes_from_it_opens_nothing() {
    let scene = scene(vec![], vec![]);
    let child = Token { parent: Some(token_for(&scene.project, 62).1.id), depth: 2, ..scene.token.clone() };
    scene.tokens.put(child.clone());
    scene.tokens.hide_lines(true);
    // Its rules and limits count, whether there are any or not.
    for rules in [vec![], vec![rule(Namespace::Token(child.id), "192.0.2.1", Action::Deny)]] {
        scene.snapshot.store(Snapshot::compile(configuration(rules, vec![]), &compiler()).0);
        let got = from(&scene, "127.0.0.1").await;
        assert_eq!((got.status, &got.json()["error"]["code"]), (503, &"auth_unavailable".into()));
    }
    scene.tokens.hide_lines(false);
    scene.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(from(&scene, "127.0.0.1").await.status, 200);
}
