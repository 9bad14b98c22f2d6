//! Services that are looked at again and again: what is expected of them, and how they are.
//!
//! A [`MonitoredService`] is an address, the status that its answer should have, and how often it is
//! looked at. What a look found is a [`Finding`]; [`Condition`] is what is known after it. The crate
//! makes no calls; the repository trait says what a store must do.
//!
//! ```
//! use promptgate_kernel::Timestamp;
//! use promptgate_monitoring::{Health, MonitoredService, NewMonitoredService, Seen};
//!
//! let new = NewMonitoredService {
//!     name: "search".into(),
//!     url: "https://search.example/health".into(),
//!     ..NewMonitoredService::default()
//! };
//! let id = "018f4e6e-0000-7000-8000-000000000001".parse().expect("a UUID");
//! let service = MonitoredService::create(id, new, Timestamp::default()).expect("a valid one");
//! assert_eq!((service.expected_status_code, service.interval_seconds), (200, 60));
//! let seen = Seen { status_code: Some(502), ..Seen::default() };
//! let finding = service.finding(seen, Timestamp::from_micros(1));
//! assert_eq!((finding.health, &*finding.error), (Health::Degraded, "expected HTTP 200, got 502"));
//! ```

mod condition;
mod public;
mod repository;
mod service;

pub use condition::{Condition, Finding, Health, Seen, UnknownHealth};
pub use repository::{ServiceFilter, ServiceRepository, ServiceSort};
pub use service::{InvalidService, MonitoredService, NewMonitoredService, ServiceChanges};
