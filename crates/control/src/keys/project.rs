//! The project that keys live in.

use promptgate_auth::Actor;
use promptgate_kernel::{ProjectId, RepositoryError};
use promptgate_projects::{InvalidProject, NewProject, Project, ProjectEnv, ProjectName, ProjectType};
use promptgate_store::{Access, Change, UnitOfWork};
use serde_json::Map;

use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// The name of the project that keys live in, whatever its case.
pub const PROJECT: &str = "Default";

/// Why there is no project for keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoProject {
    /// It breaks a rule of projects.
    #[error(transparent)]
    Invalid(#[from] InvalidProject),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// The project, which is made where it is missing, in a transaction of its own.
pub(super) async fn ensure(control: &Control, actor: Actor) -> Result<ProjectId, NoProject> {
    let mut work = control.store.begin(Access::Read).await?;
    if let Some(id) = home(&mut *work).await? {
        return Ok(id);
    }
    drop(work);
    let at = control.clock.now();
    let new = NewProject {
        name: ProjectName::parse(PROJECT)?,
        kind: ProjectType::AgentProxy,
        env: ProjectEnv::default(),
        default_provider: None,
        record_bodies: None,
        limits: promptgate_kernel::LimitSet::default(),
        metadata: Map::new(),
        active: true,
    };
    let project = Project::create(ProjectId::mint(&*control.clock, &*control.entropy), new, at)?;
    let mut work = control.store.begin(Access::Write).await?;
    let entry = Entry::of_project("project.created", project.id)
        .detail("projectType", project.kind.as_str())
        .made(&shown::project(&project));
    // Writers queue at the audit log, so whoever looks after this sees what the one before made.
    control.audit(&mut *work, actor, entry, at).await?;
    if let Some(id) = home(&mut *work).await? {
        return Ok(id);
    }
    work.projects().insert(&project).await?;
    let revision = work.changes().record(Change::Project(project.id), at).await?;
    control.commit(work, revision).await?;
    Ok(project.id)
}

/// The project that keys live in, where there is one: the oldest of that name and type.
pub(crate) async fn home(work: &mut dyn UnitOfWork) -> Result<Option<ProjectId>, RepositoryError> {
    let all = work.projects().list_all().await?;
    let fits = |project: &&Project| {
        project.kind == ProjectType::AgentProxy && project.name.as_str().eq_ignore_ascii_case(PROJECT)
    };
    Ok(all.iter().find(fits).map(|project| project.id))
}
