//! Projects: create, find, list, change and delete them.

mod create;
mod delete;
mod find;
mod list;
mod update;

pub use create::{CreateProjectError, create};
pub use delete::{DeleteProjectError, delete};
pub use find::{FindProjectError, find};
pub use list::{ListProjectsError, list};
pub use update::{UpdateProjectError, update};
