//! What METADATA and WHEEL say, held against the file name and against what
//! installers take.
//!
//! In: the two files, and the name of the wheel in parts. Out: [`Fault`]s. Nothing
//! they say is believed anywhere else.

use std::collections::BTreeSet;
use std::fmt;
use std::io;

use super::super::dependency;
use super::super::fault::FaultKind;
use super::Wheel;
use crate::archive::Fault;
use crate::filename::{WheelFilename, is_version};
use crate::metadata::{self, Fields};

/// The most tags that are compared; more are a fault of their own. Three lists in
/// a file name cannot give as many.
const MAX_TAGS: usize = 20_000;

/// How many values of a field are shown.
const SHOWN: usize = 5;

impl Wheel<'_> {
    /// Looks into METADATA and WHEEL. Returns the program that wrote the wheel, as
    /// WHEEL names it.
    pub(super) fn descriptions(&mut self, filename: &WheelFilename) -> io::Result<Option<String>> {
        if let Some(contents) = self.description("METADATA", metadata::MAX_BYTES)? {
            self.metadata(&contents, filename);
        }
        let Some(contents) = self.description("WHEEL", metadata::MAX_BYTES)? else {
            return Ok(None);
        };
        if let Err(error) = std::str::from_utf8(&contents) {
            let fault = Fault::new(FaultKind::DescriptionUnreadable);
            let at = error.valid_up_to();
            self.push_described("WHEEL", fault.found(format!("no UTF-8 at byte {at}")));
        }
        let fields = Fields::parse(&contents);
        self.version(&fields);
        self.tags(&fields, filename);
        self.build(&fields, filename);
        self.purelib(&fields, filename);
        Ok(fields.all("Generator").next().map(str::to_owned))
    }

    fn metadata(&mut self, contents: &[u8], filename: &WheelFilename) {
        let fields = Fields::parse(contents);
        self.compare(&fields, "Name", filename.project(), |name| {
            filename.project().is_spelled(name)
        });
        self.compare(&fields, "Version", filename.version(), |version| {
            is_version(version, filename.version())
        });
        let mut refused = |found: String| {
            let fault = Fault::new(FaultKind::DescriptionRefused);
            self.push_described("METADATA", fault.found(found));
        };
        if let Err(error) = std::str::from_utf8(contents) {
            let at = error.valid_up_to();
            refused(format!(
                "no UTF-8 at byte {at}: pip refuses it, uv does not"
            ));
        }
        let dependencies = unread(&fields, "Requires-Dist", dependency::is_requirement);
        if let Some(shown) = dependencies {
            refused(format!("{shown}: pip refuses it, uv some of them"));
        }
        if let Some(shown) = unread(&fields, "Requires-Python", dependency::is_python_range) {
            refused(format!(
                "{shown}: pip passes over it, so it keeps nobody away, and uv may refuse the wheel"
            ));
        }
    }

    /// Says so when a field of METADATA does not stand exactly once with the right
    /// value.
    fn compare(
        &mut self,
        fields: &Fields,
        field: &str,
        expected: impl fmt::Display,
        is_right: impl Fn(&str) -> bool,
    ) {
        if let Some(found) = metadata::mismatch(fields, field, is_right) {
            let fault = Fault::new(FaultKind::MetadataMismatch);
            let fault = fault.expected(format!("{field}: {expected}"));
            self.push_described("METADATA", fault.found(found));
        }
    }

    fn version(&mut self, fields: &Fields) {
        let is_current = |version: &str| format_of(version) == Some(Format::Current);
        let Some(mut found) = metadata::mismatch(fields, "Wheel-Version", is_current) else {
            return;
        };
        let is_old = |version: &str| format_of(version) == Some(Format::Old);
        let kind = match metadata::mismatch(fields, "Wheel-Version", is_old) {
            None => {
                found += "; pip installs such a wheel, installer refuses it, and uv does when it is not two numbers";
                FaultKind::VersionOld
            }
            Some(_) => FaultKind::VersionUnsupported,
        };
        let fault = Fault::new(kind).expected("Wheel-Version: 1.x");
        self.push_described("WHEEL", fault.found(found));
    }

    fn tags(&mut self, fields: &Fields, filename: &WheelFilename) {
        let promised = expand(
            filename.python_tags(),
            filename.abi_tags(),
            filename.platform_tags(),
        );
        let Stated { tags, unread } = stated_tags(fields);
        if let Some(found) = unread {
            let fault = Fault::new(FaultKind::TagsUnreadable);
            let fault = fault.expected(list(promised.as_ref()));
            self.push_described("WHEEL", fault.found(found));
            if tags.as_ref().is_some_and(BTreeSet::is_empty) {
                return;
            }
        }
        if tags.is_some() && tags == promised {
            return;
        }
        let kind = match (&promised, &tags) {
            (Some(promised), Some(stated)) if covers(stated, promised, is_stated) => {
                FaultKind::TagsNarrowed
            }
            // Some of the tags of the name are stated, and the others lie beside them.
            (Some(promised), Some(stated))
                if promised.iter().any(|tag| is_stated(tag, stated))
                    && covers(stated, promised, is_stated_for_another) =>
            {
                FaultKind::TagsWidened
            }
            _ => FaultKind::TagsMismatch,
        };
        let fault = Fault::new(kind).expected(list(promised.as_ref()));
        self.push_described("WHEEL", fault.found(list(tags.as_ref())));
    }

    fn build(&mut self, fields: &Fields, filename: &WheelFilename) {
        let builds: Vec<&str> = fields.all("Build").collect();
        if builds == filename.build_tag().as_slice() {
            return;
        }
        let fault = Fault::new(FaultKind::BuildMismatch);
        let expected = filename.build_tag().unwrap_or("no build tag").to_owned();
        let found = match builds.as_slice() {
            [] => "no build tag".to_owned(),
            builds => builds.join(", "),
        };
        self.push_described("WHEEL", fault.expected(expected).found(found));
    }

    fn purelib(&mut self, fields: &Fields, filename: &WheelFilename) {
        let purelib: Vec<&str> = fields.all("Root-Is-Purelib").collect();
        // Programs packed as data are pure by this field and bound to a platform
        // (pyinstaller, imageio-ffmpeg); compiled modules are bound to an ABI.
        let is_compiled = filename.abi_tags().iter().any(|tag| tag != "none");
        let agrees = match purelib.as_slice() {
            [value] if value.eq_ignore_ascii_case("true") => !is_compiled,
            [value] if value.eq_ignore_ascii_case("false") => !filename.is_pure(),
            _ => false,
        };
        if agrees {
            return;
        }
        let fault = Fault::new(FaultKind::PurelibMismatch);
        let expected = if is_compiled { "false" } else { "true" };
        let found = match purelib.as_slice() {
            [] => "no Root-Is-Purelib".to_owned(),
            values => format!("Root-Is-Purelib: {}", values.join(", ")),
        };
        let expected = format!("Root-Is-Purelib: {expected}, as the tags of the name promise");
        self.push_described("WHEEL", fault.expected(expected).found(found));
    }
}

