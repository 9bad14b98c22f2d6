//! Runs the service that speaks every vendor's wire format until its input ends, for trying things
//! by hand: `cargo run -p promptgate-testkit --example vendor`.
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use promptgate_testkit::{upstream::ScriptedUpstream, vendor};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let upstream = ScriptedUpstream::start().await?;
    upstream.handle(vendor::answer);
    println!("{}", upstream.url());
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}
