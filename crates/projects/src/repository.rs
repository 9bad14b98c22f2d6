//! Where projects live.

use async_trait::async_trait;
use promptgate_kernel::{Page, PageRequest, ProjectId, RepositoryError, SortDirection};

use crate::Project;

/// Which projects are wanted, and in which order. Deleted ones never are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectFilter {
    /// Only projects whose name contains this text, whatever its case; no wildcards.
    pub search: Option<String>,
    /// Only these; `None` for all.
    pub among: Option<Vec<ProjectId>>,
    /// What they are sorted by; equal ones by id.
    pub sort: ProjectSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What projects can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProjectSort {
    /// Their name.
    #[default]
    Name,
    /// Their type.
    Kind,
    /// When they were created.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
}

/// Where projects live. Behaviour every adapter must show: `store::contract::projects`.
#[async_trait]
pub trait ProjectRepository: Send {
    /// The project with this id, unless it is deleted.
    async fn find(&mut self, id: ProjectId) -> Result<Option<Project>, RepositoryError>;

    /// Stores a new project.
    async fn insert(&mut self, project: &Project) -> Result<(), RepositoryError>;

    /// Writes `project` if the stored version is the one before its own; `false` when it is not. A deleted
    /// one loses its aliases, settings of providers and endpoints, with everything of those.
    async fn save(&mut self, project: &Project) -> Result<bool, RepositoryError>;

    /// One page of projects.
    async fn list(
        &mut self,
        filter: &ProjectFilter,
        page: PageRequest,
    ) -> Result<Page<Project>, RepositoryError>;

    /// Every project that is not deleted, by id.
    async fn list_all(&mut self) -> Result<Vec<Project>, RepositoryError>;

    /// How many projects there ever were, deleted ones too.
    async fn count_ever(&mut self) -> Result<u64, RepositoryError>;
}