/// Returns the values of a field that are not what it is for; nothing when all are.
fn unread(fields: &Fields, field: &str, is_right: fn(&str) -> bool) -> Option<String> {
    let wrong: Vec<&str> = fields.all(field).filter(|value| !is_right(value)).collect();
    shown(field, &wrong)
}

/// Returns lines of a field as they stand; nothing when there are none.
fn shown(field: &str, values: &[&str]) -> Option<String> {
    let lines = values.iter().take(SHOWN);
    let mut lines: Vec<String> = lines.map(|value| format!("'{field}: {value}'")).collect();
    if let Some(more) = values.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(format!("{more} more"));
    }
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// Which version of the wheel format a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// `1.x`, which this program checks.
    Current,
    /// One before, or the first one written otherwise: pip compares the first
    /// number and installs it.
    Old,
}

/// Returns the version of the format; `None` for a later one and for no version.
fn format_of(version: &str) -> Option<Format> {
    let numbers: Vec<u64> = version
        .split('.')
        .map(|part| {
            part.bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| part.parse().ok())?
        })
        .collect::<Option<_>>()?;
    match numbers.as_slice() {
        [1, _] => Some(Format::Current),
        [0 | 1, ..] => Some(Format::Old),
        _ => None,
    }
}

/// Returns tags as they are shown.
fn list(tags: Option<&BTreeSet<String>>) -> String {
    match tags {
        Some(tags) => tags.iter().cloned().collect::<Vec<_>>().join(", "),
        None => format!("more than {MAX_TAGS} tags"),
    }
}

