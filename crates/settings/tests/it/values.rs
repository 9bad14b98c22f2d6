//! The forms of values, and what is said of wrong ones.

use std::fs;
use std::time::Duration;

use promptgate_settings::{AdminKeySetting, Kind, Process, VARIABLES};

use crate::{KEY, refusal, with};

#[test]
fn wrong_values_are_one_line_with_name_problem_and_form() {
    let cases = [
        ("PROMPTGATE_PORT", "80a", "must be a port from 0 to 65535, such as 8080 (`80a` from environment)"),
        (
            "PROMPTGATE_PORT",
            "65536",
            "must be a port from 0 to 65535, such as 8080 (`65536` from environment)",
        ),
        (
            "PROMPTGATE_SESSION_TTL",
            "300",
            "must be a duration with a unit, such as 250ms, 30s or 1h30m (`300` from environment)",
        ),
        ("PROMPTGATE_SESSION_TTL", "0", "must be greater than zero, such as 30s (`0` from environment)"),
        (
            "PROMPTGATE_LOG_LEVEL",
            "loud",
            "must be one of debug, info, warn, warning, error (`loud` from environment)",
        ),
        ("PROMPTGATE_PROXY_TRUST_FORWARD_HEADERS", "yes", "must be true or false (`yes` from environment)"),
        (
            "PROMPTGATE_PROXY_TRUSTED_PROXIES",
            "10.0.0.0/8,not-a-cidr",
            "has `not-a-cidr`, which is not a network, such as 10.0.0.0/8 (`10.0.0.0/8,not-a-cidr` from environment)",
        ),
        (
            "PROMPTGATE_PROXY_TRUSTED_PROXIES",
            "10.0.0.1",
            "has `10.0.0.1`, which is not a network, such as 10.0.0.0/8 (`10.0.0.1` from environment)",
        ),
        ("PROMPTGATE_DB_MAX_OPEN_CONNS", "-1", "must be a whole number above zero (`-1` from environment)"),
        ("PROMPTGATE_DB_MAX_OPEN_CONNS", "0", "must be greater than zero (`0` from environment)"),
        (
            "PROMPTGATE_HOST",
            "127.0.0.1:80",
            "must be an IP address or a host name without a port, such as 127.0.0.1 or 0.0.0.0 (`127.0.0.1:80` from environment)",
        ),
        (
            "PROMPTGATE_REDIS_URL",
            "localhost:6379",
            "must be redis://host:6379/0, or rediss://… for TLS (from environment)",
        ),
        ("PROMPTGATE_USAGE_COST_INPUT", "NaN", "must be a valid number (`NaN` from environment)"),
        ("PROMPTGATE_USAGE_COST_INPUT", "five", "must be a valid number (`five` from environment)"),
        (
            "PROMPTGATE_USAGE_COST_OUTPUT",
            "-0.5",
            "must be greater than or equal to zero (`-0.5` from environment)",
        ),
        (
            "PROMPTGATE_BACKEND_BASE_URL",
            "localhost",
            "must be an address that begins with http:// or https:// (from environment)",
        ),
        (
            "PROMPTGATE_TIMEZONE",
            "../etc",
            "must be the name of a time zone, such as UTC or Europe/Berlin (`../etc` from environment)",
        ),
    ];
    for (name, value, expected) in cases {
        assert_eq!(refusal(Process::RunAll, &[(name, value)]), format!("{name} {expected}"));
    }
}

