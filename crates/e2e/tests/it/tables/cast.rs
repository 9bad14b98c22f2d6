//! Who calls: people of every role, keys of every kind, and strangers.

use http::Method;
use promptgate_e2e::{ADMIN_KEY, Client, Gateway, Installation, eventually};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

use super::bearer::{self, Bearer};
use super::issuer::Issuer;

const PASSWORD: &str = "correct horse battery";

/// How somebody comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Stranger,
    /// With a cookie that nobody was given.
    ForgedSession,
    /// With the secret of a project's token as the session.
    TokenAsSession,
    RoleNone,
    /// Without a role, but with the highest one in the project.
    RoleNoneMember,
    Inactive,
    /// Whose access has ended.
    Ended,
    MustChangePassword,
    User,
    Manager,
    /// The highest member of another project.
    Outsider,
    Viewer,
    Developer,
    ProjectAdmin,
    Administrator,
    AdminKey,
    /// One that was made, not the one of the settings.
    NamedKey,
    /// The key of the settings, with a session that nobody was given.
    KeyWithForgedSession,
    /// A key that is none, with the session of an administrator.
    WrongKey,
    EmptyKey,
    TwoKeys,
    /// The key as a bearer.
    KeyAsBearer,
    ProjectToken,
    /// The same as `x-api-key`.
    ProjectTokenAsApiKey,
    /// The same, with the session of an administrator.
    ProjectTokenWithSession,
    PersonalKey,
    ServiceKey,
    /// With what an identity provider has signed.
    Bearer(Bearer),
}

impl Who {
    /// Everybody who needs no identity provider.
    const HERE: [Self; 27] = [
        Self::Stranger,
        Self::ForgedSession,
        Self::TokenAsSession,
        Self::RoleNone,
        Self::RoleNoneMember,
        Self::Inactive,
        Self::Ended,
        Self::MustChangePassword,
        Self::User,
        Self::Manager,
        Self::Outsider,
        Self::Viewer,
        Self::Developer,
        Self::ProjectAdmin,
        Self::Administrator,
        Self::AdminKey,
        Self::NamedKey,
        Self::KeyWithForgedSession,
        Self::WrongKey,
        Self::EmptyKey,
        Self::TwoKeys,
        Self::KeyAsBearer,
        Self::ProjectToken,
        Self::ProjectTokenAsApiKey,
        Self::ProjectTokenWithSession,
        Self::PersonalKey,
        Self::ServiceKey,
    ];

    /// The role of the account and the one in the project, if it is a person.
    const fn roles(self) -> Option<(&'static str, Option<&'static str>)> {
        match self {
            Self::RoleNone => Some(("none", None)),
            Self::RoleNoneMember => Some(("none", Some("admin"))),
            Self::MustChangePassword | Self::Administrator => Some(("admin", None)),
            Self::User | Self::Outsider | Self::Ended => Some(("user", None)),
            // The last administrator cannot be switched off.
            Self::Manager | Self::Inactive => Some(("manager", None)),
            Self::Viewer => Some(("user", Some("viewer"))),
            Self::Developer => Some(("manager", Some("developer"))),
            Self::ProjectAdmin => Some(("user", Some("admin"))),
            _ => None,
        }
    }
}

/// Somebody with a project and what is in it.
pub(super) struct Caller {
    pub(super) who: Who,
    pub(super) client: Client,
    /// A project of the type `ai_gateway`.
    pub(super) gateway: String,
    /// One of the type `agent_proxy`, with a token and a call.
    pub(super) wrapper: String,
    pub(super) token: String,
    pub(super) call: String,
}

/// Makes everything that the cast needs.
pub(super) struct Stage<'a> {
    pub(super) installation: &'a Installation,
    pub(super) gateway: &'a Gateway,
    /// The identity provider, if there is one, and one that nobody has configured.
    pub(super) issuers: Option<[&'a Issuer; 2]>,
}

