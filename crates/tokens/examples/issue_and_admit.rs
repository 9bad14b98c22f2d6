//! Issues a token, admits a request that presents its secret, and revokes it.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use promptgate_kernel::{Clock, OsEntropy, ProjectId, SystemClock, TokenId};
use promptgate_tokens::{
    NewToken, PresentedToken, Scope, Token, TokenEnv, TokenLimits, TokenName, TokenSecret,
};

fn main() -> Result<(), Box<dyn Error>> {
    let project_id = ProjectId::mint(&SystemClock, &OsEntropy);
    let secret = TokenSecret::generate(TokenEnv::Live, &OsEntropy);
    let new = NewToken {
        project_id,
        owner: None,
        name: TokenName::parse("Search service")?,
        env: TokenEnv::Live,
        scopes: [Scope::Chat].into_iter().collect(),
        endpoint_ids: vec![],
        limits: TokenLimits::default(),
        metadata: serde_json::Map::new(),
        expires_at: None,
    };
    let now = SystemClock.now();
    let token = Token::issue(TokenId::mint(&SystemClock, &OsEntropy), new, &secret, now)?;
    println!("kept: {}…{} ({})", token.prefix, token.last_four, token.scopes);

    let presented = PresentedToken::parse(secret.expose())?;
    assert_eq!(presented.hash(), token.hash);
    println!("chat:  {:?}", token.admit(project_id, Scope::Chat, now));
    println!("admin: {:?}", token.admit(project_id, Scope::Admin, now).map_err(|denied| denied.to_string()));

    let revoked = token.revoke(now)?;
    println!("after: {:?}", revoked.admit(project_id, Scope::Chat, now).map_err(|denied| denied.to_string()));
    Ok(())
}
