//! Each process reads and needs its own settings only.

use std::time::Duration;

use promptgate_settings::{Process, SettingsError, VARIABLES};

use crate::{KEY, POSTGRES, refusal, with};

#[test]
fn nothing_is_required_on_the_embedded_default() {
    for process in Process::ALL {
        with(&[]).check(process).unwrap_or_else(|error| panic!("{}: {error}", process.name()));
    }
}

#[test]
fn cluster_mode_requires_the_secrets_where_they_are_read() {
    let database = ("PROMPTGATE_DATABASE_URL", POSTGRES);
    let key = ("PROMPTGATE_SECRETS_KEY", KEY);
    for process in [Process::Api, Process::Proxy, Process::Schedule, Process::RunAll] {
        let line = refusal(process, &[database, key]);
        assert!(line.starts_with("PROMPTGATE_JWT_SECRET is required with PostgreSQL"), "{line}");
        let line = refusal(process, &[database, ("PROMPTGATE_JWT_SECRET", KEY)]);
        assert!(line.starts_with("PROMPTGATE_SECRETS_KEY is required with PostgreSQL"), "{line}");
        with(&[database, key, ("PROMPTGATE_JWT_SECRET", KEY)]).check(process).expect("nothing is missing");
    }
    for process in [Process::Worker, Process::Migrate] {
        with(&[database]).check(process).expect("it needs the database alone");
    }
}

#[test]
fn a_process_is_not_stopped_by_what_it_does_not_read() {
    let wrong = [("PROMPTGATE_PROXY_UPSTREAM_TIMEOUT", "soon"), ("OPENAI_API_KEY", "x")];
    for process in [Process::Worker, Process::Schedule, Process::Migrate] {
        with(&wrong).check(process).unwrap_or_else(|error| panic!("{}: {error}", process.name()));
    }
    // The API process calls AI endpoints itself, for replays and golden sets.
    for process in [Process::Api, Process::Proxy, Process::RunAll] {
        assert!(refusal(process, &wrong).starts_with("PROMPTGATE_PROXY_UPSTREAM_TIMEOUT"));
    }
}

#[test]
fn the_sections_of_a_process_hold_nothing_that_it_is_not_said_to_read() {
    for process in Process::ALL {
        let strange = VARIABLES.iter().filter(|variable| !variable.is_read_by(process));
        let wrong: Vec<_> = strange.map(|variable| (variable.name, "?!")).collect();
        let settings = with(&wrong);
        let read = |section: Result<(), SettingsError>| {
            section.unwrap_or_else(|error| panic!("{}: {error}", process.name()));
        };
        read(settings.common().map(drop));
        match process {
            Process::Api => {
                read(settings.api().map(drop));
                read(settings.data_plane().map(drop));
            }
            Process::Proxy => {
                read(settings.proxy().map(drop));
                read(settings.data_plane().map(drop));
            }
            Process::Worker => read(settings.worker().map(drop)),
            Process::Schedule => read(settings.scheduler().map(drop)),
            Process::Migrate => {}
            Process::RunAll => read(settings.first_start().map(drop)),
        }
        if process != Process::Migrate {
            read(settings.server().map(drop));
        }
    }
}

#[test]
fn the_settings_of_the_older_readme_work() {
    let readme = [
        ("PROMPTGATE_DATABASE_URL", "postgres://postgres:postgres@localhost:5432/promptgate?sslmode=disable"),
        ("PROMPTGATE_REDIS_URL", "redis://localhost:6379/0"),
        ("PROMPTGATE_KEYCLOAK_ISSUER_URL", "http://localhost:8082/realms/promptgate"),
        (
            "PROMPTGATE_KEYCLOAK_JWKS_URL",
            "http://localhost:8082/realms/promptgate/protocol/openid-connect/certs",
        ),
        ("PROMPTGATE_KEYCLOAK_CLIENT_ID", "promptgate-backend"),
        ("PROMPTGATE_FRONTEND_BASE_URL", "http://localhost:3000"),
        ("PROMPTGATE_BACKEND_BASE_URL", "http://localhost:8080"),
        ("PROMPTGATE_JWT_SECRET", "0123456789abcdef0123456789abcdef0123456789abcdef"),
        ("PROMPTGATE_SECRETS_KEY", KEY),
    ];
    for process in Process::ALL {
        let settings = with(&readme);
        settings.check(process).unwrap_or_else(|error| panic!("{}: {error}", process.name()));
        assert!(settings.warnings().is_empty() && settings.is_cluster());
    }
}

#[test]
fn defaults_are_those_of_the_contract() {
    let settings = with(&[]);
    let scheduler = settings.scheduler().expect("valid");
    assert_eq!(scheduler.usage_raw_retention, Duration::from_hours(2160));
    assert_eq!(scheduler.usage_raw_cleanup_interval, Duration::from_hours(1));
    let worker = settings.worker().expect("valid");
    assert_eq!(worker.batch_size, 1_000);
    assert_eq!(worker.block_timeout, Duration::from_secs(5));
    assert_eq!(worker.pending_idle_timeout, Duration::from_secs(30));
    assert_eq!(worker.consumer_name, None);
    let plane = settings.data_plane().expect("valid");
    assert_eq!((plane.max_request_bytes, plane.max_response_bytes), (32 << 20, 64 << 20));
    assert_eq!(plane.timeouts.total, Duration::from_mins(2));
    assert_eq!(plane.poll_interval, Duration::from_millis(250));
    assert_eq!(plane.drain_after_disconnect, None);
    assert_eq!(settings.proxy().expect("valid").client_write_timeout, Duration::from_mins(1));
    let database = settings.common().expect("valid").database;
    assert_eq!((database.max_connections, database.idle_connections), (10, 5));
    assert_eq!(settings.server().expect("valid").shutdown_timeout, Duration::from_secs(10));
}

#[test]
fn the_workers_settings_can_be_changed() {
    let settings = with(&[
        ("PROMPTGATE_WORKER_BATCH_SIZE", "7"),
        ("PROMPTGATE_WORKER_BLOCK_TIMEOUT", "250ms"),
        ("PROMPTGATE_WORKER_CONSUMER_NAME", " w "),
        ("PROMPTGATE_PROXY_CLIENT_DISCONNECT", "drain"),
        ("PROMPTGATE_DATABASE_URL", POSTGRES),
    ]);
    let worker = settings.worker().expect("valid");
    assert_eq!((worker.batch_size, worker.block_timeout), (7, Duration::from_millis(250)));
    assert_eq!(worker.consumer_name.as_deref(), Some("w"));
    let plane = settings.data_plane().expect("valid");
    assert_eq!(plane.drain_after_disconnect, Some(Duration::from_secs(30)));
    assert_eq!(plane.poll_interval, Duration::from_millis(500));
}
