//! The members of an sdist, one after the other, without unpacking.
//!
//! In: an sdist nobody has vouched for. Out: each member's header with its
//! contents as a reader, within limits; the first fault ends it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::layout::Layout;
use super::{SdistError, zip};
use crate::archive::Limits;
use crate::archive::tar::{self, Member, TarError};
use crate::archive::zip::Archive;
use crate::filename::{SdistFilename, SdistFormat};

/// Shows `visit` each member of an sdist in turn. The reader need not be read to
/// its end.
///
/// # Errors
///
/// The file or the archive cannot be read, a member lies where none may, or whatever
/// `visit` returns.
pub fn members(
    sdist: &Path,
    name: &SdistFilename,
    limits: &Limits,
    mut visit: impl FnMut(&Member, &mut dyn Read) -> Result<(), SdistError>,
) -> Result<(), SdistError> {
    let mut layout = Layout::default();
    let mut visit = |member: &Member, contents: &mut dyn Read| {
        layout.place(member)?;
        visit(member, contents)
    };
    let file = File::open(sdist).map_err(|source| SdistError::Io {
        action: "open",
        path: sdist.display().to_string(),
        source,
    })?;
    match name.format() {
        SdistFormat::TarGz => tar::read_gzip(file, limits, visit),
        SdistFormat::Zip => {
            let archive = Archive::from_file(file, *limits)?;
            for member in archive.members() {
                let plain = zip::member(member).map_err(|reason| TarError::Name {
                    name: member.name().to_string(),
                    reason,
                })?;
                visit(&plain, &mut archive.reader(member)?)?;
            }
            Ok(())
        }
    }
}
