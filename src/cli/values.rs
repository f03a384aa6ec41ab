//! What single words of the command line mean.
//!
//! In: a word. Out: a value in its range, or one sentence that says what would be right.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;

use crate::policy::{
    self, KeyValidity, Platform, RecordsPolicy, SandboxPolicy, SourceModes, SourceTimesPolicy,
    Tolerance,
};
use crate::relpath::RelPath;
use crate::report::Form;

/// Returns a number that is at least 1, or says what was asked for and how far it goes.
fn number<T: FromStr>(text: &str, what: &str, most: impl std::fmt::Display) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{what} is a whole number from 1 to {most}"))
}

pub(super) fn threshold(text: &str) -> Result<NonZeroU32, String> {
    number(text, "the number of signers", u32::MAX)
}

pub(super) fn report_age(text: &str) -> Result<u32, String> {
    let longest = policy::LONGEST_AGE_DAYS;
    number::<NonZeroU32>(text, "the age in days", longest)
        .map(NonZeroU32::get)
        .and_then(|days| match days <= longest {
            true => Ok(days),
            false => Err(format!(
                "the age in days is a whole number from 1 to {longest}"
            )),
        })
}

pub(super) fn wheels(text: &str) -> Result<NonZeroUsize, String> {
    number(text, "the number of wheels", usize::MAX)
}

pub(super) fn builds(text: &str) -> Result<NonZeroUsize, String> {
    number(text, "the number of builds at once", usize::MAX)
}

pub(super) fn processes(text: &str) -> Result<NonZeroU32, String> {
    number(text, "the number of processes", u32::MAX)
}

pub(super) fn mebibytes(text: &str) -> Result<NonZeroU32, String> {
    number(text, "the size in MiB", u32::MAX)
}

pub(super) fn seconds(text: &str) -> Result<NonZeroU32, String> {
    let wrong = match number(text, "the time in seconds", u32::MAX) {
        Ok(seconds) => return Ok(seconds),
        Err(wrong) => wrong,
    };
    // People write 5m and 1h; say what that is, and take one spelling only.
    let (digits, unit) = text.split_at(text.trim_end_matches(char::is_alphabetic).len());
    let unit = match unit {
        "s" | "sec" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong),
    };
    match digits
        .parse::<u32>()
        .ok()
        .and_then(|count| count.checked_mul(unit))
    {
        Some(seconds) if seconds > 0 => Err(format!("{wrong}: {text} is {seconds}")),
        _ => Err(wrong),
    }
}

pub(super) fn days(text: &str) -> Result<u32, String> {
    const MOST: u32 = 36_500;
    text.parse()
        .ok()
        .filter(|days| *days <= MOST)
        .ok_or_else(|| format!("the number of days is a whole number from 0 to {MOST}"))
}

fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        format!("it has to be one of: {}", known.join(", "))
    })
}

pub(super) fn key_validity(text: &str) -> Result<KeyValidity, String> {
    word(text, KeyValidity::WORDS)
}

pub(super) fn tolerance(text: &str) -> Result<Tolerance, String> {
    word(text, Tolerance::WORDS)
}

pub(super) fn records(text: &str) -> Result<RecordsPolicy, String> {
    word(text, RecordsPolicy::WORDS)
}

pub(super) fn platform(text: &str) -> Result<Platform, String> {
    word(text, Platform::WORDS)
}

pub(super) fn source_modes(text: &str) -> Result<SourceModes, String> {
    word(text, SourceModes::WORDS)
}

pub(super) fn source_times(text: &str) -> Result<SourceTimesPolicy, String> {
    match text {
        "archive" => Ok(SourceTimesPolicy::Archive),
        _ => policy::parse_epoch(text)
            .map(SourceTimesPolicy::At)
            .map_err(|error| format!("{error}; or archive")),
    }
}

pub(super) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

pub(super) fn sandbox(text: &str) -> Result<SandboxPolicy, String> {
    word(text, SandboxPolicy::WORDS)
}

/// A file to write the report to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReportFile {
    pub(super) path: PathBuf,
    pub(super) form: Form,
}

pub(super) fn report_file(text: &str) -> Result<ReportFile, String> {
    let path = PathBuf::from(text);
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending.and_then(Form::of_ending) {
        Some(form) => Ok(ReportFile { path, form }),
        None => {
            let known: Vec<String> = Form::ENDINGS
                .iter()
                .map(|(ending, _)| format!(".{ending}"))
                .collect();
            Err(format!(
                "the ending says the form, and has to be one of: {}",
                known.join(", ")
            ))
        }
    }
}

pub(super) fn rel_path(text: &str) -> Result<RelPath, String> {
    RelPath::parse(text).map_err(|error| error.to_string())
}

pub(super) fn umask(text: &str) -> Result<u16, String> {
    u16::from_str_radix(text, 8)
        .ok()
        .filter(|bits| *bits <= 0o777)
        .ok_or_else(|| "it has to be octal, such as 022".to_owned())
}

pub(super) fn build_path(text: &str) -> Result<String, String> {
    policy::check_build_path(text)
}

pub(super) fn interpreter(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((tag, path)) if !tag.is_empty() && !path.is_empty() => {
            Ok((tag.to_owned(), PathBuf::from(path)))
        }
        _ => Err("write it as py3=/usr/bin/python3".to_owned()),
    }
}
