//! Projects: the tenants of the public routes `/api/{uuid}/…`.
//!
//! A [`Project`] has a type, which decides which surfaces it has and never changes, and a flag
//! that closes all of them at once. This crate knows neither HTTP nor SQL; [`ProjectRepository`]
//! says what a store must do.
//!
//! ```
//! use promptgate_projects::{ProjectName, ProjectType};
//!
//! let name = ProjectName::parse(" Search team ").expect("a plain name");
//! assert_eq!(name.slug(), "search-team");
//! assert!(ProjectType::AiWrapper.serves_model_api());
//! ```

mod project;
mod repository;

pub use project::{
    AlreadyDeleted, InvalidProject, NewProject, Project, ProjectChanges, ProjectEnv, ProjectName,
    ProjectType, RecordBodies,
};
pub use repository::{ProjectFilter, ProjectRepository, ProjectSort};
