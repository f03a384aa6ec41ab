//! Tells the program which commit it was built from.
//!
//! In: `WHEELPROOF_COMMIT`, which builders set where there is no repository, such as in
//! an unpacked source archive, or to an empty text where nothing is to be said; else the
//! repository this file is the top of. Out: the variable `WHEELPROOF_COMMIT` of the
//! compiler, empty where nobody knows.
//!
//! Equal sources and an equal variable give an equal program: no time, no path and no
//! state of the working tree gets in.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=WHEELPROOF_COMMIT");
    let commit = match std::env::var("WHEELPROOF_COMMIT") {
        Ok(commit) => commit,
        Err(_) => of_repository().unwrap_or_default(),
    };
    let commit = commit.trim();
    let is_one = commit.chars().all(|digit| digit.is_ascii_hexdigit());
    let shown = if is_one { commit } else { "" };
    println!("cargo::rustc-env=WHEELPROOF_COMMIT={shown}");
}

/// Returns the commit that is checked out, when the sources are the top of a repository.
fn of_repository() -> Option<String> {
    let top = std::env::var_os("CARGO_MANIFEST_DIR")?;
    // Another repository around an unpacked archive says nothing about it.
    if !Path::new(&top).join(".git").exists() {
        return None;
    }
    let git = |arguments: &[&str]| {
        let said = Command::new("git")
            .arg("-C")
            .arg(&top)
            .args(arguments)
            .output()
            .ok()?;
        let text = String::from_utf8(said.stdout).ok()?;
        said.status.success().then(|| text.trim().to_owned())
    };
    // It grows with every commit and checkout.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo::rerun-if-changed={log}");
    git(&["rev-parse", "HEAD"])
}
