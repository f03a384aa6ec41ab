//! What an sdist needs to be built.
//!
//! In: an open file with the name of an sdist. Out: the names in `pyproject.toml`,
//! claims of whoever wrote it. A build backend may ask for more when it runs.

use std::fs::File;
use std::io::{self, Read};

use super::zip;
use crate::archive::Limits;
use crate::archive::tar::{self, Kind, Member, TarError};
use crate::archive::zip::Archive;
use crate::cancel::Cancel;
use crate::filename::{SdistFilename, SdistFormat};

/// How large a `pyproject.toml` may be.
const MAX_BYTES: u64 = 4 << 20;

/// Why reading ended before the last member.
enum Stop {
    /// The member was found.
    Found,
    /// The archive cannot be read.
    Fault,
}

impl From<TarError> for Stop {
    fn from(_: TarError) -> Self {
        Self::Fault
    }
}

/// Returns what the build system table requires, or what stands for a missing one
/// (`pyproject.toml` specification: setuptools). `None` when that cannot be read.
pub fn build_requirements(
    file: File,
    filename: &SdistFilename,
    limits: Limits,
    cancel: &Cancel,
) -> Option<Vec<String>> {
    let text = match filename.format() {
        SdistFormat::TarGz => from_tar(file, &limits, cancel)?,
        SdistFormat::Zip => from_zip(file, limits)?,
    };
    let missing = || vec!["setuptools".to_owned()];
    let Some(text) = text else {
        return Some(missing());
    };
    let document: toml::Table = String::from_utf8(text).ok()?.parse().ok()?;
    let Some(table) = document.get("build-system") else {
        return Some(missing());
    };
    let Some(requires) = table.get("requires") else {
        return Some(missing());
    };
    requires
        .as_array()?
        .iter()
        .map(|name| name.as_str().map(str::to_owned))
        .collect()
}

fn is_pyproject(member: &Member) -> bool {
    let mut components = member.path.components().skip(1);
    member.kind == Kind::File
        && components.next() == Some("pyproject.toml")
        && components.next().is_none()
}

fn from_tar(file: File, limits: &Limits, cancel: &Cancel) -> Option<Option<Vec<u8>>> {
    let mut found = None;
    let result = tar::read_gzip(file, limits, |member, contents: &mut dyn Read| {
        cancel.check().map_err(|_| Stop::Fault)?;
        if !is_pyproject(member) {
            return Ok(());
        }
        found = Some(bounded(contents).map_err(|_| Stop::Fault)?);
        Err(Stop::Found)
    });
    match result {
        Ok(()) | Err(Stop::Found) => Some(found),
        Err(Stop::Fault) => None,
    }
}

fn bounded(contents: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    contents.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX_BYTES {
        true => Err(io::Error::other("pyproject.toml is larger than 4 MiB")),
        false => Ok(bytes),
    }
}

fn from_zip(file: File, limits: Limits) -> Option<Option<Vec<u8>>> {
    let archive = Archive::from_file(file, limits).ok()?;
    for member in archive.members() {
        if zip::member(member).is_ok_and(|plain| is_pyproject(&plain)) {
            return archive.contents(member, MAX_BYTES).ok().map(Some);
        }
    }
    Some(None)
}
