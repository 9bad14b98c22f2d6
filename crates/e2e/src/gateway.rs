//! A running control plane and data plane.

use std::time::Duration;

use anyhow::Context;
use http::Method;
use serde_json::{Value, json};

use crate::{
    Client, Installation, Process, Response, Stream, eventually, free_port, installation::ADMIN_KEY,
};

const PATIENCE: Duration = Duration::from_mins(1);

/// A running control plane and data plane, in one process or several.
#[derive(Debug)]
pub struct Gateway {
    /// Where the control plane answers.
    pub api: String,
    /// Where the data plane answers.
    pub proxy: String,
    /// Where the second control plane answers, if there is one.
    pub second_api: Option<String>,
    /// Where the second data plane answers, if there is one.
    pub second_proxy: Option<String>,
    /// The processes: `run-all`, or api, proxy, scheduler, and the second of each.
    pub processes: Vec<Process>,
    admin: Client,
}

/// A project with a token that may chat, list models and introspect.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its id.
    pub id: String,
    /// The token.
    pub token: String,
    /// The token's id.
    pub token_id: String,
    /// Where its routes are.
    pub base: String,
    /// Calls with the token.
    pub client: Client,
}

impl Gateway {
    /// Everything in one process.
    pub async fn run_all(installation: &Installation) -> anyhow::Result<Self> {
        let [api, proxy] = [free_port(), free_port()];
        let process = installation.start_with(
            "promptgate",
            &["run-all"],
            &[("PROMPTGATE_PORT", &api.to_string()), ("PROMPTGATE_PROXY_PORT", &proxy.to_string())],
        )?;
        let mut gateway = Self::at(api, proxy);
        gateway.processes.push(process);
        gateway.ready().await?;
        Ok(gateway)
    }

    /// One process for each part, after a migration.
    pub async fn separate(installation: &Installation) -> anyhow::Result<Self> {
        installation.migrate().await?;
        let [api, proxy, scheduler] = [free_port(), free_port(), free_port()];
        let mut gateway = Self::at(api, proxy);
        gateway.start_parts(installation, [api, proxy, scheduler])?;
        gateway.ready().await?;
        Ok(gateway)
    }

    /// Two processes for each part, after a migration.
    pub async fn replicated(installation: &Installation) -> anyhow::Result<Self> {
        let mut gateway = Self::separate(installation).await?;
        let [api, proxy, scheduler] = [free_port(), free_port(), free_port()];
        gateway.start_parts(installation, [api, proxy, scheduler])?;
        gateway.second_api = Some(address(api));
        gateway.second_proxy = Some(address(proxy));
        gateway.ready().await?;
        Ok(gateway)
    }

    /// A gateway whose processes somebody else starts.
    pub(crate) fn at(api: u16, proxy: u16) -> Self {
        Self {
            api: address(api),
            proxy: address(proxy),
            second_api: None,
            second_proxy: None,
            processes: Vec::new(),
            admin: Client::new().header("x-admin-api-key", ADMIN_KEY),
        }
    }

    fn start_parts(&mut self, installation: &Installation, ports: [u16; 3]) -> anyhow::Result<()> {
        let [api, proxy, scheduler] = ports.map(|port| port.to_string());
        let ports = [
            ("PROMPTGATE_PORT", api.as_str()),
            ("PROMPTGATE_PROXY_PORT", proxy.as_str()),
            ("PROMPTGATE_SCHEDULER_PORT", scheduler.as_str()),
        ];
        for binary in ["promptgate-api", "promptgate-proxy", "promptgate-scheduler"] {
            self.processes.push(installation.start_with(binary, &[], &ports)?);
        }
        Ok(())
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let client = Client::new();
        let proxies = [Some(&self.proxy), self.second_proxy.as_ref()];
        let all = self.apis().into_iter().chain(proxies.into_iter().flatten().cloned());
        let urls: Vec<_> = all.map(|base| format!("{base}/readyz")).collect();
        for url in urls {
            let processes = &mut self.processes;
            let ready = eventually(&format!("200 from {url}"), PATIENCE, || {
                let all_run = processes.iter_mut().all(Process::runs);
                let (client, url) = (client.clone(), url.clone());
                async move {
                    if !all_run {
                        return Some(false);
                    }
                    let answer = client.get(&url).await.ok()?;
                    answer.status.is_success().then_some(true)
                }
            })
            .await;
            let said = || self.processes.iter().map(Process::said).collect::<String>();
            anyhow::ensure!(ready.with_context(said)?, "a process ended:\n{}", said());
        }
        Ok(())
    }

    /// The only process of `run-all`.
    pub fn process(&self) -> &Process {
        &self.processes[0]
    }

    /// Where the control planes answer, all of them.
    pub fn apis(&self) -> Vec<String> {
        [Some(&self.api), self.second_api.as_ref()].into_iter().flatten().cloned().collect()
    }

    /// Stops everything, politely.
    pub async fn stop(self) -> anyhow::Result<()> {
        for process in self.processes {
            let ended = process.terminate().await?;
            let clean = ended.status.success() && !ended.output.contains("did not end in time");
            anyhow::ensure!(clean, "{}: {}{}", ended.status, ended.output, ended.errors);
        }
        Ok(())
    }

    /// A call of the control plane, with the operator's key.
    pub async fn admin(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Response> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.admin.send(method, &format!("{}/api/v1/admin{path}", self.api), body).await
    }

