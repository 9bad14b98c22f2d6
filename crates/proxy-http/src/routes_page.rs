//! The last part of `docs/api.md`, made from the table of paths.

use std::fmt::Write;

use crate::paths::routes;

const HEAD: &str = "## Calls of models

On the proxy's port, in the vendors' own formats, with a project's token in `Authorization: Bearer` or `x-api-key`. The
token needs the scope `chat`; below a provider's name, its lists of models need `models`. `HEAD` is answered where `GET`
is.

| method | path |
| --- | --- |
";

/// Every route of the data plane, in Markdown.
pub fn routes_page() -> String {
    let mut page = HEAD.to_owned();
    for (method, path) in routes() {
        let _ = writeln!(page, "| {method} | `{path}` |");
    }
    page
}
