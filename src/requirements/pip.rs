//! What one line of a requirements file asks for.
//!
//! In: a logical line. Out: a [`Requirement`], an option that changes nothing we
//! rely on, the name of another file, or a fault. What is not known is a fault.
//!
//! The format is pip's ("Requirements File Format", "Hash-checking Mode").

use pep440_rs::Version;

use super::fault::{FaultKind, clip};
use super::{Requirement, lines, marker};
use crate::digest::Sha256Digest;
use crate::filename::ProjectName;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// It asks for a project.
    Requirement(Box<Requirement>),
    /// It names another file of requirements (`-r`).
    Include(String),
    /// It names a file of constraints (`-c`).
    Constraints(String),
    /// It says whether wheels only are wanted.
    OnlyWheels(bool),
}

/// What an option does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It decides where pip looks.
    Elsewhere,
    /// It names another file.
    Include,
    /// It names a file of constraints.
    Constraints,
    /// It decides between wheels and sdists.
    OnlyBinary,
    /// It changes nothing where everything is pinned and hashed.
    Harmless,
    /// It takes a check away, or lets code run.
    Refused,
    /// It belongs to the requirement before it.
    Hash,
}

struct KnownOption {
    long: &'static str,
    short: Option<char>,
    takes_value: bool,
    effect: Effect,
}

const fn known(
    long: &'static str,
    short: Option<char>,
    takes_value: bool,
    effect: Effect,
) -> KnownOption {
    KnownOption {
        long,
        short,
        takes_value,
        effect,
    }
}

/// The options that pip takes from a file (pip 26.3, `req_file.py`).
const OPTIONS: &[KnownOption] = &[
    known("--index-url", Some('i'), true, Effect::Elsewhere),
    known("--pypi-url", None, true, Effect::Elsewhere),
    known("--extra-index-url", None, true, Effect::Elsewhere),
    known("--find-links", Some('f'), true, Effect::Elsewhere),
    known("--trusted-host", None, true, Effect::Elsewhere),
    known("--editable", Some('e'), true, Effect::Elsewhere),
    known("--requirement", Some('r'), true, Effect::Include),
    known("--constraint", Some('c'), true, Effect::Constraints),
    known("--only-binary", None, true, Effect::OnlyBinary),
    known("--no-index", None, false, Effect::Harmless),
    known("--prefer-binary", None, false, Effect::Harmless),
    known("--require-hashes", None, false, Effect::Harmless),
    known("--pre", None, false, Effect::Harmless),
    known("--all-releases", None, true, Effect::Harmless),
    known("--only-final", None, true, Effect::Harmless),
    known("--no-require-hashes", None, false, Effect::Refused),
    known("--no-binary", None, true, Effect::Refused),
    known("--use-feature", None, true, Effect::Refused),
    known("--config-settings", Some('C'), true, Effect::Refused),
    known("--hash", None, true, Effect::Hash),
];

/// Reads a logical line.
///
/// # Errors
///
/// Everything that is wrong with it.
pub(super) fn line(text: &str, number: u64) -> Result<Vec<Line>, Vec<FaultKind>> {
    if let Some(variable) = lines::variable(text) {
        return Err(vec![FaultKind::Variable(clip(variable))]);
    }
    let begins = if text.starts_with('-') {
        0
    } else {
        // pip looks for the first word with a hyphen, in markers too.
        text.match_indices([' ', '\t'])
            .map(|(index, _)| index + 1)
            .find(|index| text.get(*index..).is_some_and(|rest| rest.starts_with('-')))
            .unwrap_or(text.len())
    };
    let (asked, options) = text.split_at(begins);
    let options = options_of(options)?;
    if asked.trim().is_empty() {
        return option_line(&options);
    }
    let mut faults = Vec::new();
    let mut hashes = Vec::new();
    for (option, word, value) in &options {
        match option.effect {
            Effect::Hash => match hash(value) {
                Ok(digest) => hashes.push(digest),
                Err(fault) => faults.push(fault),
            },
            Effect::Elsewhere => faults.push(FaultKind::OptionElsewhere(clip(word))),
            _ => faults.push(FaultKind::Option(clip(word))),
        }
    }
    match requirement(asked.trim(), number) {
        Ok(mut requirement) if faults.is_empty() => {
            requirement.hashes = hashes;
            Ok(vec![Line::Requirement(Box::new(requirement))])
        }
        Ok(_) => Err(faults),
        Err(fault) => {
            faults.insert(0, fault);
            Err(faults)
        }
    }
}

/// Reads the value of `--hash`, or of a hash in a lock file.
pub(super) fn hash(text: &str) -> Result<Sha256Digest, FaultKind> {
    text.strip_prefix("sha256:")
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| FaultKind::Hash(clip(text)))
}

/// An option that is known, as it is written, with its value.
type Given<'t> = (&'static KnownOption, &'t str, &'t str);

