//! One name server, in place of what the operating system knows.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join;
use promptgate_kernel::Entropy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::dns::{Answer, Version, answer, question};
use super::resolve::Resolve;

/// How long one question waits for its answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is asked.
const TRIES: u32 = 2;
/// The longest answer over UDP; longer ones come over TCP.
const MAX_DATAGRAM: usize = 4_096;

/// Asks one name server for every name, each time anew, and nobody else: no files, no other servers, no
/// search domains. `localhost` is this machine without being asked for.
#[derive(Clone)]
pub struct NameServer {
    server: SocketAddr,
    entropy: Arc<dyn Entropy>,
}

impl NameServer {
    /// The server at an address.
    pub fn new(server: SocketAddr, entropy: Arc<dyn Entropy>) -> Self {
        Self { server, entropy }
    }

    async fn ask(&self, host: &str, version: Version) -> io::Result<Vec<IpAddr>> {
        let mut id = [0; 2];
        self.entropy.fill(&mut id);
        let asked = question(u16::from_be_bytes(id), host, version)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is no name of a host"))?;
        let mut last = io::Error::from(io::ErrorKind::TimedOut);
        for _ in 0..TRIES {
            match timeout(PATIENCE, self.exchange(&asked, version)).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(error)) => last = error,
                Err(_) => {
                    last = io::Error::new(io::ErrorKind::TimedOut, "the name server does not answer");
                }
            }
        }
        Err(last)
    }

    async fn exchange(&self, asked: &[u8], version: Version) -> io::Result<Vec<IpAddr>> {
        let own = match self.server {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(own).await?;
        // What somebody else sends does not arrive.
        socket.connect(self.server).await?;
        socket.send(asked).await?;
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let length = socket.recv(&mut buffer).await?;
            match answer(asked, version, &buffer[..length]) {
                Answer::Addresses(found) => return Ok(found),
                Answer::Truncated => return self.exchange_whole(asked, version).await,
                Answer::Failed(code) => return Err(failed(code)),
                Answer::Unrelated => {}
            }
        }
    }

    /// The same over TCP, for answers that are too long for a datagram.
    async fn exchange_whole(&self, asked: &[u8], version: Version) -> io::Result<Vec<IpAddr>> {
        let mut stream = TcpStream::connect(self.server).await?;
        let length = u16::try_from(asked.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], asked].concat()).await?;
        let length = stream.read_u16().await?;
        let mut said = vec![0; usize::from(length)];
        stream.read_exact(&mut said).await?;
        match answer(asked, version, &said) {
            Answer::Addresses(found) => Ok(found),
            Answer::Failed(code) => Err(failed(code)),
            Answer::Truncated | Answer::Unrelated => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the name server answers something else"))
            }
        }
    }
}

fn failed(code: u16) -> io::Error {
    io::Error::other(format!("the name server failed with code {code}"))
}

#[async_trait]
impl Resolve for NameServer {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let (mut v4, v6) = try_join(self.ask(host, Version::V4), self.ask(host, Version::V6)).await?;
        v4.extend(v6);
        Ok(v4)
    }
}

#[cfg(test)]
mod tests {
    use promptgate_kernel::testing::SeededEntropy;
    use tokio::net::TcpListener;

    use super::*;

    /// Answers `version` 4 questions with an address, the others with none.
    fn reply(asked: &[u8], flags: u8, address: Option<[u8; 4]>) -> Vec<u8> {
        let mut said = asked.to_vec();
        said[2] |= 0x80 | flags;
        if let Some(address) = address.filter(|_| asked[asked.len() - 3] == 1) {
            said[7] = 1;
            said.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
            said.extend_from_slice(&address);
        }
        said
    }

    /// Both on one port, which somebody else may have for TCP where it is free for UDP.
    async fn sockets() -> (UdpSocket, TcpListener) {
        loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                return (udp, tcp);
            }
        }
    }

    async fn resolved(host: &str, flags: u8, noise: bool) -> io::Result<Vec<IpAddr>> {
        let (udp, tcp) = sockets().await;
        let server = NameServer::new(udp.local_addr().unwrap(), Arc::new(SeededEntropy::new(1)));
        let datagrams = async {
            let mut asked = [0; 512];
            loop {
                let (length, from) = udp.recv_from(&mut asked).await.unwrap();
                let asked = &asked[..length];
                if noise {
                    let mut other = reply(asked, 0, Some([10, 0, 0, 1]));
                    other[0] ^= 1;
                    udp.send_to(&other, from).await.unwrap();
                    udp.send_to(b"x", from).await.unwrap();
                }
                let said = (flags == 0).then_some([192, 0, 2, 7]);
                udp.send_to(&reply(asked, flags, said), from).await.unwrap();
            }
        };
        let streams = async {
            loop {
                let (mut stream, _) = tcp.accept().await.unwrap();
                let mut asked = vec![0; usize::from(stream.read_u16().await.unwrap())];
                stream.read_exact(&mut asked).await.unwrap();
                let said = reply(&asked, 0, Some([192, 0, 2, 8]));
                stream.write_u16(said.len().try_into().unwrap()).await.unwrap();
                stream.write_all(&said).await.unwrap();
            }
        };
        tokio::select! {
            found = server.resolve(host) => found,
            () = datagrams => unreachable!("it never ends"),
            () = streams => unreachable!("it never ends"),
        }
    }

    #[tokio::test]
    async fn names_are_asked_for_at_the_server_alone() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(resolved("a.example", 0, false).await.unwrap(), [address("192.0.2.7")]);
        assert_eq!(
            resolved("a.example", 0, true).await.unwrap(),
            [address("192.0.2.7")],
            "others do not count"
        );
        assert_eq!(
            resolved("a.example", 2, false).await.unwrap(),
            [address("192.0.2.8")],
            "cut off: over TCP"
        );
        assert_eq!(resolved("x.LocalHost.", 0, false).await.unwrap(), [address("127.0.0.1"), address("::1")]);
        assert!(resolved("a..example", 0, false).await.is_err());
    }
}
