//! Trying out a template.

use promptgate_auth::{Actor, Permission};
use promptgate_help::{InvalidSetupGuide, check_template};

use super::SetupGuideError;

/// Whether a template can be filled in.
pub fn validate(actor: Actor, template: &str) -> Result<(), SetupGuideError> {
    actor.require(Permission::ManageHelp)?;
    Ok(check_template(template).map_err(InvalidSetupGuide::from)?)
}
