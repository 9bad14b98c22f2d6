//! Seals a secret for storage and opens it again, also after the key was replaced.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use promptgate_kernel::{KeyRing, OsEntropy, SecretsKey};

fn main() -> Result<(), Box<dyn Error>> {
    let first = SecretsKey::generate(&OsEntropy);
    let sealed = KeyRing::new(first.clone(), vec![]).seal(b"sk-upstream", "credential 7", &OsEntropy);
    println!("stored: {}", sealed.as_text());

    // Later: another key is active, the first one still opens what it sealed.
    let keys = KeyRing::new(SecretsKey::generate(&OsEntropy), vec![first]);
    let opened = keys.open(&sealed, "credential 7")?;
    println!("opened: {} bytes", opened.expose().len());
    println!("another row's secret: {}", keys.open(&sealed, "credential 8").is_err());
    Ok(())
}
