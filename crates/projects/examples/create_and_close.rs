//! Creates a project, changes it, and deletes it.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use promptgate_kernel::{Clock, OsEntropy, ProjectId, SystemClock};
use promptgate_projects::{NewProject, Project, ProjectChanges, ProjectEnv, ProjectName, ProjectType};

fn main() -> Result<(), Box<dyn Error>> {
    let new = NewProject {
        name: ProjectName::parse(" Search team ")?,
        kind: "ai_wrapper".parse::<ProjectType>()?,
        env: ProjectEnv::default(),
        default_provider: None,
        record_bodies: None,
        limits: promptgate_kernel::LimitSet::default(),
        metadata: serde_json::Map::new(),
        active: true,
    };
    let project = Project::create(ProjectId::mint(&SystemClock, &OsEntropy), new, SystemClock.now())?;
    println!("/api/{} serves the model API: {}", project.id, project.kind.serves_model_api());

    let off = ProjectChanges { active: Some(false), ..ProjectChanges::default() };
    let project = project.change(off, SystemClock.now())?;
    println!("{} is active: {}, version {}", project.name.slug(), project.active, project.version);

    let project = project.delete(SystemClock.now())?;
    println!("deleted: {}", project.deleted_at.is_some());
    Ok(())
}
