//! A body for every route that takes one, as people send it.

use serde_json::{Value, json};
use utoipa::openapi::{OpenApi, RefOr};

use super::operations;

/// Ids in examples. What each names, its member says.
pub(super) const PROVIDER: &str = "01957c1e-5f00-7a10-8000-0000000000a1";
pub(super) const CREDENTIAL: &str = "01957c1e-5f00-7a10-8000-0000000000a2";
pub(super) const GROUP: &str = "01957c1e-5f00-7a10-8000-0000000000a4";
pub(super) const PLAN: &str = "01957c1e-5f00-7a10-8000-0000000000a5";
pub(super) const GUIDE: &str = "01957c1e-5f00-7a10-8000-0000000000a6";

/// Shows a body on every route that takes one.
pub(super) fn add(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let Some(RefOr::T(body)) = &mut operation.request_body else { continue };
            for content in body.content.values_mut() {
                if let RefOr::T(content) = content {
                    content.example = example(method, path);
                }
            }
        }
    }
}

fn example(method: &str, path: &str) -> Option<Value> {
    of_people(method, path)
        .or_else(|| of_projects(method, path))
        .or_else(|| of_endpoints(method, path))
        .or_else(|| of_providers(method, path))
        .or_else(|| of_limits(method, path))
        .or_else(|| of_help(method, path))
}

fn of_people(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        ("post", "/auth/password") => {
            json!({"email": "ada@example.com", "password": "correct horse battery"})
        }
        ("post", "/auth/password/change") => {
            json!({"currentPassword": "correct horse battery", "newPassword": "staple for horses"})
        }
        ("post", "/auth/totp" | "/auth/totp/confirm") => json!({"code": "123456"}),
        ("post", "/auth/totp/setup" | "/auth/totp/disable") => {
            json!({"currentPassword": "correct horse battery"})
        }
        ("post", "/auth/backchannel-logout") => {
            json!({"logout_token": "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"})
        }
        ("post", "/api/v1/tokens") => {
            json!({"name": "laptop", "description": "My laptop", "expiresInDays": 7})
        }
        ("post", "/api/v1/admin/service-accounts/{id}/tokens") => {
            json!({"name": "build", "expiresInDays": 90})
        }
        ("patch", "/api/v1/admin/users/{id}") => {
            json!({"role": "manager", "isActive": true, "expiresAt": null})
        }
        ("patch", path) if path.ends_with("/note") => json!({"note": "On leave until March."}),
        ("put", "/api/v1/admin/users/{id}/groups") => json!({"groupIds": [GROUP]}),
        ("put", path) if path.ends_with("/subscription-plan") => json!({"planId": PLAN}),
        ("post", "/api/v1/admin/service-accounts") => {
            json!({"identifier": "ci-runner", "name": "Continuous integration",
                "limits": {"requestsPerMinute": 60, "monthlyCost": 25.5}})
        }
        ("patch", "/api/v1/admin/service-accounts/{id}") => {
            json!({"name": "Nightly builds", "isActive": true})
        }
        ("post", "/api/v1/admin/admin-keys") => {
            json!({"name": "Deployment", "expiresAt": "2099-01-31T12:00:00Z"})
        }
        ("post", "/api/v1/admin/admin-keys/{id}/rotate") => json!({"overlapSeconds": 3600}),
        ("patch", "/api/v1/admin/settings") => json!({"managementApi": true}),
        _ => return None,
    })
}

fn of_projects(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        ("post", "/api/v1/admin/projects") => {
            json!({"name": "Support", "projectType": "ai_wrapper", "env": "prod", "metadata": {"team": "help desk"}})
        }
        ("patch", "/api/v1/admin/projects/{uuid}") => {
            json!({"name": "Customer support", "recordBodies": "prompts"})
        }
        ("put", "/api/v1/admin/projects/{uuid}/members/{userId}") => json!({"role": "developer"}),
        ("post", "/api/v1/admin/projects/{uuid}/tokens") => {
            json!({"name": "Web shop", "scopes": ["chat", "models"], "rateLimitPerMinute": 60,
                "monthlyBudgetUsdCap": 50.0})
        }
        ("patch", "/api/v1/admin/projects/{uuid}/tokens/{id}" | "/api/v1/admin/tokens/{id}") => {
            json!({"name": "Web shop", "rateLimitPerMinute": 120, "expiresAt": null})
        }
        ("post", "/api/v1/admin/projects/{uuid}/tokens/{id}/rotate" | "/api/v1/admin/tokens/{id}/rotate") => {
            json!({"overlapSeconds": 3600})
        }
        ("post", "/api/{uuid}/admin/tokens") => {
            json!({"name": "Customer 17", "scopes": ["chat"], "subject_id": "customer-17", "daily_token_cap": 100_000})
        }
        ("post", "/api/{uuid}/tokens/children") => {
            json!({"name": "One run", "expires_at": "2099-01-31T12:00:00Z"})
        }
        ("post", "/api/{uuid}/admin/tokens/{tokenUuid}/rotate") => json!({"overlap_seconds": 3600}),
        ("put", "/api/v1/admin/projects/{uuid}/provider-settings/{providerId}") => {
            json!({"enabled": true, "position": 1, "credentialId": CREDENTIAL})
        }
        ("post", "/api/v1/admin/projects/{uuid}/aliases") => {
            json!({"name": "fast", "providerId": PROVIDER, "model": "gpt-4o-mini", "temperature": 0.2})
        }
        ("patch", "/api/v1/admin/projects/{uuid}/aliases/{id}") => {
            json!({"model": "gpt-4o", "maxTokens": 1024})
        }
        ("post", "/api/v1/admin/projects/{uuid}/calls/{requestId}/replay") => {
            json!({"messages": [{"role": "user", "content": "Where is my parcel?"}]})
        }
        _ => return None,
    })
}

