//! What a killed process held of budgets: it stays held as long as its calls might still count, then it is free,
//! and every call that was answered counts once.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use promptgate_e2e::{Client, Gateway, Installation, Project, Response, eventually};
use promptgate_testkit::lone_postgres::LonePostgres;
use promptgate_testkit::redis::Redis;
use promptgate_testkit::upstream::{Gate, Reply, ScriptedUpstream};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_mins(1);
/// What a call is answered with: eight tokens read, twenty written.
const TAKEN: u64 = 28;
/// What it may need: twenty-nine tokens read, twenty written.
const NEEDED: u64 = 49;
/// Room for two calls that were answered and two under way, and not for another one.
const CAP: u64 = 180;

/// The database, behind the gateway's back.
enum Database {
    File(PathBuf),
    Server(Box<LonePostgres>),
}

impl Database {
    async fn alter(&self, statement: &str) {
        const SCRIPT: &str = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=30); \
            db.executescript(sys.argv[2]); db.commit()";
        match self {
            Self::File(file) => {
                let mut python = Command::new("python3");
                let done = python.args(["-c", SCRIPT]).arg(file).arg(statement).output().unwrap();
                assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            }
            Self::Server(server) => drop(server.ask(statement).await.unwrap()),
        }
    }
}

/// A data plane that can be killed, and a token with a budget.
struct Place {
    installation: Installation,
    gateway: Gateway,
    project: Project,
    upstream: ScriptedUpstream,
    database: Database,
    _redis: Option<Redis>,
}

impl Place {
    async fn embedded() -> Self {
        let installation = Installation::embedded().unwrap();
        let gateway = Gateway::run_all(&installation).await.unwrap();
        let database = Database::File(installation.data_directory().join("promptgate.db"));
        Self::of(installation, gateway, database, None).await
    }

    async fn on_postgres(redis: Option<Redis>) -> Self {
        let server = LonePostgres::start().await.unwrap();
        let installation = Installation::on(&LonePostgres::url_through(server.port())).unwrap();
        let installation = match &redis {
            Some(redis) => installation.set("PROMPTGATE_REDIS_URL", &redis.url()),
            None => installation,
        };
        let gateway = Gateway::separate(&installation).await.unwrap();
        Self::of(installation, gateway, Database::Server(Box::new(server)), redis).await
    }

    async fn of(
        installation: Installation,
        gateway: Gateway,
        database: Database,
        redis: Option<Redis>,
    ) -> Self {
        let upstream = ScriptedUpstream::start().await.unwrap();
        upstream.otherwise(answer());
        gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
        let project = gateway.project().await.unwrap();
        let body = json!({"name": "Spends", "scopes": ["chat", "models"], "monthlyTokenCap": CAP});
        let (token, token_id) = gateway.token(&project.id, &body).await.unwrap();
        let project = Project { client: Client::new().bearer(&token), token, token_id, ..project };
        Self { installation, gateway, project, upstream, database, _redis: redis }
    }

    async fn call(&self) -> anyhow::Result<Response> {
        self.project.client.post(&self.project.url("/v1/chat/completions"), &chat()).await
    }

    /// Two calls at once that are to be answered so, and are under way.
    #[expect(clippy::disallowed_methods, reason = "there is no process here whose end they would miss")]
    async fn begin(&self, reply: &Reply) -> Vec<JoinHandle<anyhow::Result<Response>>> {
        let before = self.upstream.counts().in_flight;
        let calls = (0..2).map(|_| {
            self.upstream.enqueue(reply.clone());
            let (client, url) =
                (Client::new().bearer(&self.project.token), self.project.url("/v1/chat/completions"));
            tokio::spawn(async move { client.post(&url, &chat()).await })
        });
        let calls = calls.collect();
        self.upstream.wait_until(|counts| counts.in_flight == before + 2).await.unwrap();
        calls
    }

    fn server(&self) -> &LonePostgres {
        match &self.database {
            Database::Server(server) => server,
            Database::File(file) => panic!("{} is no server", file.display()),
        }
    }

    /// Kills the process that calls go through.
    fn kill(&mut self) {
        // The only one of `run-all`; else api, proxy and scheduler.
        let proxy = usize::from(self.gateway.processes.len() > 1);
        self.gateway.processes.remove(proxy).kill().unwrap();
    }

    /// Starts it again, at the same address where it is one of several.
    async fn start_again(&mut self) {
        if let Database::File(_) = self.database {
            self.gateway = Gateway::run_all(&self.installation).await.unwrap();
            self.project.base = format!("{}/api/{}", self.gateway.proxy, self.project.id);
            return;
        }
        let port = self.gateway.proxy.rsplit(':').next().unwrap();
        let port = [("PROMPTGATE_PROXY_PORT", port)];
        self.gateway
            .processes
            .insert(1, self.installation.start_with("promptgate-proxy", &[], &port).unwrap());
        let ready = format!("{}/readyz", self.gateway.proxy);
        eventually("a data plane that is back", PATIENCE, || async {
            Client::new().get(&ready).await.is_ok_and(|answer| answer.status == 200).then_some(())
        })
        .await
        .unwrap();
    }

