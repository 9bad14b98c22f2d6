//! Where the gateway goes when a form says so, asked for names at a server of ours.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use http::Method;
use promptgate_e2e::{Gateway, Installation};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use serde_json::{Value, json};
use tokio::net::UdpSocket;

/// Addresses by name and version (1 is 4, 28 is 6); each question takes the next answer, the last one
/// stays.
type Zone = Arc<Mutex<HashMap<(String, u8), Vec<Vec<Vec<u8>>>>>>;

/// Answers questions out of a zone; what is not there has no address.
async fn name_server(zone: Zone) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let serving = async move {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let said = answer(&buffer[..length], &zone);
            let _ = socket.send_to(&said, from).await;
        }
    };
    tokio::runtime::Handle::current().spawn(serving);
    address
}

fn answer(asked: &[u8], zone: &Zone) -> Vec<u8> {
    let (mut name, mut at) = (String::new(), 12);
    while asked[at] != 0 {
        let length = usize::from(asked[at]);
        name.push_str(std::str::from_utf8(&asked[at + 1..=at + length]).unwrap());
        name.push('.');
        at += 1 + length;
    }
    let version = asked[at + 2];
    let mut zone = zone.lock().unwrap();
    let addresses = match zone.get_mut(&(name, version)) {
        Some(left) if left.len() > 1 => left.remove(0),
        Some(left) => left.first().cloned().unwrap_or_default(),
        None => Vec::new(),
    };
    let mut said = asked.to_vec();
    said[2] |= 0x80;
    said[7] = u8::try_from(addresses.len()).unwrap();
    for address in addresses {
        said.extend_from_slice(&[0xc0, 12, 0, version, 0, 1, 0, 0, 0, 0, 0]);
        said.push(u8::try_from(address.len()).unwrap());
        said.extend_from_slice(&address);
    }
    said
}

fn v4(zone: &Zone, name: &str, answers: &[&[&str]]) {
    let parsed = |text: &&str| text.parse::<Ipv4Addr>().unwrap().octets().to_vec();
    let answers = answers.iter().map(|all| all.iter().map(parsed).collect()).collect();
    zone.lock().unwrap().insert((format!("{name}."), 1), answers);
}

fn v6(zone: &Zone, name: &str, address: &str) {
    let address = address.parse::<Ipv6Addr>().unwrap().octets().to_vec();
    zone.lock().unwrap().insert((format!("{name}."), 28), vec![vec![address]]);
}

async fn call(gateway: &Gateway, method: Method, path: &str, body: Value, status: u16) -> Value {
    gateway.admin(method, path, &body).await.unwrap().expect(status).unwrap()
}

/// What a look at an address comes to.
async fn look(gateway: &Gateway, name: &str, url: &str) -> Value {
    let body = json!({"name": name, "url": url, "enabled": false});
    let made = call(gateway, Method::POST, "/monitoring/services", body, 201).await;
    let path = format!("/monitoring/services/{}/check", made["id"].as_str().unwrap());
    call(gateway, Method::POST, &path, Value::Null, 200).await
}

