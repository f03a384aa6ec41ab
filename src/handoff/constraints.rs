//! The list of what a command may install.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::pinned::Held;
use crate::relpath::RelPath;

/// Returns the files that requirements admit.
pub fn admitted<'a>(held: &[Held<'a>]) -> BTreeSet<&'a RelPath> {
    held.iter()
        .flat_map(|held| &held.admitted)
        .map(|package| &package.path)
        .collect()
}

/// Returns requirements with the digests of the signed files that each admits, in
/// the form that pip and uv read, as requirements or as constraints. What no signed
/// file meets is left out; whether that may be is decided before.
pub fn constraints(held: &[Held<'_>]) -> String {
    // No extras: pip takes none from constraints, and what they bring in is listed by
    // itself where every requirement has a hash.
    lines(held, |_| String::new())
}

/// Returns the same in the place of a file of requirements, with the extras that it asks
/// for.
pub fn requirements(held: &[Held<'_>]) -> String {
    lines(held, |extras| match extras {
        [] => String::new(),
        extras => format!("[{}]", extras.join(",")),
    })
}

fn lines(held: &[Held<'_>], extras: impl Fn(&[String]) -> String) -> String {
    let mut text = String::new();
    for held in held.iter().filter(|held| !held.admitted.is_empty()) {
        let requirement = &held.pin.requirement;
        let _ = write!(
            text,
            "{}{}=={}",
            requirement.project,
            extras(&requirement.extras),
            requirement.version
        );
        if let Some(marker) = &requirement.marker {
            let _ = write!(text, " ; {marker}");
        }
        for package in &held.admitted {
            let _ = write!(text, " --hash=sha256:{}", package.sha256);
        }
        text.push('\n');
    }
    text
}
