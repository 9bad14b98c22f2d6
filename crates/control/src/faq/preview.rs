//! Trying out an answer.

use promptgate_auth::{Actor, Permission};
use promptgate_help::render;

use super::FaqError;

/// What an answer will look like, as HTML.
pub fn preview(actor: Actor, markdown: &str) -> Result<String, FaqError> {
    actor.require(Permission::ManageHelp)?;
    Ok(render(markdown))
}
