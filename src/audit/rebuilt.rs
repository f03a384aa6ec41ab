//! What it means that a wheel which has to be rebuilt is not shown to be.

use crate::finding::{Finding, Subject, rules};

/// Returns the finding: what was seen instead, and the command that would show it.
pub fn not_rebuilt(wheel: &str, found: &str, command: &str) -> Finding {
    Finding::new(&rules::NOT_REBUILT, Subject::path(wheel))
        .expected("reproduced: rebuilt from its sdist with the signed digest")
        .found(found)
        .next(format!(
            "do not install it before you know why; {command} shows what differs"
        ))
}
