//! Throwaway nginx in front of a server, over TLS and in the open.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::server::{self, Recipe, RunAs, Server};

/// An nginx that passes everything on, as its documentation recommends: with `X-Forwarded-For`, `-Proto`
/// and `-Host`. Its certificate is signed by nobody. Stops when dropped.
#[derive(Debug)]
pub struct Nginx {
    http: String,
    https: String,
    ports: [u16; 2],
    server: Server,
}

impl Nginx {
    /// Starts one in front of a port of this machine, to which it connects from `address`, one of
    /// 127.0.0.0/8: so that it can be told from whoever else connects.
    pub async fn in_front_of(port: u16, address: &str) -> anyhow::Result<Self> {
        let address = address.to_owned();
        tokio::task::spawn_blocking(move || Self::start(&[port], &address)).await?
    }

    /// Starts one in front of several ports of this machine, which take turns.
    pub async fn in_front_of_all(ports: &[u16]) -> anyhow::Result<Self> {
        let ports = ports.to_vec();
        tokio::task::spawn_blocking(move || Self::start(&ports, "127.0.0.1")).await?
    }

    /// Where it is in the open, such as `http://127.0.0.1:4711`.
    pub fn http(&self) -> &str {
        &self.http
    }

    /// Where it is over TLS.
    pub fn https(&self) -> &str {
        &self.https
    }

    /// From now on, and as soon as this returns, new calls are passed on to these ports alone, as an operator
    /// does it: with a new configuration and a signal. Calls under way end where they are.
    pub async fn pass_on_to(&self, ports: &[u16]) -> anyhow::Result<()> {
        let directory = self.server.directory();
        std::fs::write(
            directory.join("nginx.conf"),
            configuration(directory, self.ports, ports, "127.0.0.1"),
        )?;
        self.server.signal("HUP")?;
        let (open, wanted) = (self.ports[0], behind(ports));
        let heard = tokio::task::spawn_blocking(move || {
            let deadline = Instant::now() + Duration::from_secs(20);
            while Instant::now() < deadline {
                if names_behind(open).is_some_and(|named| named == wanted) {
                    return true;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            false
        });
        anyhow::ensure!(heard.await?, "nginx did not take its configuration: {}", self.complaints());
        Ok(())
    }

    /// What it complained of so far.
    pub fn complaints(&self) -> String {
        self.server.log()
    }

    fn start(ports: &[u16], address: &str) -> anyhow::Result<Self> {
        let [nginx, openssl] = ["nginx", "openssl"].map(find);
        let (nginx, openssl) = (nginx?, openssl?);
        let run_as = RunAs::instead_of_root("www-data")?;
        server::on_a_free_port(|open| {
            let tls = server::free_port()?;
            let server = Server::start(&Recipe {
                name: "nginx",
                run_as,
                stop_signal: "TERM",
                command: &|directory| {
                    command(
                        &openssl,
                        &nginx,
                        directory,
                        &configuration(directory, [open, tls], ports, address),
                    )
                },
                ready: &|_| [open, tls].into_iter().all(listens),
            })?;
            let [http, https] =
                [("http", open), ("https", tls)].map(|(scheme, port)| format!("{scheme}://127.0.0.1:{port}"));
            Ok(Self { http, https, ports: [open, tls], server })
        })
    }
}

/// Makes the certificate and writes the configuration, then becomes the server.
fn command(openssl: &Path, nginx: &Path, directory: &Path, configuration: &str) -> Vec<OsString> {
    const SCRIPT: &str = r#"
cd "$2" && "$0" req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
  -subj /CN=localhost -keyout key.pem -out certificate.pem || exit 1
printf '%s' "$3" >nginx.conf
exec "$1" -p "$2" -c "$2/nginx.conf" -e stderr
"#;
    let words: [&std::ffi::OsStr; 7] = [
        "sh".as_ref(),
        "-c".as_ref(),
        SCRIPT.as_ref(),
        openssl.as_os_str(),
        nginx.as_os_str(),
        directory.as_os_str(),
        configuration.as_ref(),
    ];
    words.into_iter().map(OsString::from).collect()
}

fn configuration(directory: &Path, [open, tls]: [u16; 2], ports: &[u16], address: &str) -> String {
    let here = directory.display();
    let kept: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {here}/{what};\n"))
        .concat();
    // One alone is called by its own name.
    let target = match ports {
        [port] => format!("127.0.0.1:{port}"),
        _ => "behind".to_owned(),
    };
    let named = behind(ports);
    let behind: Vec<_> = ports.iter().map(|port| format!("server 127.0.0.1:{port} max_fails=0; ")).collect();
    let behind = behind.concat();
    format!(
        "daemon off; worker_processes 1; pid {here}/nginx.pid;
         events {{ worker_connections 256; }}
         http {{
           access_log off;
           {kept}
           ssl_certificate {here}/certificate.pem; ssl_certificate_key {here}/key.pem;
           upstream behind {{ {behind}}}
           server {{
             listen 127.0.0.1:{open}; listen 127.0.0.1:{tls} ssl;
             client_max_body_size 0;
             location = /nginx-passes-on-to {{ return 200 \"<{named}>\"; }}
             location / {{
               proxy_pass http://{target}; proxy_bind {address}; proxy_http_version 1.1;
               proxy_set_header Connection \"\";
               proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
               proxy_set_header X-Forwarded-Proto $scheme;
               proxy_set_header X-Forwarded-Host $http_host;
             }}
           }}
         }}"
    )
}

/// The names of the ports, as this nginx gives them.
fn behind(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" ")
}

/// Whom it passes calls on to.
fn names_behind(port: u16) -> Option<String> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    connection.write_all(b"GET /nginx-passes-on-to HTTP/1.0\r\n\r\n").ok()?;
    let mut said = String::new();
    connection.read_to_string(&mut said).ok()?;
    Some(said.split_once('<')?.1.split_once('>')?.0.to_owned())
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Debian keeps nginx where only root looks.
fn find(name: &str) -> anyhow::Result<PathBuf> {
    let found = server::find_program(name, &[PathBuf::from("/usr/sbin")]);
    found.with_context(|| {
        format!("{name} is not installed: `apt-get install {name}` (its service need not run)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::ScriptedUpstream;

    #[tokio::test]
    async fn it_listens_twice_until_it_is_dropped() {
        if find("nginx").is_err() || find("openssl").is_err() {
            // Whoever has none is told by `cargo xtask test` what is left out.
            return;
        }
        let upstream = ScriptedUpstream::start().await.unwrap();
        let port = upstream.url().rsplit_once(':').unwrap().1.parse().unwrap();
        let nginx = Nginx::in_front_of(port, "127.0.0.2").await.unwrap();
        let ports = [nginx.http(), nginx.https()].map(|url| url.rsplit_once(':').unwrap().1.parse().unwrap());
        assert!(ports.into_iter().all(listens));
        drop(nginx);
        assert!(!ports.into_iter().any(listens));
    }
}
