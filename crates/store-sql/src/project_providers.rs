//! The projects' settings of providers in SQL.

use async_trait::async_trait;
use promptgate_kernel::{CredentialId, ProjectId, ProviderId, RepositoryError};
use promptgate_providers::{ProjectProvider, ProjectProviderRepository};
use promptgate_store_sql_macros::each_dialect;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::work::SqlWork;

#[derive(FromRow)]
struct SettingRow {
    project_id: Uuid,
    provider_id: Uuid,
    enabled: bool,
    credential_id: Option<Uuid>,
    position: Option<i64>,
}

impl TryFrom<SettingRow> for ProjectProvider {
    type Error = RepositoryError;

    fn try_from(row: SettingRow) -> Result<Self, RepositoryError> {
        let position = row.position.map(u32::try_from).transpose();
        Ok(Self {
            project_id: ProjectId::from_uuid(row.project_id),
            provider_id: ProviderId::from_uuid(row.provider_id),
            enabled: row.enabled,
            credential_id: row.credential_id.map(CredentialId::from_uuid),
            position: position.map_err(|error| corrupt("project_providers", row.project_id, error))?,
        })
    }
}

#[each_dialect]
#[async_trait]
impl ProjectProviderRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.project_providers.list", skip_all, fields(project.id = %project))]
    async fn list(&mut self, project: ProjectId) -> Result<Vec<ProjectProvider>, RepositoryError> {
        let rows: Vec<SettingRow> = sqlx::query_as(
            "SELECT project_id, provider_id, enabled, credential_id, position FROM project_providers \
             WHERE project_id = $1 ORDER BY provider_id",
        )
        .bind(project.as_uuid())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        rows.into_iter().map(ProjectProvider::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.project_providers.list_all", skip_all)]
    async fn list_all(&mut self) -> Result<Vec<ProjectProvider>, RepositoryError> {
        let rows: Vec<SettingRow> = sqlx::query_as(
            "SELECT project_id, provider_id, enabled, credential_id, position FROM project_providers \
             ORDER BY project_id, provider_id",
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        rows.into_iter().map(ProjectProvider::try_from).collect()
    }

    #[instrument(
        level = "debug",
        name = "db.project_providers.save",
        skip_all,
        fields(project.id = %setting.project_id, provider.id = %setting.provider_id)
    )]
    async fn save(&mut self, setting: &ProjectProvider) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO project_providers (project_id, provider_id, enabled, credential_id, position) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (project_id, provider_id) DO UPDATE SET \
             enabled = excluded.enabled, credential_id = excluded.credential_id, position = excluded.position",
        )
        .bind(setting.project_id.as_uuid())
        .bind(setting.provider_id.as_uuid())
        .bind(setting.enabled)
        .bind(setting.credential_id.map(CredentialId::as_uuid))
        .bind(setting.position.map(i64::from))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(
        level = "debug",
        name = "db.project_providers.remove",
        skip_all,
        fields(project.id = %project, provider.id = %provider)
    )]
    async fn remove(&mut self, project: ProjectId, provider: ProviderId) -> Result<bool, RepositoryError> {
        let done = sqlx::query("DELETE FROM project_providers WHERE project_id = $1 AND provider_id = $2")
            .bind(project.as_uuid())
            .bind(provider.as_uuid())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }
}