fn of_endpoints(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        (
            "post" | "put",
            "/api/v1/admin/projects/{uuid}/endpoints" | "/api/v1/admin/projects/{uuid}/endpoints/{id}",
        ) => {
            json!({"name": "Summarise a letter", "slug": "summarise", "providerId": PROVIDER,
                "providerModel": "gpt-4o-mini", "credentialId": CREDENTIAL, "temperature": 0.2, "maxOutputTokens": 400,
                "prompt": "You summarise letters for {{department}}.", "userPromptTemplate": "Letter: {{input}}",
                "variables": [{"name": "department", "type": "enum", "enum": ["sales", "support"]}],
                "failover": [{"credentialId": CREDENTIAL, "providerId": PROVIDER, "providerModel": "gpt-4o"}],
                "timeouts": {"firstByteMs": 20_000}, "rateLimitPerMinute": 60})
        }
        ("patch", "/api/v1/admin/projects/{uuid}/endpoints/{id}") => {
            json!({"temperature": 0.5, "cacheEnabled": true, "cacheTtlSeconds": 3600})
        }
        ("post" | "put", "/api/{uuid}/admin/endpoints" | "/api/{uuid}/admin/endpoints/{endpointUuid}") => {
            json!({"name": "Translate", "slug": "translate", "provider_id": PROVIDER, "provider_model": "gpt-4o-mini",
                "max_output_tokens": 400, "prompt": "You translate into {{language}}.",
                "variables": [{"name": "language", "type": "string", "max_length": 40}],
                "timeouts": {"first_byte_ms": 20_000}})
        }
        ("patch", "/api/{uuid}/admin/endpoints/{endpointUuid}") => json!({"is_active": false}),
        ("post", "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals") => {
            json!({"name": "Manners", "items": [{"name": "polite", "input": {"message": "Thanks!"},
                "expected": {"contains": ["welcome"], "notContains": ["whatever"]}}]})
        }
        ("patch", "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}") => {
            json!({"name": "Good manners", "description": null})
        }
        _ => return None,
    })
}

fn of_providers(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        ("post", "/api/v1/admin/providers") => {
            json!({"name": "openai-europe", "displayName": "OpenAI", "type": "openai",
                "baseUrl": "https://api.openai.com/v1", "apiKey": "sk-example", "models": ["gpt-4o-mini"], "enabled": true})
        }
        ("patch", "/api/v1/admin/providers/{id}") => {
            json!({"displayName": "OpenAI (Europe)", "enabled": true})
        }
        ("post", "/api/v1/admin/credentials") => {
            json!({"providerId": PROVIDER, "name": "second", "secret": "sk-example", "weight": 2})
        }
        ("patch", "/api/v1/admin/credentials/{id}") => json!({"weight": 5, "isActive": true}),
        ("post", "/api/v1/admin/credentials/{id}/rotate") => {
            json!({"secret": "sk-example", "overlapSeconds": 3600})
        }
        ("post", "/api/v1/admin/provider-templates") => {
            json!({"name": "Careful", "providerId": PROVIDER, "model": "gpt-4o", "temperature": 0.0, "tags": ["legal"]})
        }
        ("patch", "/api/v1/admin/provider-templates/{id}") => {
            json!({"model": "gpt-4o-mini", "maxOutputTokens": null})
        }
        ("put", "/api/v1/admin/pricing") => {
            json!({"fallback": {"input": 5.0, "output": 15.0},
                "models": [{"providerName": "team-openai", "model": "gpt-4o-mini", "input": 0.15, "output": 0.6}]})
        }
        ("patch", "/api/v1/admin/pricing/fallback") => {
            json!({"input": 5.0, "output": 15.0, "cacheRead": null})
        }
        ("post", "/api/v1/admin/pricing/models") => {
            json!({"providerName": "team-openai", "model": "gpt-4o", "input": 2.5, "output": 10.0,
                "cacheRead": 1.25})
        }
        ("post", "/api/v1/admin/pricing/import") => {
            json!({"fallback": {"input": 5.0, "output": 15.0},
                "lists": [{"kind": "openai", "model": "gpt-4o", "input": 2.5, "output": 10.0, "cacheRead": 1.25}]})
        }
        ("post", "/api/v1/admin/pricing/repricings") => {
            json!({"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z", "model": "gpt-4o",
                "dryRun": true})
        }
        ("patch", "/api/v1/admin/pricing/models/{id}") => json!({"input": 0.2, "output": 0.8}),
        ("post", "/api/v1/admin/mcp/servers") => {
            json!({"name": "tickets", "displayName": "Tickets", "url": "https://mcp.example.com/mcp",
                "headers": [{"name": "Authorization", "value": "Bearer example", "sensitive": true}], "denyPattern": "^delete_"})
        }
        ("patch", "/api/v1/admin/mcp/servers/{id}") => json!({"enabled": false}),
        _ => return None,
    })
}