fn options_of(text: &str) -> Result<Vec<Given<'_>>, Vec<FaultKind>> {
    let mut options = Vec::new();
    let mut faults = Vec::new();
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            // Whatever follows belongs to it, a marker for example.
            faults.push(FaultKind::Stray(clip(word)));
            break;
        }
        // pip splits options as a shell would.
        if word.contains(['\'', '"']) {
            faults.push(FaultKind::Quotes(clip(word)));
            continue;
        }
        let (name, attached) = parts(word);
        let found = OPTIONS.iter().find(|option| match name.strip_prefix("--") {
            Some(_) => option.long == name,
            None => option.short.is_some() && option.short == name.chars().nth(1),
        });
        let Some(option) = found else {
            // optparse takes any beginning of an option for the option.
            let leads = |option: &KnownOption| {
                option.effect == Effect::Elsewhere
                    && name.len() > 3
                    && option.long.starts_with(name)
            };
            faults.push(match OPTIONS.iter().any(leads) {
                true => FaultKind::OptionElsewhere(clip(name)),
                false => FaultKind::Option(clip(name)),
            });
            continue;
        };
        let value = match (option.takes_value, attached) {
            (true, None) => words.next(),
            (true, Some(value)) => Some(value).filter(|value| !value.is_empty()),
            (false, None) => Some(""),
            (false, Some(_)) => None,
        };
        match value {
            Some(value) => options.push((option, name, value)),
            None => faults.push(FaultKind::Value(clip(word))),
        }
    }
    match faults.is_empty() {
        true => Ok(options),
        false => Err(faults),
    }
}

/// Splits `--name=value` and `-nvalue`.
fn parts(word: &str) -> (&str, Option<&str>) {
    if word.starts_with("--") {
        return match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
    }
    let end = word
        .char_indices()
        .nth(2)
        .map_or(word.len(), |(end, _)| end);
    let (name, value) = word.split_at(end);
    (name, Some(value).filter(|value| !value.is_empty()))
}

fn option_line(options: &[Given<'_>]) -> Result<Vec<Line>, Vec<FaultKind>> {
    let mut lines = Vec::new();
    let mut faults = Vec::new();
    for (option, name, value) in options {
        match option.effect {
            Effect::Elsewhere => faults.push(FaultKind::OptionElsewhere(clip(name))),
            // A hash without a requirement, or an option that takes a check away.
            Effect::Refused | Effect::Hash => faults.push(FaultKind::Option(clip(name))),
            Effect::Include => lines.push(Line::Include((*value).to_owned())),
            Effect::Constraints => lines.push(Line::Constraints((*value).to_owned())),
            Effect::OnlyBinary if *value == ":all:" => lines.push(Line::OnlyWheels(true)),
            Effect::OnlyBinary if *value == ":none:" => lines.push(Line::OnlyWheels(false)),
            Effect::OnlyBinary | Effect::Harmless => {}
        }
    }
    match faults.is_empty() {
        true => Ok(lines),
        false => Err(faults),
    }
}

/// Reads what stands before the options: `name[extras]==version ; marker`.
fn requirement(text: &str, line: u64) -> Result<Requirement, FaultKind> {
    let (pinned, marker) = match text.split_once(';') {
        Some((pinned, marker)) => (pinned.trim(), Some(marker::read(marker)?)),
        None => (text, None),
    };
    if pinned.contains(['/', '@', ':']) || pinned.starts_with('.') || is_archive(pinned) {
        return Err(FaultKind::Link(clip(pinned)));
    }
    let not_pinned = || FaultKind::NotPinned(clip(pinned));
    let end = pinned
        .find(['=', '<', '>', '~', '!', '('])
        .unwrap_or(pinned.len());
    let (name, specifier) = pinned.split_at(end);
    let (name, extras) = match name.split_once('[') {
        Some((name, extras)) => (name.trim(), self::extras(extras)?),
        None => (name.trim(), Vec::new()),
    };
    let project = ProjectName::parse(name).map_err(|_| FaultKind::Name(clip(name)))?;
    let version = specifier.strip_prefix("==").ok_or_else(not_pinned)?;
    // `===` compares texts: `===2.0` is not the version 2.00 (version specifiers
    // specification, "Arbitrary equality").
    if version.starts_with('=') {
        return Err(not_pinned());
    }
    let text = version.trim();
    let version: Version = text.parse().map_err(|_| FaultKind::Version(clip(text)))?;
    // The same version is written `1+a-tar` and `1+a.tar`.
    if is_archive(&version.to_string()) {
        return Err(FaultKind::Link(clip(pinned)));
    }
    Ok(Requirement {
        project,
        extras,
        version,
        hashes: Vec::new(),
        marker,
        line,
    })
}

/// Returns whether pip takes a requirement for the name of an archive, whatever stands
/// before the ending.
fn is_archive(pinned: &str) -> bool {
    let pinned = pinned.to_ascii_lowercase();
    [
        ".whl",
        ".zip",
        ".tar.gz",
        ".tgz",
        ".tar.bz2",
        ".tbz",
        ".tar",
        ".tar.xz",
        ".txz",
        ".tlz",
        ".tar.lz",
        ".tar.lzma",
    ]
    .iter()
    .any(|ending| pinned.ends_with(ending))
}

/// Reads what follows the bracket after a name: `x,y]`.
fn extras(text: &str) -> Result<Vec<String>, FaultKind> {
    let not_a_name = |name: &str| FaultKind::Name(clip(name));
    let list = text
        .trim_end()
        .strip_suffix(']')
        .ok_or_else(|| not_a_name(text))?;
    list.split(',')
        .map(str::trim)
        .filter(|extra| !extra.is_empty())
        .map(|extra| match ProjectName::parse(extra) {
            // The names of extras follow the rules of project names.
            Ok(_) => Ok(extra.to_owned()),
            Err(_) => Err(not_a_name(extra)),
        })
        .collect()
}
