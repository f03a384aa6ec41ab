//! The policy file as it is written, and the way from there to a [`Policy`].

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::handoff;
use super::keys::{Class, Name, Rule, Stated, Table as _, Taken, table};
use super::rebuild;
use super::source::Source;
use super::words;
use super::{
    Depth, KeyValidity, LAPSE_WARNING_DAYS, Lines, Policy, PolicyError, Tolerance, Trust,
    WheelhouseName, WheelhousePolicy,
};
use crate::archive::Limits;
use crate::fingerprint::Fingerprint;
use crate::relpath::RelPath;
use crate::time::UtcTime;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RawPolicy {
    trust: RawTrust,
    wheelhouse: RawWheelhouse,
    rebuild: rebuild::Raw,
    handoff: handoff::Raw,
}

table! {
    struct RawTrust {
        certificates: Vec<PathBuf> => Rule::Trusts,
        signers: Vec<Spanned<String>> => Rule::Trusts,
        // One signer is the least that is ever asked for.
        threshold: i64 => Rule::Narrows,
        key_validity: String => Rule::Widens(|word| word != "both"),
        not_before: String => Rule::Narrows,
        // Under --strict, and in `certs`, the warning is what fails.
        lapse_warning_days: i64 => Rule::Widens(|days| *days < i64::from(LAPSE_WARNING_DAYS)),
        bad_signatures: String => Rule::Widens(|word| word != "refuse"),
    }
}

table! {
    struct RawWheelhouse {
        // Whoever writes the directory could as well put any manifest in the usual place.
        manifest: PathBuf => Rule::Places(|path| vec![path.clone()]),
        signatures: Vec<PathBuf> => Rule::Places(Clone::clone),
        directory: PathBuf => Rule::Moves(Clone::clone),
        allow_unlisted: Vec<Spanned<String>> => Rule::Widens(|names| !names.is_empty()),
        depth: String => Rule::Widens(|word| word != "deep"),
        crlf: String => Rule::Widens(|word| word != "refuse"),
        repeated_names: String => Rule::Widens(|word| word != "refuse"),
        project: String => Rule::Narrows,
        state: PathBuf => Rule::Writes,
        requirements: Vec<PathBuf> => Rule::Narrows,
        [limits]: RawLimits,
    }
}

table! {
    struct RawLimits {
        members: i64 => Rule::Widens(|most| exceeds(*most, Limits::default().members)),
        member_mib: i64 => Rule::Widens(|most| exceeds(*most, Limits::default().member_bytes >> 20)),
        total_mib: i64 => Rule::Widens(|most| exceeds(*most, Limits::default().total_bytes >> 20)),
        ratio: i64 => Rule::Widens(|most| exceeds(*most, Limits::default().ratio)),
    }
}

/// Returns whether a limit lets more through than the one that holds without it.
pub(super) fn exceeds(limit: i64, default: u64) -> bool {
    u64::try_from(limit).is_ok_and(|limit| limit > default)
}

/// Returns every key that a policy may have, with what it lets its writer do. A key
/// whose name is up to the policy stands as `TAG` or `NAME`.
pub(super) fn classes() -> Vec<(String, Class)> {
    let mut all = Vec::new();
    RawTrust::classes(&Name::top("trust"), &mut all);
    RawWheelhouse::classes(&Name::top("wheelhouse"), &mut all);
    rebuild::Raw::classes(&Name::top("rebuild"), &mut all);
    handoff::Raw::classes(&Name::top("handoff"), &mut all);
    all
}

pub(super) fn parse(path: &Path, text: &str) -> Result<(Policy, Vec<Stated>), PolicyError> {
    let source = Source { path, text };
    let raw: RawPolicy = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        source.error(span, words::plain(error.message()))
    })?;
    let mut taken = Taken {
        source: &source,
        stated: Vec::new(),
    };
    let RawPolicy {
        trust: raw_trust,
        wheelhouse: raw_wheelhouse,
        rebuild: raw_rebuild,
        handoff: raw_handoff,
    } = &raw;
    raw_trust.take(&Name::top("trust"), &mut taken);
    raw_wheelhouse.take(&Name::top("wheelhouse"), &mut taken);
    raw_rebuild.take(&Name::top("rebuild"), &mut taken);
    raw_handoff.take(&Name::top("handoff"), &mut taken);
    let stated = taken.stated;
    let policy = Policy {
        trust: trust(&source, raw.trust)?,
        wheelhouse: wheelhouse(&source, raw.wheelhouse)?,
        rebuild: rebuild::checked(&source, raw.rebuild)?,
        handoff: handoff::checked(&source, raw.handoff)?,
    };
    Ok((policy, stated))
}