fn of_limits(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        ("post", path) if path.ends_with("/firewall/rules") => {
            json!({"address": "10.0.0.0/8", "priority": 100, "action": "allow", "description": "The office",
                "enabled": true})
        }
        ("patch", path) if path.ends_with("/priority") => json!({"direction": "increase"}),
        ("patch", path) if path.contains("/firewall/rules/") => {
            json!({"address": "2001:db8::/32", "action": "deny"})
        }
        ("patch" | "put", path) if path.ends_with("/guardrails") => {
            json!({"piiFilter": {"enabled": true, "mode": "mask", "types": ["email", "iban"],
                    "customPatterns": [{"label": "Order", "pattern": "ORD-\\d{6}"}]},
                "secretScanner": {"enabled": true},
                "promptInjection": {"enabled": true, "mode": "audit", "threshold": 800}})
        }
        ("post", "/api/v1/admin/firewall/explain") => {
            json!({"text": "Write to ada@example.org.", "rules": {"piiFilter": {"enabled": true}}})
        }
        ("post", "/api/v1/admin/firewall/replay") => {
            json!({"rules": {"secretScanner": {"enabled": true, "mode": "block"}},
                "from": "2025-01-31T00:00:00Z", "limit": 500})
        }
        ("post", path) if path.ends_with("/firewall/simulate") => json!({"clientIp": "192.0.2.1"}),
        ("put", path) if path.ends_with("/firewall/default-action") => json!({"defaultAction": "allow"}),
        ("post", "/api/v1/admin/groups") => {
            json!({"name": "research", "displayName": "Research", "providerIds": [PROVIDER],
                "modelPatterns": ["^gpt-"], "excludedModelPatterns": ["-preview$"]})
        }
        ("patch", "/api/v1/admin/groups/{id}") => {
            json!({"displayName": "Research and teaching", "modelPatterns": [],
                "limits": {"dailyCost": 50, "models": {"gpt-4o": {"requestsPerMinute": 60}}}})
        }
        ("post", "/api/v1/admin/groups/model-patterns/validate") => {
            json!({"providerIds": [PROVIDER], "modelPatterns": ["^gpt-"]})
        }
        ("post", "/api/v1/admin/subscriptions") => {
            json!({"name": "Regular", "quota5hTokens": 1_000_000, "quota7dTokens": 20_000_000})
        }
        ("patch", "/api/v1/admin/subscriptions/{id}") => json!({"quota7dTokens": null}),
        _ => return None,
    })
}

fn of_help(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        ("post", "/api/v1/admin/monitoring/services") => {
            json!({"name": "shop", "displayName": "Web shop", "url": "https://shop.example.com/health",
                "expectedStatusCode": 200, "intervalSeconds": 60})
        }
        ("patch", "/api/v1/admin/jobs/{name}") => json!({"isPaused": true}),
        ("patch", "/api/v1/admin/monitoring/services/{id}") => json!({"intervalSeconds": 300}),
        ("post", "/api/v1/admin/faqs") => {
            json!({"question": "How do I get a key?", "answer": "Under **Keys**, press *New*.", "published": true})
        }
        ("patch", "/api/v1/admin/faqs/{id}") => json!({"published": false}),
        ("patch", "/api/v1/admin/faqs/{id}/position") => json!({"position": 0}),
        ("post", "/api/v1/admin/faqs/preview") => json!({"markdown": "Under **Keys**, press *New*."}),
        ("post", "/api/v1/admin/setup-guides") => {
            json!({"identifier": "editor", "title": "Editor", "subtitle": "Completion in the editor",
                "icon": "mdi-code-braces", "compatibility": "openai", "modelMode": "single",
                "filePaths": ["~/.editor/config.json"], "template": "base_url = {{baseUrl}}", "enabled": true})
        }
        ("patch", "/api/v1/admin/setup-guides/{id}") => json!({"title": "The editor", "enabled": false}),
        ("put", "/api/v1/admin/setup-guides/reorder") => json!({"ids": [GUIDE]}),
        ("post", "/api/v1/admin/setup-guides/validate") => json!({"template": "base_url = {{baseUrl}}"}),
        _ => return None,
    })
}
