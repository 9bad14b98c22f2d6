//! `cargo xtask layers`: dependencies point one way, and every outside crate has a home.

mod graph;
mod rules;

use std::fs;

use anyhow::{Context, bail};

use crate::{
    command::{cargo, root},
    layers::graph::Member,
};

/// Past this many lines a file holds a second idea.
const LONGEST_FILE: usize = 600;

/// Reads the workspace and fails with one sentence for each thing that must be put right.
pub(crate) fn check() -> anyhow::Result<()> {
    let metadata = cargo(["metadata", "--no-deps", "--format-version", "1"]).read()?;
    let members = Member::all(&metadata, |manifest| {
        fs::read_to_string(manifest).with_context(|| format!("cannot read {manifest}"))
    })?;
    let mut complaints = rules::complaints(&members);
    for member in members.iter().filter(|member| rules::is_for_everybody(member)) {
        let tree = cargo([
            "tree",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{lib}",
            "--package",
            &member.name,
        ]);
        complaints.extend(rules::reached_by(&member.name, &tree.read()?));
    }
    complaints.extend(too_long_files()?);
    if complaints.is_empty() {
        println!("{} crates, dependencies point the right way", members.len());
        return Ok(());
    }
    for complaint in &complaints {
        println!("- {complaint}");
    }
    bail!("{} to put right", complaints.len())
}

fn too_long_files() -> anyhow::Result<Vec<String>> {
    let mut complaints = Vec::new();
    let mut pending: Vec<_> = ["crates", "bins", "xtask"].map(|directory| root().join(directory)).into();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(&path).with_context(|| format!("cannot list {}", path.display()))? {
                pending.push(entry?.path());
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let lines = fs::read_to_string(&path)?.lines().count();
            if lines > LONGEST_FILE {
                let path = path.strip_prefix(root()).unwrap_or(&path).display();
                complaints.push(format!(
                    "{path} has {lines} lines: find the second idea in it and give that a file of its own \
                     (the ceiling is {LONGEST_FILE})"
                ));
            }
        }
    }
    complaints.sort();
    Ok(complaints)
}
