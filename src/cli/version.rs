//! `wheelproof --version`: what this program is, and what it can do here.

use std::path::PathBuf;

use super::Surroundings;
use crate::policy::SandboxPolicy;
use crate::sandbox::{Parts, Sandbox, find_program};

/// The OpenPGP backend that was compiled in.
const BACKEND: &str = if cfg!(feature = "crypto-nettle") {
    "nettle"
} else if cfg!(feature = "crypto-openssl") {
    "openssl"
} else {
    "rust"
};

/// Returns what a report of a fault should begin with.
pub(super) fn text(surroundings: &Surroundings) -> String {
    let commit = match env!("WHEELPROOF_COMMIT") {
        "" => "not known; the builder did not say it",
        commit => commit,
    };
    format!(
        "wheelproof {}\ncommit:   {commit}\nopenpgp:  Sequoia, backend {BACKEND}\nsandbox:  {}\n",
        env!("CARGO_PKG_VERSION"),
        sandbox(surroundings)
    )
}

/// Returns the sandbox that builds would have here. Each layer is tried, as before a build.
fn sandbox(surroundings: &Surroundings) -> String {
    let Some(stage) = surroundings.executable.clone() else {
        return "none: the system does not say where this program's own file is".to_owned();
    };
    let path = surroundings.variable("PATH");
    let directories: Vec<PathBuf> =
        path.map_or_else(Vec::new, |path| std::env::split_paths(path).collect());
    let parts = Parts {
        stage,
        bubblewrap: find_program("bwrap", &directories),
    };
    match Sandbox::choose(SandboxPolicy::Auto, &parts) {
        Ok(sandbox) => match sandbox.shortfall() {
            None => sandbox.layer().as_str().to_owned(),
            Some(shortfall) => format!("{}; {shortfall}", sandbox.layer().as_str()),
        },
        Err(error) => format!("none: {error}"),
    }
}
