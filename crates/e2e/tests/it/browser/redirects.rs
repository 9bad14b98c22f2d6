//! Addresses that strangers wrote lead nowhere but to the frontend.

use std::fmt::Write;

use promptgate_e2e::{Client, Response};

use super::{host_of, with};
use crate::sign_in::ADMINISTRATOR;
use crate::sign_in::visitor::Visitor;

const FRONTEND: &str = "http://localhost:3000";

/// Where a stranger would like a browser to be sent, before it is put into an address.
const ELSEWHERE: [&str; 24] = [
    "//evil.example",
    "///evil.example",
    "////evil.example/%2e%2e",
    "https://evil.example",
    "HTTPS://evil.example/dashboard",
    "https:evil.example",
    "http:/evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    " //evil.example",
    "\u{0}//evil.example",
    "/\u{7f}/evil.example",
    "/x\r\nset-cookie: promptgate_session=planted",
    "evil.example",
    "@evil.example",
    ":80@evil.example",
    ".evil.example/",
    "javascript:alert(1)",
    "%2F%2Fevil.example",
];

/// The origins of frontends that are not this one.
const FRONTENDS: [&str; 9] = [
    "https://evil.example",
    "http://evil.example:3000",
    "http://localhost:3001",
    "https://localhost:3000",
    "http://localhost:3000@evil.example",
    "http://localhost.evil.example:3000",
    "http://localhost:3000\\@evil.example",
    "//evil.example",
    "http://127.0.0.1:3000/evil",
];

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "%{byte:02X}");
        all
    })
}

fn location(answer: &Response) -> &str {
    assert_eq!(answer.status, 302, "{}", answer.text());
    let all: Vec<_> = answer.headers.get_all("location").iter().collect();
    assert_eq!(all.len(), 1);
    all[0].to_str().unwrap()
}

/// Goes through every address, once signed out and once signed in, with the frontend at `frontend`.
async fn nothing_leads_elsewhere(frontend: &str, settings: &[(&str, &str)]) {
    let (_installation, gateway) = with(settings).await;
    // Under the name that identity providers know: under another, the first step is to go to that one.
    let host = host_of(&gateway.api).replace("127.0.0.1", "localhost");
    let stranger = Visitor::at(&gateway.api).with("host", &host).with("origin", &format!("http://{host}"));
    let parameters = ELSEWHERE.map(|text| format!("redirect={}", encoded(text)));
    for (given, parameter) in ELSEWHERE.iter().zip(&parameters) {
        let begun = stranger.get(&format!("/auth/login?{parameter}")).await;
        assert_eq!(location(&begun), format!("{frontend}/login?redirect=%2Fdashboard"), "{given:?}");
        let left = stranger.get(&format!("/auth/logout?{parameter}")).await;
        assert_eq!(location(&left), format!("{frontend}/login"), "{given:?}");
        let came_back = stranger.get(&format!("/auth/callback?state=x&code=y&error=z&{parameter}")).await;
        let page = location(&came_back);
        assert!(page.starts_with(&format!("{frontend}/login?authError=")), "{given:?}: {page}");
        assert!(!page.contains("evil"), "{given:?}: {page}");
    }
    for (given, parameter) in ELSEWHERE.iter().zip(&parameters) {
        let answer = stranger.sign_in(ADMINISTRATOR, crate::sign_in::PASSWORD).await;
        let left = stranger.with_session_of(&answer).get(&format!("/auth/logout?{parameter}")).await;
        assert_eq!(location(&left), format!("{frontend}/dashboard"), "{given:?}");
    }
    for given in FRONTENDS {
        for path in ["/auth/login", "/auth/logout"] {
            let led = stranger.get(&format!("{path}?frontend_origin={}", encoded(given))).await;
            assert_eq!(location(&led), format!("{frontend}/login"), "{given} {path}");
        }
    }
    // What is fine is followed.
    let good = format!("/auth/login?redirect={}", encoded("/admin/users?page=2&q=//x#top"));
    let led = stranger.get(&good).await;
    let kept = "%2Fadmin%2Fusers%3Fpage%3D2%26q%3D%2F%2Fx%23top";
    assert_eq!(location(&led), format!("{frontend}/login?redirect={kept}"));
}

#[tokio::test]
async fn where_the_frontend_is_elsewhere() {
    nothing_leads_elsewhere(FRONTEND, &[("PROMPTGATE_FRONTEND_BASE_URL", FRONTEND)]).await;
}

#[tokio::test]
async fn where_the_api_is_the_frontend() {
    nothing_leads_elsewhere("", &[]).await;
}

#[tokio::test]
async fn another_name_of_this_machine_leads_to_the_known_one_alone() {
    let (_installation, gateway) = with(&[]).await;
    let port = gateway.api.rsplit_once(':').unwrap().1;
    let led = async |host: &str| {
        let client = Client::new().header("host", host);
        let answer = client.get(&format!("{}/auth/login?redirect=%2F%2Fevil.example", gateway.api)).await;
        location(&answer.unwrap()).to_owned()
    };
    let known = format!("http://localhost:{port}/auth/login?redirect=%2F%2Fevil.example");
    assert_eq!(led(&format!("127.0.0.1:{port}")).await, known);
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "gate@evil.example"] {
        for host in [host.to_owned(), format!("{host}:{port}")] {
            assert_eq!(led(&host).await, "/login?redirect=%2Fdashboard", "{host}");
        }
    }
    // The page of the documentation is the only other one that is moved.
    for path in ["/api/docs", "//api/docs", "//evil.example/api/docs", "/%5Cevil.example/.."] {
        let answer = Client::new().get(&format!("{}{path}", gateway.api)).await.unwrap();
        let to = answer.header("location").unwrap_or("/");
        assert!(to.starts_with('/') && !to.starts_with("//"), "{path}: {to}");
    }
}