fn is_refused(seen: &Value, words: &[&str]) {
    assert_eq!((&seen["status"], &seen["lastStatusCode"]), (&json!("degraded"), &Value::Null), "{seen}");
    let error = seen["lastError"].as_str().unwrap();
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[tokio::test]
async fn monitoring_goes_where_everybody_could() {
    let zone = Zone::default();
    let server = name_server(Arc::clone(&zone)).await;
    let installation = Installation::embedded()
        .unwrap()
        .set("PROMPTGATE_DNS_SERVER", &server.to_string())
        .set("PROMPTGATE_SSRF_ALLOWED_HOSTS", "listed.test, *.never");
    let refused = Gateway::run_all(&installation).await.err().map(|error| format!("{error:#}"));
    assert!(refused.is_some(), "what is no host refuses the start");

    let installation = installation.set("PROMPTGATE_SSRF_ALLOWED_HOSTS", "listed.test");
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let upstream = ScriptedUpstream::start().await.unwrap();
    upstream.otherwise(Reply::status(200));
    let port = upstream.url().rsplit_once(':').unwrap().1.to_owned();

    // Whatever this machine is called.
    for (number, host) in [
        "127.0.0.1",
        "2130706433",
        "0177.0.0.1",
        "0x7f.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "user:secret@127.0.0.1",
        "localhost",
    ]
    .into_iter()
    .enumerate()
    {
        let seen = look(&gateway, &format!("literal-{number}"), &format!("http://{host}:{port}/")).await;
        is_refused(&seen, &["PROMPTGATE_SSRF_ALLOWED_HOSTS"]);
        assert!(!seen["lastError"].as_str().unwrap().contains("secret"), "{seen}");
    }
    // Names: one bad address among good ones, of either version, and one that changes its mind.
    v4(&zone, "mixed.test", &[&["198.51.45.7", "10.0.0.7"]]);
    is_refused(
        &look(&gateway, "mixed", &format!("http://mixed.test:{port}/")).await,
        &["mixed.test", "10.0.0.7"],
    );
    v4(&zone, "six.test", &[&["198.51.45.7"]]);
    v6(&zone, "six.test", "fd00:ec2::254");
    is_refused(&look(&gateway, "six", &format!("http://six.test:{port}/")).await, &["fd00:ec2::254"]);
    v4(&zone, "rebind.test", &[&["198.51.45.7", "169.254.169.254"], &["127.0.0.1"]]);
    for word in ["169.254.169.254", "127.0.0.1"] {
        let name = format!("rebind-{}", word.len());
        is_refused(
            &look(&gateway, &name, &format!("http://rebind.test:{port}/")).await,
            &["rebind.test", word],
        );
    }
    is_refused(
        &look(&gateway, "nobody", "http://nobody.test/").await,
        &["nobody.test", "cannot be resolved"],
    );
    assert!(upstream.last_request().is_none(), "nobody came");

    // What the operator lists is called, and no further than it leads.
    v4(&zone, "listed.test", &[&["127.0.0.1"]]);
    let listed = format!("http://listed.test:{port}/");
    assert_eq!(look(&gateway, "listed", &listed).await["lastStatusCode"], 200);
    for (number, target) in
        ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/", "http://0xa9fea9fe/"]
            .into_iter()
            .enumerate()
    {
        upstream.otherwise(Reply::status(302).header("location", target));
        is_refused(&look(&gateway, &format!("redirect-{number}"), &listed).await, &["is at "]);
    }

    // A form says so at once, unless nobody knows the host yet.
    let server = |name: &str, url: &str| json!({"name": name, "url": url});
    for url in ["http://127.0.0.1:9/mcp", "http://mixed.test/mcp", "https://[::1]/"] {
        let wrong = call(&gateway, Method::POST, "/mcp/servers", server("x", url), 400).await;
        assert_eq!((&wrong["error"], &wrong["field"]), (&json!("invalid_url"), &json!("url")), "{wrong}");
        assert!(wrong["message"].as_str().unwrap().contains(" is at "), "{wrong}");
    }
    for (name, url) in [("listed", "http://listed.test/mcp"), ("later", "https://later.test/mcp")] {
        let made = call(&gateway, Method::POST, "/mcp/servers", server(name, url), 201).await;
        let path = format!("/mcp/servers/{}", made["id"].as_str().unwrap());
        call(&gateway, Method::PATCH, &path, json!({"url": "http://10.0.0.1/"}), 400).await;
        call(&gateway, Method::PATCH, &path, json!({"enabled": false}), 200).await;
    }
    // Providers may be in the house, but not where machines are told their secrets.
    let project = gateway.project().await.unwrap();
    gateway.provider("thief", "openai_compatible", "http://169.254.169.254/v1").await.unwrap();
    gateway.caught_up().await.unwrap();
    let url = format!("{}/api/{}/v1/chat/completions", gateway.proxy, project.id);
    let body = json!({"model": "thief:m", "messages": [{"role": "user", "content": "Hi"}]});
    let answer = promptgate_e2e::Client::new().bearer(&project.token).post(&url, &body).await.unwrap();
    assert_eq!(answer.status, 502, "{}", answer.text());
}
