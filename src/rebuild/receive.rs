//! What comes out of a build: a line, and a wheel.
//!
//! In: bytes from inside the sandbox, foreign. Out: the digest of a wheel of the
//! right name, or why there is none. Nothing the line says is believed but what is
//! against the build.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::Deserialize;

use crate::digest::{Sha256Digest, Sha256Hasher};
use crate::filename::{SdistFilename, WheelFilename};

/// How long the line before the wheel may be.
pub(super) const MAX_HEADER_BYTES: usize = 4 << 20;

/// The line that the driver sends before the wheel.
#[derive(Debug, Deserialize)]
struct Header {
    #[serde(default)]
    wheels: Vec<String>,
    returned: Option<String>,
    failed: Option<String>,
    missing: Option<String>,
    #[serde(default)]
    elsewhere: BTreeMap<String, String>,
}

/// Returns the requirements in the line that the driver sends when it was to ask for
/// them; none in a line that is anything else.
pub(super) fn requirements(line: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Answer {
        requires: Vec<String>,
    }
    serde_json::from_slice(line).map_or_else(|_| Vec::new(), |answer: Answer| answer.requires)
}

/// Splits what comes out of the sandbox into a line and a file.
pub(super) struct Receiver {
    header: Vec<u8>,
    header_done: bool,
    file: File,
    hasher: Sha256Hasher,
    size: u64,
}

pub(super) struct Received {
    header: Vec<u8>,
    pub(super) sha256: Sha256Digest,
    pub(super) size: u64,
}

impl Receiver {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self {
            header: Vec::new(),
            header_done: false,
            file,
            hasher: Sha256Hasher::new(),
            size: 0,
        })
    }

    pub(super) fn finish(mut self) -> io::Result<Received> {
        self.file.flush()?;
        Ok(Received {
            header: self.header,
            sha256: self.hasher.finish(),
            size: self.size,
        })
    }
}

impl Write for Receiver {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let mut rest = piece;
        if !self.header_done {
            match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    let (line, after) = rest.split_at(end);
                    self.header.extend_from_slice(line);
                    self.header_done = true;
                    rest = after.get(1..).unwrap_or_default();
                }
                None => {
                    self.header.extend_from_slice(rest);
                    rest = &[];
                }
            }
            // Longer than any report: the rest is dropped, and the report with it.
            self.header.truncate(MAX_HEADER_BYTES);
        }
        self.file.write_all(rest)?;
        self.hasher.update(rest);
        self.size += rest.len() as u64;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Received {
    /// Returns the name of the wheel, or in one sentence why there is none. Where no
    /// name is wanted, any of the sdist's project and version will do.
    pub(super) fn judge(
        &self,
        wanted: Option<&WheelFilename>,
        sdist: &SdistFilename,
    ) -> Result<WheelFilename, String> {
        if self.header.is_empty() {
            return Err("the build ended without an error and without a wheel".to_owned());
        }
        let header: Header = serde_json::from_slice(&self.header)
            .map_err(|_| "the build wrote into the pipe for its result".to_owned())?;
        if let Some((module, file)) = header.elsewhere.first_key_value() {
            return Err(format!(
                "'{}' was imported from {}, not from the recipe; add the tool that provides it",
                module.escape_default(),
                file.escape_default()
            ));
        }
        if let Some(error) = header.failed {
            let missing = header.missing.or_else(|| {
                error
                    .contains("invalid command 'bdist_wheel'")
                    .then(|| "wheel".to_owned())
            });
            return Err(match missing {
                Some(module) => format!(
                    "the build needs '{}', which no tool of the recipe provides ({}); add it to the tools",
                    module.escape_default(),
                    error.escape_default()
                ),
                None => format!("the build failed: {}", error.escape_default()),
            });
        }
        match header.wheels.as_slice() {
            [] => Err("the build ended without an error and without a wheel".to_owned()),
            [built] => {
                let name = WheelFilename::parse(built)
                    .ok()
                    .filter(|name| match wanted {
                        Some(wanted) => name == wanted && *built == wanted.to_string(),
                        // As it would be written, so that nothing of it is the
                        // build's own choice.
                        None => {
                            name.project() == sdist.project()
                                && name.version() == sdist.version()
                                && *built == name.to_string()
                        }
                    });
                match name {
                    Some(name) if self.size > 0 => Ok(name),
                    Some(_) => Err(format!(
                        "the build names its wheel '{}', and wrote {built}",
                        header.returned.unwrap_or_default().escape_default()
                    )),
                    None => Err(format!(
                        "built {}, {}",
                        built.escape_default(),
                        match wanted {
                            Some(wanted) if is_same_but_for_tags(built, wanted) => format!(
                                "published {wanted}; only the tags differ, which interpreter, platform and options such as bdist_wheel --universal decide"
                            ),
                            Some(wanted) => format!("published {wanted}"),
                            None => format!("which is no wheel of {}", sdist.stem()),
                        }
                    )),
                }
            }
            several => Err(format!(
                "the build left {} files instead of one wheel, among them '{}'",
                several.len(),
                several.first().map_or("", String::as_str).escape_default()
            )),
        }
    }
}

/// Returns whether a name that was built is that of another wheel of the same project
/// and version.
fn is_same_but_for_tags(built: &str, wanted: &WheelFilename) -> bool {
    WheelFilename::parse(built).is_ok_and(|built| {
        built.project() == wanted.project() && built.version() == wanted.version()
    })
}
