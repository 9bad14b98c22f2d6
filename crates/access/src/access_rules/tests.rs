use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn provider(number: u8) -> ProviderId {
    format!("018f4e6e-0000-7000-8000-0000000000{number:02}").parse().unwrap()
}

/// Which providers, what they allow, what they exclude.
type Grant = (Vec<u8>, Vec<&'static str>, Vec<&'static str>);

fn rules(grants: &[Grant]) -> AccessRules {
    let rule = |(providers, allow, exclude): &Grant| {
        let providers = Providers::Some(providers.iter().copied().map(provider).collect());
        let (allow, exclude) = (Patterns::parse(allow).unwrap(), Patterns::parse(exclude).unwrap());
        Arc::new(AccessRule::new(providers, &allow, &exclude))
    };
    AccessRules::new(grants.iter().map(rule).collect())
}

#[test]
fn patterns_are_found_anywhere() {
    let rules = rules(&[(vec![1], vec!["gpt-4"], vec![])]);
    assert!(rules.model_allowed(provider(1), "my-gpt-4o"));
    assert!(!rules.model_allowed(provider(1), "gpt-5"));
}

#[test]
fn groups_add_up_but_never_cross() {
    let rules = rules(&[(vec![1], vec!["^a"], vec![]), (vec![2], vec!["^b"], vec![])]);
    for (of, model, allowed) in [(1, "a", true), (2, "b", true), (1, "b", false), (2, "a", false)] {
        assert_eq!(rules.model_allowed(provider(of), model), allowed, "{of} {model}");
    }
    assert!(!rules.provider_allowed(provider(3)));
}

#[test]
fn an_exclusion_beats_what_another_group_allows_at_the_same_provider_only() {
    let rules = rules(&[
        (vec![1, 2], vec![".*"], vec![]),
        (vec![1], vec!["."], vec!["^bge"]),
        (vec![3], vec![], vec![]),
    ]);
    assert!(!rules.model_allowed(provider(1), "bge-m3"));
    assert!(rules.model_allowed(provider(2), "bge-m3"));
    assert!(rules.model_allowed(provider(1), "llama"));
    assert!(rules.provider_allowed(provider(3)));
    assert!(!rules.model_allowed(provider(3), "m"), "a rule that allows nothing");
}

#[test]
fn a_group_of_all_providers_has_later_ones_too() {
    let everything = Patterns::parse([".*"]).unwrap();
    let all = AccessRule::new(Providers::All, &everything, &Patterns::default());
    let rules = AccessRules::new(vec![Arc::new(all)]);
    assert!(rules.provider_allowed(provider(77)) && rules.model_allowed(provider(77), "m"));
}

#[test]
fn stored_patterns_that_do_not_compile_deny_everything() {
    let everything = Patterns::parse([".*"]).unwrap();
    let broken = Patterns::from_stored(vec!["(".into()]);
    let open = Arc::new(AccessRule::new(Providers::All, &everything, &Patterns::default()));
    for (allow, exclude) in [(&broken, &Patterns::default()), (&everything, &broken)] {
        let closed = Arc::new(AccessRule::new(Providers::All, allow, exclude));
        let rules = AccessRules::new(vec![Arc::clone(&open), closed]);
        assert!(!rules.model_allowed(provider(1), "m"));
    }
}

#[test]
fn without_groups_nothing_is_allowed() {
    assert!(!AccessRules::default().provider_allowed(provider(1)));
    assert!(!AccessRules::default().model_allowed(provider(1), "m"));
}

fn patterns() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::collection::vec(select(&["^a", "b", "c$", "^ab$", ".*", "ca"][..]), 0..3)
}

fn grants() -> impl Strategy<Value = Vec<Grant>> {
    proptest::collection::vec((proptest::collection::vec(0_u8..4, 0..3), patterns(), patterns()), 0..5)
}

/// The rule in other words: of the groups with the provider none excludes and one allows.
fn expected(grants: &[Grant], of: u8, model: &str) -> bool {
    let finds =
        |patterns: &[&str]| patterns.iter().any(|text| regex::Regex::new(text).unwrap().is_match(model));
    let with: Vec<&Grant> = grants.iter().filter(|(providers, ..)| providers.contains(&of)).collect();
    !model.is_empty()
        && with.iter().any(|(_, allow, _)| finds(allow))
        && !with.iter().any(|(_, _, exclude)| finds(exclude))
}

proptest! {
    #[test]
    fn the_rules_are_what_the_groups_say(grants in grants(), of in 0_u8..4, model in "[abc]{0,3}") {
        let rules = rules(&grants);
        prop_assert_eq!(rules.model_allowed(provider(of), &model), expected(&grants, of, &model));
        prop_assert_eq!(
            rules.provider_allowed(provider(of)),
            grants.iter().any(|(providers, ..)| providers.contains(&of))
        );
    }

    #[test]
    fn the_order_of_groups_does_not_matter(grants in grants(), of in 0_u8..4, model in "[abc]{0,3}") {
        let backwards: Vec<Grant> = grants.iter().rev().cloned().collect();
        prop_assert_eq!(
            rules(&grants).model_allowed(provider(of), &model),
            rules(&backwards).model_allowed(provider(of), &model)
        );
    }

    #[test]
    fn no_model_is_allowed_where_the_provider_is_not(grants in grants(), of in 0_u8..4, model in ".{0,5}") {
        let rules = rules(&grants);
        prop_assert!(rules.provider_allowed(provider(of)) || !rules.model_allowed(provider(of), &model));
        prop_assert!(!rules.model_allowed(provider(of), " "));
    }
}
