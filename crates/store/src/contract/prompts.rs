//! Behaviour of a repository of prompts.

use promptgate_auth::{Account, OidcPerson, Role};
use promptgate_kernel::{AccountId, PageRequest, SortDirection};
use promptgate_usage::{CallContent, ListedPrompt, PromptFilter, PromptSort, TokenCounts, UsageEvent};

use super::samples::{WORKS, at, clock, entropy, read, usage_event, write};
use crate::Store;

fn id() -> AccountId {
    AccountId::mint(clock(), entropy())
}

/// A call that arrived so many microseconds after another, and what was said in it.
fn said(micros: i64, prompt: &str, owner: Option<AccountId>) -> (UsageEvent, CallContent) {
    let event = UsageEvent { owner, prompted: true, ..usage_event(at(micros)) };
    let content = CallContent {
        prompt: Some(prompt.into()),
        ..CallContent::of_call(event.id, event.at, event.project_id)
    };
    (event, content)
}

async fn record(store: &dyn Store, calls: &[(UsageEvent, CallContent)]) {
    let mut work = write(store).await;
    work.usage().record(&calls.iter().map(|(event, _)| event).collect::<Vec<_>>()).await.expect(WORKS);
    work.call_contents().record(&calls.iter().map(|(_, said)| said).collect::<Vec<_>>()).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn list(store: &dyn Store, filter: &PromptFilter) -> Vec<ListedPrompt> {
    let page = PageRequest::clamped(1, 100);
    let page = read(store).await.prompts().list(filter, page).await.expect(WORKS);
    assert_eq!(page.items.len() as u64, page.total);
    page.items
}

async fn texts(store: &dyn Store, filter: &PromptFilter) -> Vec<String> {
    list(store, filter).await.into_iter().map(|listed| listed.prompt).collect()
}

/// What is known of the call and of who called is there; what is not is blank.
pub async fn everything_is_shown(store: &dyn Store) {
    let known = OidcPerson {
        issuer: "https://id.example.com".into(),
        subject: "ada".into(),
        username: "ada".into(),
        email: "ada@example.com".into(),
        name: "Ada".into(),
    };
    let ada = Account::person_by_oidc(id(), known, Role::User, at(0)).expect("a valid person");
    let mut work = write(store).await;
    work.accounts().insert(&ada).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    let (mut full, content) = said(1, "why?", Some(ada.id));
    full.provider = Some("main".into());
    full.provider_kind = Some("openai".into());
    full.model = Some("m".into());
    full.provider_response_id = Some("r".into());
    full.tokens = TokenCounts {
        input: 1,
        audio_input: 2,
        cache_read: 100,
        output: 4,
        reasoning: 8,
        audio_output: 16,
        ..TokenCounts::default()
    };
    full.latency_us = 2_999;
    full.client_ip = Some("192.0.2.7".into());
    let (mut plain, said) = said(2, "what?", None);
    plain.requested_model = Some("gone".into());
    let shown = ListedPrompt {
        call_id: full.id,
        at: full.at,
        prompt: "why?".into(),
        provider_response_id: "r".into(),
        provider: "main".into(),
        provider_kind: "openai".into(),
        model: "m".into(),
        input_tokens: 3,
        output_tokens: 28,
        duration_ms: 2,
        owner: Some(ada.id),
        user_name: "Ada".into(),
        username: "ada".into(),
        user_email: "ada@example.com".into(),
        client_ip: "192.0.2.7".into(),
    };
    let anonymous = (plain.id, None, "gone".to_owned(), String::new());
    record(store, &[(full, content), (plain, said)]).await;
    let filter = PromptFilter { direction: SortDirection::Descending, ..PromptFilter::default() };
    let listed = list(store, &filter).await;
    let [first, second] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(second, &shown);
    assert_eq!((first.call_id, first.owner, first.model.clone(), first.user_name.clone()), anonymous);
}

/// A prompt is the same wherever it is kept, and none of them keeps the others from being read.
pub async fn a_prompt_is_found_wherever_it_is_kept(store: &dyn Store) {
    let mut calls = Vec::new();
    for (micros, request, prompt) in [
        (1, "[\"é日\",{\"said\":\"plain ü\"}]", "\"plain ü\""),
        (2, "[\"lines \\\"\\n\\u00e4\\ud83e\\udd80\"]", "\"lines \\\"\\n\\u00e4\\ud83e\\udd80\""),
        (3, "[\"nul \\u0000\"]", "\"nul \\u0000\""),
        (4, "[\"half \\ud83e\"]", "\"half \\ud83e\""),
        (5, "[\"\"]", "\"\""),
    ] {
        let (event, content) = said(micros, "", None);
        let start = request.find(prompt).expect("it is there");
        let prompt_in_request = Some(start..start + prompt.len());
        let request = Some(request.to_owned());
        calls.push((event, CallContent { prompt: None, prompt_in_request, request, ..content }));
    }
    calls.push(said(6, "by itself", None));
    let (event, content) = said(7, "", None);
    let event = UsageEvent { prompted: false, ..event };
    calls.push((event, CallContent { prompt: None, request: Some("[\"of a tool\"]".into()), ..content }));
    record(store, &calls).await;
    let all = texts(store, &PromptFilter::default()).await;
    // What nobody can read is blank, as what is blank.
    assert_eq!(all, ["plain ü", "lines \"\nä🦀", "nul \u{fffd}", "", "", "by itself"]);
    let by_text = PromptFilter { sort: PromptSort::Prompt, ..PromptFilter::default() };
    assert_eq!(texts(store, &by_text).await.len(), 6);
}

/// Parts of texts are found, characters that a pattern is made of among them, and only of one account
/// if wanted.
pub async fn they_are_narrowed(store: &dyn Store) {
    let (one, other) = (id(), id());
    let calls = [
        said(1, "Why is 100% BLUE?", Some(one)),
        said(2, "why is_it Ärger", Some(other)),
        said(3, "because", None),
    ];
    record(store, &calls).await;
    for (owner, search, expected) in [
        (None, "WHY", vec![1, 2]),
        (None, "100%", vec![1]),
        (None, "is_i", vec![2]),
        (None, "is%i", vec![]),
        (None, "Ärger", vec![2]),
        (None, "\\", vec![]),
        (Some(one), "why", vec![1]),
        (Some(other), "", vec![2]),
        (Some(id()), "", vec![]),
        (None, "", vec![1, 2, 3]),
    ] {
        let search = Some(search.to_owned()).filter(|search| !search.is_empty());
        let filter = PromptFilter { owner, search, ..PromptFilter::default() };
        let found: Vec<_> = list(store, &filter).await.iter().map(|listed| listed.at).collect();
        assert_eq!(found, expected.into_iter().map(at).collect::<Vec<_>>(), "{filter:?}");
    }
}

/// Every key sorts, what is missing comes last either way, and pages follow each other.
pub async fn they_are_sorted_in_pages(store: &dyn Store) {
    let mut calls = [said(1, "b", None), said(2, "a", None), said(3, "c", None)];
    let mut ids = calls.each_ref().map(|(event, _)| event.id);
    ids.sort();
    for ((event, content), id) in calls.iter_mut().zip(ids) {
        (event.id, content.call_id) = (id, id);
    }
    for ((event, _), (number, text)) in calls.iter_mut().zip([(2, "y"), (3, "x"), (1, "")]) {
        let some = Some(text.to_owned()).filter(|text| !text.is_empty());
        event.provider.clone_from(&some);
        event.model.clone_from(&some);
        event.client_ip = some;
        event.latency_us = number * 1_000;
        let number = number.unsigned_abs();
        event.tokens = TokenCounts { input: number, output: 10 - 2 * number, ..TokenCounts::default() };
    }
    record(store, &calls).await;
    let order = async |sort, direction| -> String {
        let filter = PromptFilter { sort, direction, ..PromptFilter::default() };
        texts(store, &filter).await.concat()
    };
    for (sort, ascending, descending) in [
        (PromptSort::Prompt, "abc", "cba"),
        (PromptSort::Provider, "abc", "bac"),
        (PromptSort::Model, "abc", "bac"),
        (PromptSort::ClientIp, "abc", "bac"),
        (PromptSort::CreatedAt, "bac", "cab"),
        (PromptSort::Duration, "cba", "abc"),
        (PromptSort::InputTokens, "cba", "abc"),
        (PromptSort::OutputTokens, "abc", "cba"),
        (PromptSort::TotalTokens, "abc", "cba"),
        (PromptSort::UserName, "bac", "bac"),
        (PromptSort::UserEmail, "bac", "bac"),
    ] {
        assert_eq!(order(sort, SortDirection::Ascending).await, ascending, "{sort:?}");
        assert_eq!(order(sort, SortDirection::Descending).await, descending, "{sort:?}");
    }
    let filter = PromptFilter::default();
    let mut work = read(store).await;
    for (number, expected) in [(1, vec!["b", "a"]), (2, vec!["c"]), (3, vec![])] {
        let page = work.prompts().list(&filter, PageRequest::clamped(number, 2)).await.expect(WORKS);
        let found: Vec<&str> = page.items.iter().map(|listed| &*listed.prompt).collect();
        assert_eq!((found, page.total), (expected, 3));
    }
}

/// A call whose words are not kept any more is not listed, whatever is still known of it; nor is one of
/// which only the words are left.
pub async fn they_go_with_what_was_said(store: &dyn Store) {
    let owner = Some(id());
    let calls = [said(1, "a", owner), said(2, "b", owner), said(3, "c", owner), said(4, "d", None)];
    record(store, &calls).await;
    let filter = PromptFilter { owner, ..PromptFilter::default() };
    let search = PromptFilter { search: Some("B".into()), ..PromptFilter::default() };
    assert_eq!(texts(store, &filter).await, ["a", "b", "c"]);
    for (before, left, found) in [(2, vec!["b", "c"], 1), (3, vec!["c"], 0), (5, vec![], 0)] {
        let mut work = write(store).await;
        work.call_contents().prune(at(before), 10).await.expect(WORKS);
        work.commit().await.expect(WORKS);
        assert_eq!(texts(store, &filter).await, left, "{before}");
        assert_eq!(texts(store, &search).await.len(), found, "{before}");
    }
    let later = [said(6, "e", owner), said(7, "f", owner)];
    record(store, &later).await;
    let mut work = write(store).await;
    work.usage().prune(at(7), 10).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    assert_eq!(texts(store, &filter).await, ["f"]);
    assert_eq!(texts(store, &PromptFilter::default()).await, ["f"]);
}
