//! Which files a build may open, where there are no namespaces: Landlock.
//!
//! In: what may be read and what may be written. Out: rules on this process that
//! nothing takes off again, and the version of the kernel's Landlock, which says what
//! they do not cover.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, LandlockStatus,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};

use super::{SYSTEM_DIRECTORIES, SYSTEM_FILES};

/// The newest version whose rules are used (Linux 6.12).
pub(super) const NEWEST: u32 = 6;

/// The devices that every program may use.
const DEVICES: [&str; 5] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// Restricts this process and all that it starts. Of an older kernel what it has is
/// used, and its version returned; `at_most` acts as a kernel of that version.
///
/// # Errors
///
/// The kernel has no Landlock, or does not take the rules.
pub(super) fn restrict(read: &[String], write: &str, at_most: u32) -> Result<u32, String> {
    let abi = ABI::from(i32::try_from(at_most.min(NEWEST)).unwrap_or_default());
    let system = SYSTEM_DIRECTORIES.iter().chain(SYSTEM_FILES).copied();
    let status = landlock::Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| match AccessNet::from_all(abi) {
            none if none.is_empty() => Ok(rules),
            all => rules.handle_access(all),
        })
        .and_then(|rules| match Scope::from_all(abi) {
            none if none.is_empty() => Ok(rules),
            all => rules.scope(all),
        })
        .and_then(|rules| rules.create())
        .and_then(|rules| rules.add_rules(path_beneath_rules(system, AccessFs::from_read(abi))))
        .and_then(|rules| rules.add_rules(path_beneath_rules(read, AccessFs::from_read(abi))))
        .and_then(|rules| rules.add_rules(path_beneath_rules([write], AccessFs::from_all(abi))))
        .and_then(|rules| {
            rules.add_rules(path_beneath_rules(
                DEVICES,
                AccessFs::ReadFile | AccessFs::WriteFile,
            ))
        })
        .and_then(|rules| rules.restrict_self())
        .map_err(|error| format!("Landlock refuses: {error}"))?;
    let kernel = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi as u32,
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
    };
    if status.ruleset == RulesetStatus::NotEnforced || kernel == 0 {
        return Err(
            "this kernel has no Landlock (Linux 5.13 or newer, with it switched on)".to_owned(),
        );
    }
    Ok(kernel.min(abi as u32))
}
