//! What several tests need.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

use std::path::{Path, PathBuf};

/// Returns a folder of real data beside the checkout, or says that the test was
/// left out and returns `None`.
pub(crate) fn shared_data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: the real data {name} is not beside the checkout");
    None
}
