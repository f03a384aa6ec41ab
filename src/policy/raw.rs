//! The policy file as it is written, and the way from there to a [`Policy`].

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::rebuild;
use super::source::Source;
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
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RawTrust {
    certificates: Vec<PathBuf>,
    signers: Vec<Spanned<String>>,
    threshold: Option<Spanned<i64>>,
    key_validity: Option<Spanned<String>>,
    not_before: Option<Spanned<String>>,
    lapse_warning_days: Option<Spanned<i64>>,
    bad_signatures: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RawWheelhouse {
    manifest: Option<PathBuf>,
    signatures: Vec<PathBuf>,
    directory: Option<PathBuf>,
    allow_unlisted: Vec<Spanned<String>>,
    depth: Option<Spanned<String>>,
    limits: RawLimits,
    crlf: Option<Spanned<String>>,
    repeated_names: Option<Spanned<String>>,
    project: Option<Spanned<String>>,
    state: Option<PathBuf>,
    requirements: Vec<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RawLimits {
    members: Option<Spanned<i64>>,
    member_mib: Option<Spanned<i64>>,
    total_mib: Option<Spanned<i64>>,
    ratio: Option<Spanned<i64>>,
}

pub(super) fn parse(path: &Path, text: &str) -> Result<Policy, PolicyError> {
    let source = Source { path, text };
    let raw: RawPolicy = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        source.error(span, error.message().to_owned())
    })?;
    Ok(Policy {
        trust: trust(&source, raw.trust)?,
        wheelhouse: wheelhouse(&source, raw.wheelhouse)?,
        rebuild: rebuild::checked(&source, raw.rebuild)?,
    })
}

fn trust(source: &Source<'_>, raw: RawTrust) -> Result<Trust, PolicyError> {
    let signers = raw
        .signers
        .iter()
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
        certificates: source.resolve_all(raw.certificates),
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
        state: raw.state.map(|path| source.resolve(path)),
        requirements: source.resolve_all(raw.requirements),
        manifest: raw.manifest.map(|path| source.resolve(path)),
        signatures: source.resolve_all(raw.signatures),
        directory: raw.directory.map(|path| source.resolve(path)),
        allow_unlisted: raw
            .allow_unlisted
            .iter()
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
