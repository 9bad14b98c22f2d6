//! A wire to a database that can be cut.

use std::net::{Ipv4Addr, SocketAddr};

use promptgate_e2e::free_port;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Passes on what comes to a port of its own. While it is cut, connections are broken and new ones refused.
pub(super) struct Relay {
    here: SocketAddr,
    there: SocketAddr,
    running: JoinSet<()>,
}

impl Relay {
    /// A wire to a port of this machine.
    pub(super) async fn to(port: u16) -> Self {
        let [here, there] = [free_port(), port].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let mut relay = Self { here, there, running: JoinSet::new() };
        relay.mend().await;
        relay
    }

    pub(super) fn port(&self) -> u16 {
        self.here.port()
    }

    /// Breaks every connection, and listens no longer.
    pub(super) async fn cut(&mut self) {
        // What it has spawned goes with it.
        self.running.shutdown().await;
    }

    /// Listens again, on the same port.
    pub(super) async fn mend(&mut self) {
        let listener = TcpListener::bind(self.here).await.unwrap();
        let there = self.there;
        self.running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(there).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
    }
}