/// Returns every combination of the tags, as WHEEL lists them; `None` when there
/// are too many.
fn expand<T: AsRef<str>>(python: &[T], abi: &[T], platform: &[T]) -> Option<BTreeSet<String>> {
    if python
        .len()
        .saturating_mul(abi.len())
        .saturating_mul(platform.len())
        > MAX_TAGS
    {
        return None;
    }
    let mut tags = BTreeSet::new();
    for python in python {
        for abi in abi {
            for platform in platform {
                let tag = format!("{}-{}-{}", python.as_ref(), abi.as_ref(), platform.as_ref());
                tags.insert(tag.to_ascii_lowercase());
            }
        }
    }
    Some(tags)
}

fn covers(
    stated: &BTreeSet<String>,
    promised: &BTreeSet<String>,
    covers: fn(&str, &BTreeSet<String>) -> bool,
) -> bool {
    !stated.is_empty() && promised.iter().all(|tag| covers(tag, stated))
}

/// Returns whether a tag is among the stated ones, itself or for any platform.
fn is_stated(tag: &str, stated: &BTreeSet<String>) -> bool {
    let for_any = tag
        .rsplit_once('-')
        .map(|(before, _)| format!("{before}-any"));
    stated.contains(tag) || for_any.is_some_and(|tag| stated.contains(&tag))
}

/// Returns whether a tag is among the stated ones, or one of the same platform is and
/// both are for Python code that is bound to no ABI: it may use what another Python
/// lacks, and is no machine code for another machine.
fn is_stated_for_another(tag: &str, stated: &BTreeSet<String>) -> bool {
    let after = |tag: &str| tag.split_once('-').map(|(_, after)| after.to_owned());
    let Some(rest) = after(tag).filter(|rest| rest.starts_with("none-")) else {
        return is_stated(tag, stated);
    };
    is_stated(tag, stated)
        || stated
            .iter()
            .filter_map(|other| after(other))
            .any(|other| other == rest || other == "none-any")
}

/// The tags that WHEEL states.
struct Stated {
    /// Those that can be read; `None` when there are too many.
    tags: Option<BTreeSet<String>>,
    /// The lines that are none, or that there is no line.
    unread: Option<String>,
}

/// Reads the tags that WHEEL states. A line may hold several, joined with dots as in
/// file names.
fn stated_tags(fields: &Fields) -> Stated {
    let mut tags = Some(BTreeSet::new());
    let mut unread = Vec::new();
    let lines: Vec<&str> = fields.all("Tag").collect();
    for line in &lines {
        let parts: Vec<Vec<&str>> = line
            .split('-')
            .map(|part| part.split('.').collect())
            .collect();
        match parts.as_slice() {
            [python, abi, platform] if parts.iter().flatten().all(|tag| is_tag(tag)) => {
                let more = expand(python, abi, platform);
                tags = tags.zip(more).map(|(mut tags, more): (BTreeSet<_>, _)| {
                    tags.extend(more);
                    tags
                });
                tags = tags.filter(|tags| tags.len() <= MAX_TAGS);
            }
            _ => unread.push(*line),
        }
    }
    let unread = match lines.is_empty() {
        true => Some("no line 'Tag:'".to_owned()),
        false => shown("Tag", &unread),
    };
    Stated { tags, unread }
}

/// Returns whether a text is one tag (platform compatibility tags: letters, digits
/// and underscores).
fn is_tag(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_numbers_say_which_format_it_is() {
        for (version, expected) in [
            ("1.0", Some(Format::Current)),
            ("1.9", Some(Format::Current)),
            ("0.1", Some(Format::Old)),
            ("0.9.3", Some(Format::Old)),
            ("1", Some(Format::Old)),
            ("2.0", None),
            ("10.0", None),
            ("1.x", None),
            ("1.", None),
            ("+1.0", None),
            ("", None),
        ] {
            assert_eq!(format_of(version), expected, "{version}");
        }
    }
}