#[test]
fn wrong_secrets_are_not_repeated() {
    let cases = [
        ("PROMPTGATE_JWT_SECRET", "openssl rand -base64 48"),
        ("PROMPTGATE_SECRETS_KEY", "openssl rand -base64 32"),
        ("PROMPTGATE_SECRETS_KEYS_OLD", "base64 of 32 bytes"),
        ("PROMPTGATE_DATABASE_URL", "postgres://user:password@host/database"),
        ("PROMPTGATE_REDIS_URL", "redis://host:6379/0"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "name=value"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
    ];
    for (name, help) in cases {
        let line = refusal(Process::RunAll, &[(name, "canary://canary")]);
        assert!(line.starts_with(name) && line.contains(help) && !line.contains("canary"), "{line}");
    }
}

#[test]
fn several_wrong_values_are_all_named() {
    let error = with(&[("PROMPTGATE_PORT", "x"), ("PROMPTGATE_LOG_FORMAT", "xml")])
        .check(Process::Api)
        .expect_err("both are wrong");
    assert_eq!(error.to_string().lines().count(), 2);
}

#[test]
fn every_duration_refuses_zero_and_negative_values() {
    for variable in VARIABLES.iter().filter(|variable| variable.kind == Kind::Duration) {
        let readers = Process::ALL.into_iter().filter(|process| variable.is_read_by(*process));
        for process in readers {
            for value in ["0", "0s", "-5m"] {
                let line = refusal(process, &[(variable.name, value)]);
                assert!(line.starts_with(variable.name) && line.contains("greater than zero"), "{line}");
            }
        }
    }
}

#[test]
fn session_lifetime_has_a_default_and_can_be_set() {
    assert_eq!(with(&[]).sessions().expect("valid").lifetime, Duration::from_hours(8));
    let settings = with(&[("PROMPTGATE_SESSION_TTL", "90m")]);
    assert_eq!(settings.sessions().expect("valid").lifetime, Duration::from_mins(90));
}

#[test]
fn the_admin_key_is_trimmed_and_blank_switches_it_off() {
    let key = |value| with(&[("PROMPTGATE_ADMIN_API_KEY", value)]).api().expect("valid").admin_api_key;
    assert!(matches!(key(""), AdminKeySetting::Unset));
    assert!(matches!(key("  "), AdminKeySetting::Off));
    assert!(matches!(key(" x "), AdminKeySetting::Key(key) if key.expose() == "x"));
}

#[test]
fn the_proxy_address_is_given_or_derived() {
    let proxy = |environment: &[(&str, &str)]| with(environment).api().expect("valid").proxy_base_url;
    assert_eq!(proxy(&[]), "http://localhost:8081");
    assert_eq!(proxy(&[("PROMPTGATE_PROXY_BASE_URL", "https://p.example/x/")]), "https://p.example/x");
    let derived =
        [("PROMPTGATE_BACKEND_BASE_URL", "http://127.0.0.1:8080"), ("PROMPTGATE_PROXY_PORT", ":9090")];
    assert_eq!(proxy(&derived), "http://127.0.0.1:9090");
    let with_path =
        [("PROMPTGATE_BACKEND_BASE_URL", "https://pg.example/a?b#c"), ("PROMPTGATE_PROXY_PORT", "9090")];
    assert_eq!(proxy(&with_path), "https://pg.example:9090/a");
}

#[test]
fn usage_costs_have_defaults_and_can_be_changed_and_switched_off() {
    let cost = with(&[]).api().expect("valid").usage_cost;
    assert!(cost.enabled);
    assert_eq!(format!("{} {} {}", cost.input, cost.output, cost.embedding), "5 30 0.02");
    let changed = [
        ("PROMPTGATE_USAGE_COST_ENABLED", "F"),
        ("PROMPTGATE_USAGE_COST_INPUT", "1.25"),
        ("PROMPTGATE_USAGE_COST_EMBEDDING", "0"),
    ];
    let cost = with(&changed).api().expect("valid").usage_cost;
    assert!(!cost.enabled);
    assert_eq!(format!("{} {} {}", cost.input, cost.output, cost.embedding), "1.25 30 0");
}

#[test]
fn directories_and_certificate_files_must_be_there() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    fs::write(path("ca.pem"), "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n")
        .expect("written");
    fs::write(path("empty.pem"), "nothing\n").expect("written");
    let (directory_path, file, empty, missing) =
        (path(""), path("ca.pem"), path("empty.pem"), path("missing"));

    let good = with(&[("PROMPTGATE_CA_FILE", &file), ("PROMPTGATE_STATIC_ASSETS_DIR", &directory_path)]);
    good.check(Process::Api).expect("both are there");
    assert!(good.secrets().expect("valid").ca_file.is_some());
    assert!(good.api().expect("valid").static_assets_dir.is_some());

    for process in [Process::Api, Process::Schedule] {
        for wrong in [&directory_path, &empty, &missing] {
            assert!(
                refusal(process, &[("PROMPTGATE_CA_FILE", wrong)])
                    .starts_with("PROMPTGATE_CA_FILE must be a file")
            );
        }
    }
    for wrong in [&file, &missing] {
        let line = refusal(Process::Api, &[("PROMPTGATE_STATIC_ASSETS_DIR", wrong)]);
        assert!(line.starts_with("PROMPTGATE_STATIC_ASSETS_DIR must be a directory"), "{line}");
    }
}

#[test]
fn lists_are_separated_by_blanks_and_commas() {
    let origins =
        |value| with(&[("PROMPTGATE_CORS_ALLOWED_ORIGINS", value)]).proxy().expect("valid").allowed_origins;
    let expected = ["https://a.example", "https://b.example", "https://c.example"];
    assert_eq!(origins("https://a.example,https://b.example/ ,, https://c.example"), expected);
    assert_eq!(origins(""), [""; 0]);
    let frontend = with(&[("PROMPTGATE_FRONTEND_BASE_URL", "http://localhost:3000/")]);
    assert_eq!(
        frontend.api().expect("valid").allowed_origins,
        ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000"]
    );
}

#[test]
fn networks_lose_their_host_bits() {
    let proxy = with(&[("PROMPTGATE_PROXY_TRUSTED_PROXIES", "10.1.2.3/8, 2001:db8::1/32")])
        .data_plane()
        .expect("valid");
    let networks: Vec<_> = proxy.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "2001:db8::/32"]);
}

#[test]
fn the_secrets_key_may_be_raw_or_base64() {
    let id = |value| {
        let key = with(&[("PROMPTGATE_SECRETS_KEY", value)]).secrets().expect("valid").key;
        key.expect("it is set").id()
    };
    assert_eq!(id(KEY), id("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
}

#[test]
fn traces_go_where_the_usual_variables_say() {
    let traces = |environment: &[(&str, &str)]| with(environment).server().expect("valid").traces;
    assert!(traces(&[]).is_none());
    let base = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b, c=d=e"),
    ];
    let found = traces(&base).expect("it is set");
    assert_eq!(found.endpoint, "http://127.0.0.1:4318/v1/traces");
    assert_eq!((found.headers[1].0.as_str(), found.headers[1].1.expose().as_str()), ("c", "d=e"));
    let whole = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4318/x"), base[0]];
    assert_eq!(traces(&whole).expect("it is set").endpoint, "http://127.0.0.1:4318/x");
}
