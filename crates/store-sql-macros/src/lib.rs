//! The attribute that writes one repository for two databases.
//!
//! `sqlx` types its statements by database, so one `impl` cannot serve two of them without a wall
//! of bounds. [`each_dialect`](macro@each_dialect) repeats an item instead, once for each database,
//! with `Db` standing for it. The item's own tokens pass through, so that errors point at the
//! line that was written.

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

const DATABASES: [&str; 2] = ["::sqlx::Postgres", "::sqlx::Sqlite"];

/// Repeats an item for PostgreSQL and for SQLite; inside it, `Db` is the database.
///
/// ```text
/// #[each_dialect]
/// #[async_trait]
/// impl TokenRepository for SqlWork<Db> {
///     async fn find(&mut self, id: TokenId) -> Result<Option<Token>, RepositoryError> {
///         sqlx::query_as("SELECT …").bind(id.as_uuid()).fetch_optional(&mut *self.tx)…
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn each_dialect(_: TokenStream, item: TokenStream) -> TokenStream {
    DATABASES
        .into_iter()
        .flat_map(|database| {
            let mut body = tokens(&format!("type Db = {database};"));
            body.extend(item.clone());
            let mut block = tokens("const _: () =");
            block.extend([TokenTree::Group(Group::new(Delimiter::Brace, body))]);
            block.extend(tokens(";"));
            block
        })
        .collect()
}

fn tokens(text: &str) -> TokenStream {
    text.parse().expect("the text is written in this file")
}
