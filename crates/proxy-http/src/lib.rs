//! The data plane's HTTP surfaces.
//!
//! [`router`] routes requests to the [`Gateway`](promptgate_gateway::Gateway) and its answers back:
//! the model API of a project below `/api/{project}/v1`, its AI endpoints below `/api/{project}`, and
//! a provider's own API below `/{provider}/`. It decides nothing about them: what has no route is
//! turned away here, everything else in the gateway's pipeline.

mod dispatch;
mod endpoint_api;
mod paths;
mod router;
mod routes_page;
mod security_headers;

pub use router::router;
pub use routes_page::routes_page;