impl Stage<'_> {
    pub(super) async fn admin(&self, method: Method, path: &str, body: Value, status: u16) -> Value {
        self.gateway.admin(method, path, &body).await.unwrap().expect(status).unwrap()
    }

    async fn project(&self, kind: &str) -> String {
        let body = json!({"name": "Table", "projectType": kind});
        text(&self.admin(Method::POST, "/projects", body, 201).await["uuid"])
    }

    /// Makes a person; the id.
    async fn person(&self, email: &str, role: &str, more: &[&str]) -> String {
        let arguments = [&["user", "create", email, "--role", role], more].concat();
        let ended = self.installation.operate(&arguments, &format!("{PASSWORD}\n")).await.unwrap();
        assert!(ended.status.success(), "{}{}", ended.output, ended.errors);
        let found = self.admin(Method::GET, &format!("/users?search={email}"), Value::Null, 200).await;
        text(&found["items"][0]["id"])
    }

    /// A browser that a person signed in with.
    async fn browser(&self, email: &str) -> Client {
        let body = json!({"email": email, "password": PASSWORD});
        let url = format!("{}/auth/password", self.gateway.api);
        let answer = Client::new().header("origin", &self.gateway.api).post(&url, &body).await.unwrap();
        answer.expect(200).unwrap();
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        self.with_cookie(&cookie)
    }

    pub(super) fn with_cookie(&self, cookie: &str) -> Client {
        Client::new().header("cookie", cookie).header("origin", &self.gateway.api)
    }

    /// An administrator's browser.
    pub(super) async fn administrator(&self, email: &str) -> Client {
        self.person(email, "admin", &[]).await;
        self.browser(email).await
    }

    /// The key of a new person.
    pub(super) async fn personal_key(&self, email: &str) -> String {
        self.person(email, "user", &[]).await;
        let url = format!("{}/api/v1/tokens", self.gateway.api);
        let issued = self.browser(email).await.post(&url, &json!({"name": "laptop"})).await.unwrap();
        text(&issued.expect(201).unwrap()["token"])
    }

    /// The key of a new service account.
    pub(super) async fn service_key(&self) -> String {
        let body = json!({"identifier": "robot", "name": "Robot"});
        let account = self.admin(Method::POST, "/service-accounts", body, 201).await;
        let path = format!("/service-accounts/{}/tokens", text(&account["id"]));
        text(&self.admin(Method::POST, &path, json!({"name": "build"}), 201).await["token"])
    }

    async fn caller(&self, who: Who, project: &(String, String, String, String)) -> Caller {
        let (gateway, wrapper, token, secret) = project;
        let projects = [gateway, wrapper];
        let client = match (who, who.roles()) {
            (Who::Bearer(who), _) => bearer::client(self, self.issuers.unwrap(), who, projects).await,
            (_, Some((role, in_project))) => self.signed_in(who, role, in_project, projects).await,
            (_, None) => self.without_account(who, secret).await,
        };
        let [gateway, wrapper, token] = [gateway, wrapper, token].map(Clone::clone);
        Caller { who, client, gateway, wrapper, token, call: String::new() }
    }

    async fn signed_in(
        &self,
        who: Who,
        role: &str,
        in_project: Option<&str>,
        projects: [&String; 2],
    ) -> Client {
        let email = format!("{who:?}@example.com").to_lowercase();
        let more: &[&str] = if who == Who::MustChangePassword { &["--must-change-password"] } else { &[] };
        let id = self.person(&email, role, more).await;
        for project in projects {
            if let Some(role) = in_project {
                let path = format!("/projects/{project}/members/{id}");
                self.admin(Method::PUT, &path, json!({"role": role}), 200).await;
            }
        }
        if who == Who::Outsider {
            let path = format!("/projects/{}/members/{id}", self.project("ai_gateway").await);
            self.admin(Method::PUT, &path, json!({"role": "admin"}), 200).await;
        }
        let browser = self.browser(&email).await;
        match who {
            Who::Inactive => self.switch_off(&id).await,
            Who::Ended => self.end_access(&id).await,
            _ => {}
        }
        browser
    }

    pub(super) async fn switch_off(&self, id: &str) {
        self.admin(Method::PATCH, &format!("/users/{id}"), json!({"isActive": false}), 200).await;
    }

    /// Lets somebody's access end, in a moment.
    pub(super) async fn end_access(&self, id: &str) {
        const SCRIPT: &str =
            "from datetime import *; print((datetime.now(timezone.utc) + timedelta(seconds=5)).isoformat())";
        let done = Command::new("python3").args(["-c", SCRIPT]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let end = String::from_utf8(done.stdout).unwrap();
        self.admin(Method::PATCH, &format!("/users/{id}"), json!({"expiresAt": end.trim()}), 200).await;
    }

    async fn without_account(&self, who: Who, secret: &str) -> Client {
        let key = |client: Client, key: &str| client.header("x-admin-api-key", key);
        let forged = format!("promptgate_session={}", "A".repeat(43));
        let email = format!("{who:?}@example.com").to_lowercase();
        match who {
            Who::ForgedSession => self.with_cookie(&forged),
            Who::TokenAsSession => self.with_cookie(&format!("promptgate_session={secret}")),
            Who::AdminKey => key(Client::new(), ADMIN_KEY),
            Who::NamedKey => {
                let made = self.admin(Method::POST, "/admin-keys", json!({"name": "Table"}), 201).await;
                key(Client::new(), made["secret"].as_str().unwrap())
            }
            Who::KeyWithForgedSession => key(self.with_cookie(&forged), ADMIN_KEY),
            Who::WrongKey => key(self.administrator(&email).await, "wrong"),
            Who::EmptyKey => key(self.administrator(&email).await, ""),
            Who::TwoKeys => key(key(self.administrator(&email).await, ADMIN_KEY), ADMIN_KEY),
            Who::KeyAsBearer => Client::new().bearer(ADMIN_KEY),
            Who::ProjectToken => Client::new().bearer(secret),
            Who::ProjectTokenAsApiKey => Client::new().header("x-api-key", secret),
            Who::ProjectTokenWithSession => self.administrator(&email).await.bearer(secret),
            Who::PersonalKey => Client::new().bearer(&self.personal_key(&email).await),
            Who::ServiceKey => Client::new().bearer(&self.service_key().await),
            _ => Client::new(),
        }
    }

    /// Everybody, each with projects of their own.
    pub(super) async fn everybody(&self) -> Vec<Caller> {
        let mut callers = Vec::new();
        let mut secrets = Vec::new();
        let bearers = Bearer::ALL.into_iter().filter(|_| self.issuers.is_some()).map(Who::Bearer);
        for who in Who::HERE.into_iter().chain(bearers) {
            let (gateway, wrapper) = (self.project("ai_gateway").await, self.project("agent_proxy").await);
            let everything = json!({"name": "Everything", "scopes": ["chat", "models", "proxy", "mcp", "admin",
                "tokens:write", "endpoints:write", "credentials:read"]});
            let (secret, _) = self.gateway.token(&wrapper, &everything).await.unwrap();
            let (_, token) = self.gateway.token(&wrapper, &json!({"name": "Thing"})).await.unwrap();
            callers.push(self.caller(who, &(gateway, wrapper, token, secret.clone())).await);
            secrets.push(secret);
        }
        self.gateway.caught_up().await.unwrap();
        for (caller, secret) in callers.iter_mut().zip(secrets) {
            caller.call = self.call(&caller.wrapper, &secret).await;
            if matches!(caller.who, Who::Ended | Who::Bearer(Bearer::Ended)) {
                self.until_refused(&caller.client).await;
            }
        }
        callers
    }

    async fn until_refused(&self, client: &Client) {
        let url = format!("{}/api/v1/me", self.gateway.api);
        eventually("the end of somebody's access", Duration::from_secs(30), || async {
            (client.get(&url).await.ok()?.status == 403).then_some(())
        })
        .await
        .unwrap();
    }

    /// Makes a call in a project; its id in the log.
    async fn call(&self, project: &str, secret: &str) -> String {
        let url = format!("{}/api/{project}/v1/chat/completions", self.gateway.proxy);
        let body = json!({"model": "echo:echo", "messages": [{"role": "user", "content": "Hello"}]});
        Client::new().bearer(secret).post(&url, &body).await.unwrap().expect(200).unwrap();
        eventually("the record of the call", Duration::from_secs(30), || async {
            let path = format!("/calls?projectId={project}");
            let page = self.gateway.admin(Method::GET, &path, &Value::Null).await.ok()?.expect(200).ok()?;
            page["items"][0]["id"].as_str().map(str::to_owned)
        })
        .await
        .unwrap()
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}