fn trust(source: &Source<'_>, raw: RawTrust) -> Result<Trust, PolicyError> {
    let signers = raw
        .signers
        .iter()
        .flat_map(Spanned::get_ref)
        .map(|signer| {
            source.check(signer, |text| {
                text.parse::<Fingerprint>()
                    .map_err(|error| error.to_string())
            })
        })
        .collect::<Result<BTreeSet<_>, _>>()?;
    let threshold = match &raw.threshold {
        Some(value) => source
            .positive(value)
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX))?,
        None => 1,
    };
    Ok(Trust {
        certificates: source.paths(raw.certificates).unwrap_or_default(),
        signers,
        threshold: NonZeroU32::new(threshold).unwrap_or(NonZeroU32::MIN),
        key_validity: match &raw.key_validity {
            Some(value) => source.word(value, KeyValidity::WORDS)?,
            None => KeyValidity::default(),
        },
        not_before: raw
            .not_before
            .as_ref()
            .map(|value| {
                source.check(value, |text| {
                    text.parse::<UtcTime>().map_err(|error| error.to_string())
                })
            })
            .transpose()?,
        lapse_warning_days: match &raw.lapse_warning_days {
            Some(value) => source.check(value, |number| {
                u32::try_from(*number)
                    .ok()
                    .filter(|days| *days <= 36_500)
                    .ok_or_else(|| format!("this is {number}, but has to be 0 to 36500 days"))
            })?,
            None => LAPSE_WARNING_DAYS,
        },
        bad_signatures: tolerance(source, &raw.bad_signatures)?,
    })
}

/// Returns what a key that lets something doubtful through says.
fn tolerance(
    source: &Source<'_>,
    value: &Option<Spanned<String>>,
) -> Result<Tolerance, PolicyError> {
    match value {
        Some(value) => source.word(value, Tolerance::WORDS),
        None => Ok(Tolerance::default()),
    }
}

fn wheelhouse(source: &Source<'_>, raw: RawWheelhouse) -> Result<WheelhousePolicy, PolicyError> {
    Ok(WheelhousePolicy {
        lines: Lines {
            crlf: tolerance(source, &raw.crlf)?,
            repeated_names: tolerance(source, &raw.repeated_names)?,
        },
        project: raw
            .project
            .as_ref()
            .map(|name| {
                source.check(name, |text| {
                    text.parse::<WheelhouseName>()
                        .map_err(|error| error.to_string())
                })
            })
            .transpose()?,
        state: source.path(raw.state),
        requirements: source.paths(raw.requirements).unwrap_or_default(),
        manifest: source.path(raw.manifest),
        signatures: source.paths(raw.signatures).unwrap_or_default(),
        directory: source.path(raw.directory),
        allow_unlisted: raw
            .allow_unlisted
            .iter()
            .flat_map(Spanned::get_ref)
            .map(|name| {
                source.check(name, |text| {
                    RelPath::parse(text).map_err(|error| error.to_string())
                })
            })
            .collect::<Result<_, _>>()?,
        depth: match &raw.depth {
            Some(value) => source.word(value, Depth::WORDS)?,
            None => Depth::default(),
        },
        limits: limits(source, &raw.limits)?,
    })
}

fn limits(source: &Source<'_>, raw: &RawLimits) -> Result<Limits, PolicyError> {
    let defaults = Limits::default();
    let number = |value: &Option<Spanned<i64>>, default: u64| match value {
        Some(value) => source.positive(value),
        None => Ok(default),
    };
    Ok(Limits {
        members: number(&raw.members, defaults.members)?,
        member_bytes: source.mebibytes(&raw.member_mib, defaults.member_bytes)?,
        total_bytes: source.mebibytes(&raw.total_mib, defaults.total_bytes)?,
        ratio: number(&raw.ratio, defaults.ratio)?,
    })
}
