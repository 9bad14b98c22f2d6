//! Definitions of MCP servers: where they are, which headers they want, and which of their tools
//! count.
//!
//! An [`McpServer`] is what an administrator wrote down. The crate makes no calls and speaks no MCP;
//! it keeps the rules of the definition, seals the headers that are secrets, and says what a store
//! must do.
//!
//! ```
//! use promptgate_kernel::testing::SeededEntropy;
//! use promptgate_kernel::{KeyRing, SecretsKey, Timestamp};
//! use promptgate_mcp::{HeaderChange, McpServer, NewMcpServer, ValueChange};
//!
//! let entropy = SeededEntropy::new(1);
//! let keys = KeyRing::new(SecretsKey::generate(&entropy), vec![]);
//! let new = NewMcpServer {
//!     name: "search".into(),
//!     url: "https://mcp.example/".into(),
//!     headers: vec![HeaderChange {
//!         name: "Authorization".into(),
//!         value: ValueChange::Set("Bearer x".to_owned().into()),
//!         sensitive: true,
//!     }],
//!     ..NewMcpServer::default()
//! };
//! let id = "018f4e6e-0000-7000-8000-000000000001".parse().expect("a UUID");
//! let server = McpServer::create(id, new, &keys, &entropy, Timestamp::default()).expect("a valid one");
//! assert_eq!(server.url, "https://mcp.example");
//! assert_eq!(server.headers[0].shown(), None, "a secret is shown to nobody");
//! ```

mod header;
mod repository;
mod server;

pub use header::{Header, HeaderChange, HeaderValue, ValueChange};
pub use repository::{McpServerFilter, McpServerRepository, McpServerSort};
pub use server::{InvalidMcpServer, McpServer, McpServerChanges, NewMcpServer};
