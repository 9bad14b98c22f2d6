//! The variables that an older README shows, in a `.env` of a parent directory.

use std::fs;

use promptgate_e2e::{Client, Installation, Process, eventually, free_port};

/// A cluster whose settings stand in `.env` above the working directory, and nowhere else.
async fn installation(ports: [u16; 3]) -> Installation {
    let given = Installation::on_postgres_and_redis().await.unwrap();
    let [database, redis] = ["PROMPTGATE_DATABASE_URL", "PROMPTGATE_REDIS_URL"]
        .map(|name| given.setting(name).unwrap().to_owned());
    let [api, proxy, scheduler] = ports;
    let settings = format!(
        "# The older names.\n\
         PROMPTGATE_LOG_LEVEL=debug\n\
         PROMPTGATE_DATABASE_URL={database}\n\
         PROMPTGATE_REDIS_URL={redis}\n\
         PROMPTGATE_KEYCLOAK_ISSUER_URL=http://127.0.0.1:9/realms/promptgate\n\
         PROMPTGATE_KEYCLOAK_JWKS_URL=http://127.0.0.1:9/realms/promptgate/protocol/openid-connect/certs\n\
         PROMPTGATE_KEYCLOAK_CLIENT_ID=promptgate-backend\n\
         PROMPTGATE_FRONTEND_BASE_URL=http://localhost:3000\n\
         PROMPTGATE_BACKEND_BASE_URL=http://localhost:{api}\n\
         export PROMPTGATE_JWT_SECRET=\"change-me-to-a-long-random-secret-value\"\n\
         PROMPTGATE_SECRETS_KEY=0123456789abcdef0123456789abcdef\n\
         PROMPTGATE_PORT=:{api}\n\
         PROMPTGATE_PROXY_PORT={proxy}\n\
         PROMPTGATE_SCHEDULER_PORT={scheduler}\n"
    );
    fs::write(given.path().join(".env"), settings).unwrap();
    let directory = given.path().join("somewhere/below");
    fs::create_dir_all(&directory).unwrap();
    given
        .unset("PROMPTGATE_DATABASE_URL")
        .unset("PROMPTGATE_REDIS_URL")
        .unset("PROMPTGATE_SECRETS_KEY")
        .unset("PROMPTGATE_JWT_SECRET")
        .unset("PROMPTGATE_ADMIN_API_KEY")
        .unset("PROMPTGATE_PORT")
        .unset("PROMPTGATE_PROXY_PORT")
        .unset("PROMPTGATE_SCHEDULER_PORT")
        .working_in("somewhere/below")
}

async fn healthy(process: &mut Process, port: u16) {
    let client = Client::new();
    let url = format!("http://127.0.0.1:{port}/readyz");
    eventually("readiness", std::time::Duration::from_mins(1), || {
        let (client, url, runs) = (client.clone(), url.clone(), process.runs());
        async move {
            if !runs {
                return Some(());
            }
            client.get(&url).await.ok().filter(|answer| answer.status == 200).map(drop)
        }
    })
    .await
    .unwrap_or_else(|error| panic!("{error}: {}", process.said()));
    assert!(process.runs(), "{}", process.said());
}

#[tokio::test]
async fn every_command_works_with_them() {
    let ports = [free_port(), free_port(), free_port()];
    let installation = installation(ports).await;
    let migrated = installation.start("promptgate", &["migrate"]).unwrap().end().await.unwrap();
    assert!(migrated.status.success(), "{}{}", migrated.output, migrated.errors);

    let mut processes =
        ["api", "proxy", "schedule"].map(|command| installation.start("promptgate", &[command]).unwrap());
    for (process, port) in processes.iter_mut().zip(ports) {
        healthy(process, port).await;
    }
    for process in processes {
        let ended = process.terminate().await.unwrap();
        assert!(ended.status.success(), "{}{}", ended.output, ended.errors);
    }

    let mut everything = installation.start("promptgate", &["run-all"]).unwrap();
    healthy(&mut everything, ports[0]).await;
    healthy(&mut everything, ports[1]).await;
    let line = everything.line("curl ").await.unwrap();
    assert!(line.contains(&format!(":{}/api/", ports[1])), "{line}");
}
