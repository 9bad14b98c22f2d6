//! What can be done next with a thing that was just made: from the answer of its creation to its own routes.

use serde_json::Value;
use utoipa::openapi::link::Link;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{OpenApi, RefOr};

/// Links every creation to the routes of what it made.
pub(super) fn add(document: &mut OpenApi) {
    let paths: Vec<(String, Vec<String>)> = document
        .paths
        .paths
        .iter()
        .map(|(path, item)| {
            (path.clone(), operations(item).filter_map(|it| it.operation_id.clone()).collect())
        })
        .collect();
    for (path, item) in &mut document.paths.paths {
        let Some(created) = item.post.as_mut().and_then(|post| post.responses.responses.get_mut("201"))
        else {
            continue;
        };
        let RefOr::T(created) = created else { continue };
        for (below, operations) in &paths {
            let Some(name) = one_of(path, below) else { continue };
            for operation in operations {
                let mut link = Link::builder().operation_id(operation).parameter(name, id_in_answer(path));
                for outer in names(path) {
                    link = link.parameter(outer, Value::from(format!("$request.path.{outer}")));
                }
                created.links.insert(operation.clone(), RefOr::T(link.build()));
            }
        }
    }
}

fn operations(item: &PathItem) -> impl Iterator<Item = &Operation> {
    [&item.get, &item.put, &item.patch, &item.delete].into_iter().filter_map(Option::as_ref)
}

/// The name of the id, if a path is that of one thing among those of another path.
pub(super) fn one_of<'p>(path: &str, below: &'p str) -> Option<&'p str> {
    let last = below.strip_prefix(path)?.strip_prefix("/{")?.strip_suffix('}')?;
    (!last.contains('/')).then_some(last)
}

/// Where a creation's answer has the id.
pub(super) fn id_in_answer(path: &str) -> Value {
    let pointer = match path {
        "/api/v1/tokens" => "/tokenInfo/id",
        path if path.starts_with("/api/v1/") && path.ends_with("/tokens") => "/tokenInfo/id",
        "/api/v1/admin/admin-keys" => "/adminKey/id",
        path if path.starts_with("/api/v1/") => "/id",
        _ => "/data/uuid",
    };
    Value::from(format!("$response.body#{pointer}"))
}

/// The names in a path.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|part| part.split('}').next())
}