    /// Registers a provider at an address, with the key `key-of-{name}`; its id.
    pub async fn provider(&self, name: &str, kind: &str, base_url: &str) -> anyhow::Result<String> {
        self.provider_with(name, kind, base_url, &json!({})).await
    }

    /// The same with more members, or others.
    pub async fn provider_with(
        &self,
        name: &str,
        kind: &str,
        base_url: &str,
        more: &Value,
    ) -> anyhow::Result<String> {
        let mut body = json!({
            "name": name, "displayName": name, "type": kind, "baseUrl": base_url, "apiKey": format!("key-of-{name}"),
            "config": {}, "enabled": true,
        });
        for (member, value) in more.as_object().into_iter().flatten() {
            body[member] = value.clone();
        }
        let created = self.admin(Method::POST, "/providers", &body).await?.expect(201)?;
        Ok(created["id"].as_str().context("a provider without id")?.to_owned())
    }

    /// Makes a project with a token, and waits until every data plane knows it, and with it everything
    /// that was configured before.
    pub async fn project(&self) -> anyhow::Result<Project> {
        self.project_of("agent_proxy").await
    }

    /// The same for another type of project.
    pub async fn project_of(&self, kind: &str) -> anyhow::Result<Project> {
        let body = json!({"name": "Test", "projectType": kind});
        let project = self.admin(Method::POST, "/projects", &body).await?.expect(201)?;
        let id = project["uuid"].as_str().context("a project without uuid")?.to_owned();

        let body = json!({"name": "Test", "scopes": ["chat", "models", "admin"]});
        let (token, token_id) = self.token(&id, &body).await?;
        let client = Client::new().bearer(&token);
        for proxy in [Some(&self.proxy), self.second_proxy.as_ref()].into_iter().flatten() {
            let url = format!("{proxy}/api/{id}/v1/models");
            // A type without models says so, once it is known.
            let knows = |status: u16| matches!(status, 200 | 400);
            eventually("a data plane that knows the project", PATIENCE, || {
                let (client, url) = (client.clone(), url.clone());
                async move {
                    client.get(&url).await.is_ok_and(|answer| knows(answer.status.as_u16())).then_some(())
                }
            })
            .await?;
        }
        let base = format!("{}/api/{id}", self.proxy);
        Ok(Project { id, token, token_id, base, client })
    }

    /// Waits until every data plane knows everything that was configured before.
    pub async fn caught_up(&self) -> anyhow::Result<()> {
        self.project().await.map(drop)
    }

    /// Issues a token; the secret and the id.
    pub async fn token(&self, project: &str, body: &Value) -> anyhow::Result<(String, String)> {
        let path = format!("/projects/{project}/tokens");
        let issued = self.admin(Method::POST, &path, body).await?.expect(201)?;
        let token = issued["token"].as_str().context("no token")?.to_owned();
        let id = issued["tokenInfo"]["id"].as_str().context("a token without id")?.to_owned();
        Ok((token, id))
    }

    /// Revokes a project's token.
    pub async fn revoke(&self, project: &Project) -> anyhow::Result<()> {
        let path = format!("/tokens/{}", project.token_id);
        let answer = self.admin(Method::DELETE, &path, &Value::Null).await?;
        anyhow::ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
        Ok(())
    }

    /// A project's usage events, newest first, once there are as many as expected (or more).
    pub async fn usage(&self, project: &Project, expected: usize) -> anyhow::Result<Vec<Value>> {
        eventually(&format!("{expected} usage events"), PATIENCE, || async {
            let events = self.usage_now(project).await.ok()?;
            (events.len() >= expected).then_some(events)
        })
        .await
    }

    /// A project's usage events as they are, newest first.
    pub async fn usage_now(&self, project: &Project) -> anyhow::Result<Vec<Value>> {
        let (mut events, mut seen) = (Vec::new(), std::collections::BTreeSet::new());
        for page in 1.. {
            let path = format!("/projects/{}/usage?page={page}&pageSize=100", project.id);
            let answer = self.admin(Method::GET, &path, &Value::Null).await?.expect(200)?;
            let items = answer["items"].as_array().context("a page without items")?;
            // What was recorded since the page before pushes events from there into this one.
            events.extend(items.iter().filter(|item| seen.insert(item["id"].to_string())).cloned());
            if items.len() < 100 {
                break;
            }
        }
        Ok(events)
    }

    /// The full record of a project's latest call, once as many are there as expected (or more).
    pub async fn last_call(&self, project: &Project, expected: usize) -> anyhow::Result<Value> {
        let newest = self.usage(project, expected).await?.remove(0);
        let id = newest["id"].as_str().context("a call without id")?;
        self.admin(Method::GET, &format!("/calls/{id}"), &Value::Null).await?.expect(200)
    }
}

impl Project {
    /// The same, with a header on every call.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        Self { client: self.client.clone().header(name, value), ..self.clone() }
    }

    /// The address of one of its routes on the data plane.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A chat with one message; the whole answer.
    pub async fn chat(&self, model: &str) -> anyhow::Result<Response> {
        self.client.post(&self.url("/v1/chat/completions"), &chat(model, false)).await
    }

    /// A streamed chat with one message; the head of the answer.
    pub async fn stream(&self, model: &str) -> anyhow::Result<Stream> {
        self.client.stream(&self.url("/v1/chat/completions"), &chat(model, true)).await
    }
}

fn chat(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hello"}]})
}

fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
