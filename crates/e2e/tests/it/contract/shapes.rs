//! The shapes that several resources show.

use serde_json::{Value, json};

/// Who is signed in.
pub(super) fn profile() -> Value {
    json!({
        "id": "uuid", "sub": "text", "preferredUsername": "text", "email": "str", "name": "str",
        "type": "'user'|'service'", "role": "'none'|'user'|'manager'|'admin'", "isActive": "bool",
        "firewallOverrideEnabled": "bool", "lastLoginAt": "time",
    })
}

/// A plan inside an account.
pub(super) fn plan() -> Value {
    json!({
        "id": "uuid", "name": "text", "description": "str", "quota5hTokens": "int|null",
        "quota7dTokens": "int|null", "isDefault": "bool",
    })
}

/// What was used of the quotas of a plan.
fn quota_state() -> Value {
    json!({
        "hasSubscription": "bool", "planId": "uuid|null", "planName": "str", "used5hTokens": "int",
        "quota5hTokens": "int|null", "reset5hAt": "time|null", "used7dTokens": "int",
        "quota7dTokens": "int|null", "reset7dAt": "time|null", "syncedAt": "time",
    })
}

/// How much may be used. Beyond the contract.
pub(super) fn limits() -> Value {
    json!({
        "requestsPerMinute": "int|null", "requestsPerHour": "int|null", "tokensPerMinute": "int|null",
        "tokensPerHour": "int|null", "maxConcurrent": "int|null", "requestTokens": "int|null", "dailyTokens": "int|null",
        "monthlyTokens": "int|null", "dailyCost": "num|null", "monthlyCost": "num|null", "models": "object",
    })
}

/// How limits stand. Beyond the contract.
pub(super) fn limit_standings() -> Value {
    json!({
        "syncedAt": "time", "lacksPlan": "bool", "leavesAccountOut": "bool",
        "limits": [{
            "subject": "'token'|'endpoint'|'project'|'group'|'owner'|'plan'", "subjectId": "uuid",
            "subjectName": "text", "isTightest": "bool",
            "model": "text|null", "measure": "'requests'|'tokens'|'cost'", "window": "text", "limit": "num",
            "spent": "num|null", "reserved": "num|null", "remaining": "num|null", "resetsAt": "time|null",
        }],
    })
}

/// A person, as administrators see one.
pub(super) fn user() -> Value {
    json!({
        "id": "uuid", "sub": "text", "preferredUsername": "text", "email": "str", "name": "str",
        "type": "'user'", "role": "'none'|'user'|'manager'|'admin'", "subscriptionPlanId": "uuid|null",
        "subscriptionPlan?": plan(), "effectiveSubscriptionPlan?": plan(), "note": "str",
        "isActive": "bool", "firewallOverrideEnabled": "bool", "inputTokens": "int",
        "outputTokens": "int", "expiresAt": "time|null", "lastLoginAt": "time", "createdAt": "time",
        "updatedAt": "time", "quotaState": quota_state(), "limits": limits(),
    })
}

/// A service account.
pub(super) fn service_account() -> Value {
    json!({
        "id": "uuid", "identifier": "text", "name": "text", "role": "'user'",
        "subscriptionPlanId": "uuid|null", "subscriptionPlan?": plan(),
        "effectiveSubscriptionPlan?": plan(), "note": "str", "isActive": "bool",
        "firewallOverrideEnabled": "bool", "inputTokens": "int", "outputTokens": "int",
        "createdAt": "time", "updatedAt": "time", "quotaState": quota_state(), "limits": limits(),
    })
}

/// A key of an account, once it exists.
pub(super) fn key() -> Value {
    json!({
        "id": "uuid", "userId": "uuid", "name": "text", "description": "str", "expiresAt": "time",
        "createdAt": "time", "revokedAt?": "time", "expiredAt?": "time",
    })
}

/// A key of an account, as it is shown once.
pub(super) fn issued_key() -> Value {
    json!({"token": "text", "tokenInfo": key()})
}

/// An access group. Beyond the contract: whether it grants every provider, and whether new accounts
/// get it.
pub(super) fn group() -> Value {
    json!({
        "id": "uuid", "name": "text", "displayName": "text", "description": "str",
        "providers": [{
            "id": "uuid", "name": "text", "displayName": "text", "type": "text", "enabled": "bool",
        }],
        "modelPatterns": ["text"], "excludedModelPatterns": ["text"],
        "members": [{
            "id": "uuid", "preferredUsername": "text", "email": "str", "name": "str",
            "type": "'user'|'service'", "role": "'none'|'user'|'manager'|'admin'", "isActive": "bool",
        }],
        "providerCount": "int", "modelPatternCount": "int", "memberCount": "int", "createdAt": "time",
        "updatedAt": "time", "allProviders": "bool", "forNewAccounts": "bool",
        "limits": limits(),
    })
}

/// A browser in which somebody is signed in.
pub(super) fn session() -> Value {
    json!({
        "id": "uuid", "createdAt": "time", "lastSeenAt": "time", "expiresAt": "time",
        "isCurrent": "bool", "isComplete": "bool", "address": "text|null", "provider": "text|null",
        "userAgent": "str",
    })
}

/// What calls are estimated to have cost.
pub(super) fn cost() -> Value {
    json!({
        "inputUsd": "num", "outputUsd": "num", "embeddingUsd": "num", "totalUsd": "num",
        "rates": {
            "inputUsdPer1MTokens": "num", "outputUsdPer1MTokens": "num", "embeddingUsdPer1MTokens": "num",
        },
    })
}

/// A set-up guide.
pub(super) fn guide() -> Value {
    json!({
        "id": "uuid", "identifier": "text", "title": "text", "subtitle": "str", "icon": "text",
        "compatibility": "'openai'|'anthropic'|'both'", "modelMode": "'single'|'all'|'none'",
        "filePaths": ["text"], "template": "text", "enabled": "bool", "position": "int",
        "createdAt": "time", "updatedAt": "time",
    })
}
