//! Where monitored services live.

use async_trait::async_trait;
use promptgate_kernel::{MonitoredServiceId, Page, PageRequest, RepositoryError, SortDirection, Timestamp};

use crate::{Finding, MonitoredService};

/// In which order services are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServiceFilter {
    /// What they are sorted by; equal ones by id.
    pub sort: ServiceSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What services can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServiceSort {
    /// Their name.
    #[default]
    Name,
    /// Their name for people.
    DisplayName,
    /// Where they are.
    Url,
    /// What is expected of them.
    ExpectedStatusCode,
    /// How often they are looked at.
    IntervalSeconds,
    /// Whether they are looked at.
    Enabled,
    /// How they are.
    Status,
    /// When they were last looked at.
    LastCheckedAt,
    /// What they last answered.
    LastStatusCode,
    /// How long that took.
    LastLatencyMs,
    /// How often in a row something was wrong.
    ConsecutiveFailures,
    /// When they were created.
    CreatedAt,
    /// When their definition last changed.
    UpdatedAt,
}

/// Where monitored services live. Their definition and their condition are written apart, so that
/// neither overwrites the other. Behaviour every adapter must show: `store::contract::monitored_services`.
#[async_trait]
pub trait ServiceRepository: Send {
    /// The service with this id.
    async fn find(&mut self, id: MonitoredServiceId) -> Result<Option<MonitoredService>, RepositoryError>;

    /// Stores a new service. A second one of the same name is a conflict on
    /// `monitored_services_name_key`.
    async fn insert(&mut self, service: &MonitoredService) -> Result<(), RepositoryError>;

    /// Writes the definition of `service`, not its condition, if the stored version is the one before
    /// its own; `false` when it is not.
    async fn save(&mut self, service: &MonitoredService) -> Result<bool, RepositoryError>;

    /// Removes a service; `false` when there was none. Its name is free again.
    async fn remove(&mut self, id: MonitoredServiceId) -> Result<bool, RepositoryError>;

    /// One page of services.
    async fn list(
        &mut self,
        filter: &ServiceFilter,
        page: PageRequest,
    ) -> Result<Page<MonitoredService>, RepositoryError>;

    /// The services that are looked at and are not as expected, by name.
    async fn degraded(&mut self) -> Result<Vec<MonitoredService>, RepositoryError>;

    /// Up to `limit` services that are looked at and whose turn it is at an instant, those that wait
    /// longest first.
    async fn due(&mut self, at: Timestamp, limit: u32) -> Result<Vec<MonitoredService>, RepositoryError>;

    /// Says that a look at the service begins, if nobody began one since it was read; `false` when
    /// somebody did, or it is gone.
    async fn claim(&mut self, service: &MonitoredService, at: Timestamp) -> Result<bool, RepositoryError>;

    /// Writes what a look at `service` found, and counts failures in a row. `false`, and nothing is
    /// written, when it is gone, or something else is expected of it by now or at another address.
    async fn record(
        &mut self,
        service: &MonitoredService,
        finding: &Finding,
    ) -> Result<bool, RepositoryError>;
}