    /// The tokens of all calls that are recorded of the budgeted token, once there are so many; each is there
    /// once.
    async fn recorded(&self, calls: usize) -> u64 {
        let mine = eventually(&format!("{calls} calls on record"), PATIENCE, || async {
            let all = self.gateway.usage_now(&self.project).await.ok()?;
            let mine: Vec<Value> = all
                .into_iter()
                .filter(|event| event["tokenId"] == self.project.token_id.as_str() && event["status"] == 200)
                .collect();
            (mine.len() >= calls).then_some(mine)
        })
        .await
        .unwrap();
        assert_eq!(mine.len(), calls, "{mine:?}");
        let ids: BTreeSet<_> = mine.iter().map(|event| event["requestId"].to_string()).collect();
        assert_eq!(ids.len(), calls, "{mine:?}");
        mine.iter().map(|event| event["tokens"]["total"].as_u64().unwrap()).sum()
    }
}

fn chat() -> Value {
    json!({"model": "up:m", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]})
}

fn answer() -> Reply {
    let usage = json!({"prompt_tokens": 8, "completion_tokens": 20, "total_tokens": TAKEN});
    let choice =
        json!({"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"});
    Reply::json(
        &json!({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}),
    )
}

/// Two calls are answered, two are under way when the process dies.
async fn calls_under_way_hold_their_room_and_give_it_back(mut place: Place) {
    place.call().await.unwrap().expect(200).unwrap();
    place.recorded(1).await;
    let under_way = place.begin(&Reply::never()).await;
    // Its event may be on record when the process dies, or in its spool.
    place.call().await.unwrap().expect(200).unwrap();
    place.kill();
    for call in under_way {
        assert!(call.await.unwrap().is_err());
    }
    place.start_again().await;
    assert_eq!(place.recorded(2).await, 2 * TAKEN);

    // What was under way is held: nobody is let in beyond the cap.
    let refused = place.call().await.unwrap().expect(402).unwrap();
    let (spent, reserved) = (&refused["spent"], refused["reserved"].as_u64().unwrap());
    assert_eq!(spent, &json!(2 * TAKEN), "{refused}");
    assert!(2 * NEEDED <= reserved && 2 * TAKEN + reserved <= CAP, "{refused}");

    // Nobody waits for the dead for ever: what they held is spent by others, to the last call that fits.
    place.database.alter("UPDATE limit_holders SET until_at = 0").await;
    let mut admitted = 2;
    let refused = loop {
        let answer = place.call().await.unwrap();
        if answer.status == 200 {
            admitted += 1;
            continue;
        }
        let refused = answer.expect(402).unwrap();
        if refused["reserved"] == 0 {
            break refused;
        }
        assert!(
            refused["spent"].as_u64().unwrap() + refused["reserved"].as_u64().unwrap() <= CAP,
            "{refused}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let spent = place.recorded(admitted).await;
    assert_eq!(refused["spent"], spent);
    assert!(spent <= CAP && spent + NEEDED > CAP, "{refused}");
    place.gateway.stop().await.unwrap();
}

#[tokio::test]
async fn calls_under_way_hold_their_room_in_one_process() {
    calls_under_way_hold_their_room_and_give_it_back(Place::embedded().await).await;
}

#[tokio::test]
async fn calls_under_way_hold_their_room_over_postgres_and_redis() {
    calls_under_way_hold_their_room_and_give_it_back(
        Place::on_postgres(Some(Redis::start().await.unwrap())).await,
    )
    .await;
}

/// An answer went out while the database was away, and the process died. When it comes back what it held is
/// long given up; what it spent counts before anybody is let in.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "there is no process here whose end it would miss")]
async fn what_was_left_in_the_spool_counts_before_anybody_is_let_in() {
    let mut place = Place::on_postgres(None).await;
    let gate = Gate::new();
    let under_way = place.begin(&answer().held_by(&gate)).await;
    place.server().pause().unwrap();
    gate.open();
    for call in under_way {
        call.await.unwrap().unwrap().expect(200).unwrap();
    }
    place.kill();
    place.server().resume().unwrap();
    place.database.alter("UPDATE limit_holders SET until_at = 0").await;
    eventually("nothing held", PATIENCE, || async {
        (place.server().ask("SELECT count(*) FROM limit_holds").await.ok()? == "0").then_some(())
    })
    .await
    .unwrap();

    // It was all so long ago.
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for spool in fs::read_dir(place.installation.data_directory().join("spool")).unwrap() {
        for file in fs::read_dir(spool.unwrap().path()).unwrap() {
            let file = fs::OpenOptions::new().append(true).open(file.unwrap().path()).unwrap();
            file.set_modified(long_ago).unwrap();
        }
    }
    let project = place.project.clone();
    let storm = tokio::spawn(async move {
        let mut answers = Vec::new();
        loop {
            let Ok(answer) = project.client.post(&project.url("/v1/chat/completions"), &chat()).await else {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            };
            answers.push(answer.status.as_u16());
            if answer.status == 402 && answer.json()["reserved"] == 0 {
                return answers;
            }
        }
    });
    place.start_again().await;
    let answers = tokio::time::timeout(PATIENCE, storm).await.unwrap().unwrap();
    let admitted = answers.iter().filter(|status| **status == 200).count();
    let spent = place.recorded(2 + admitted).await;
    assert!(spent <= CAP, "{spent}: {answers:?}");
    place.gateway.stop().await.unwrap();
}
