//! Behaviour of a template repository.

use futures_util::future::join;
use promptgate_kernel::{PageRequest, SortDirection};
use promptgate_providers::{Template, TemplateFilter, TemplateSort};

use super::samples::{WORKS, at, read, stored_credential, stored_provider, template, write};
use crate::Store;

async fn insert(store: &dyn Store, templates: &[&Template]) {
    let mut work = write(store).await;
    for template in templates {
        work.templates().insert(template).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, template: &Template) -> bool {
    let mut work = write(store).await;
    let saved = work.templates().save(template).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn find(store: &dyn Store, template: &Template) -> Option<Template> {
    read(store).await.templates().find(template.id).await.expect(WORKS)
}

async fn names(store: &dyn Store, filter: TemplateFilter) -> Vec<String> {
    let page = PageRequest::clamped(1, 100);
    let page = read(store).await.templates().list(&filter, page).await.expect(WORKS);
    assert_eq!(page.total, page.items.len() as u64);
    page.items.into_iter().map(|template| template.name).collect()
}

fn next(template: &Template, name: &str) -> Template {
    Template { name: name.into(), updated_at: at(5), version: template.version + 1, ..template.clone() }
}

/// Every field comes back as it was, after insertion and after a save.
pub async fn everything_round_trips(store: &dyn Store) {
    let (provider, other) = (stored_provider(store, "main").await, stored_provider(store, "other").await);
    let credential = stored_credential(store, other.id, "one").await;
    let plain = template(provider.id, "plain");
    insert(store, &[&plain]).await;
    assert_eq!(find(store, &plain).await.as_ref(), Some(&plain));
    let after = Template {
        name: "Ünï 日本 🦀".into(),
        slug: "other".into(),
        description: "a\nb".into(),
        tags: vec!["b".into(), "a \"quoted\"".into()],
        provider_id: other.id,
        model: "claude-sonnet".into(),
        credential_id: Some(credential.id),
        temperature: Some(0.1),
        top_p: Some(1.0),
        max_output_tokens: Some(200_000),
        active: false,
        updated_at: at(9),
        version: plain.version + 1,
        ..plain
    };
    assert!(save(store, &after).await);
    assert_eq!(find(store, &after).await, Some(after));
}

/// A template's slug is its address.
pub async fn a_second_one_of_the_same_slug_is_a_conflict(store: &dyn Store) {
    let provider = stored_provider(store, "main").await;
    let (first, second) = (template(provider.id, "same"), template(provider.id, "same"));
    let third = template(provider.id, "third");
    insert(store, &[&first, &third]).await;
    let error = write(store).await.templates().insert(&second).await.expect_err("the slug is taken");
    assert!(error.is_conflict("templates_slug_key"), "{error}");
    let moved = Template { slug: first.slug, ..next(&third, "third") };
    let error = write(store).await.templates().save(&moved).await.expect_err("the slug is taken");
    assert!(error.is_conflict("templates_slug_key"), "{error}");
}

/// A save of a version that is not the next one changes nothing; of two at once one is made.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let template = template(stored_provider(store, "main").await.id, "one");
    insert(store, &[&template]).await;
    let (one, other) = (next(&template, "one"), next(&template, "other"));
    let (first, second) = join(save(store, &one), save(store, &other)).await;
    assert!(first != second);
    assert!(!save(store, &next(&template, "third")).await);
    assert_eq!(find(store, &template).await, Some(if first { one } else { other }));
}

/// Templates go with their provider; a removed one is not found.
pub async fn removal_and_the_end_of_a_provider(store: &dyn Store) {
    let (main, other) = (stored_provider(store, "main").await, stored_provider(store, "other").await);
    let (removed, gone, kept) = (template(main.id, "a"), template(main.id, "b"), template(other.id, "c"));
    insert(store, &[&removed, &gone, &kept]).await;
    let mut work = write(store).await;
    assert!(work.templates().remove(removed.id).await.expect(WORKS));
    assert!(!work.templates().remove(removed.id).await.expect(WORKS));
    assert!(work.providers().remove(main.id).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(read(store).await.templates().list_all().await.expect(WORKS), [kept]);
}

/// The list is narrowed, sorted and cut as it is asked for.
pub async fn they_are_narrowed_and_sorted(store: &dyn Store) {
    let (main, other) = (stored_provider(store, "main").await, stored_provider(store, "other").await);
    let mut templates =
        [("Zeta", main.id), ("alpha_%", main.id), ("Beta", other.id)].map(|(name, provider)| Template {
            name: name.into(),
            ..template(provider, &name.to_lowercase().replace("_%", ""))
        });
    templates[2].active = false;
    insert(store, &templates.each_ref()).await;
    let all = TemplateFilter::default();
    assert_eq!(names(store, all.clone()).await, ["alpha_%", "Beta", "Zeta"]);
    let down =
        TemplateFilter { sort: TemplateSort::Slug, direction: SortDirection::Descending, ..all.clone() };
    assert_eq!(names(store, down).await, ["Zeta", "Beta", "alpha_%"]);
    assert_eq!(
        names(store, TemplateFilter { search: Some("ET".into()), ..all.clone() }).await,
        ["Beta", "Zeta"]
    );
    assert_eq!(names(store, TemplateFilter { search: Some("_%".into()), ..all.clone() }).await, ["alpha_%"]);
    assert_eq!(
        names(store, TemplateFilter { provider: Some(main.id), ..all.clone() }).await,
        ["alpha_%", "Zeta"]
    );
    assert_eq!(names(store, TemplateFilter { active: Some(false), ..all.clone() }).await, ["Beta"]);
    for sort in [TemplateSort::CreatedAt, TemplateSort::UpdatedAt] {
        assert_eq!(names(store, TemplateFilter { sort, ..all.clone() }).await.len(), 3);
    }
    let page = read(store).await.templates().list(&all, PageRequest::clamped(2, 2)).await.expect(WORKS);
    assert_eq!((page.items.len(), page.total), (1, 3));
}
