//! How a source tree wants to be built (`pyproject.toml`, build system
//! specification).
//!
//! In: an unpacked sdist, foreign. Out: [`BuildSystem`], names that are only ever
//! used inside the sandbox.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::Deserialize;

use crate::relpath::RelPath;

/// How large a `pyproject.toml` may be.
const MAX_BYTES: u64 = 4 << 20;

/// What the build system table says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSystem {
    /// `MODULE` or `MODULE:OBJECT`.
    pub backend: String,
    /// Directories of the source to import the backend from.
    pub backend_path: Vec<String>,
    /// The tools that the project asks for.
    pub requires: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    build_system: Option<Table>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Table {
    #[serde(default)]
    requires: Vec<String>,
    build_backend: Option<String>,
    backend_path: Option<BackendPath>,
}

/// The specification asks for a list. flit_core 2.3.0 has a plain `"."`, which
/// the frontends of its time walked letter by letter and so took as intended.
#[derive(Deserialize)]
#[serde(untagged)]
enum BackendPath {
    List(Vec<String>),
    One(String),
}

impl BuildSystem {
    /// Reads the file of an unpacked source, or returns what stands for a missing
    /// one.
    ///
    /// # Errors
    ///
    /// A sentence about what is wrong with the file.
    pub fn read(source: &Path) -> Result<Self, String> {
        let mut text = String::new();
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(source.join("pyproject.toml"));
        match opened {
            Ok(file) => {
                let is_file = file.metadata().is_ok_and(|data| data.is_file());
                let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
                match read {
                    Ok(count) if is_file && count as u64 <= MAX_BYTES => {}
                    Ok(_) => {
                        return Err("pyproject.toml is no file, or larger than 4 MiB".to_owned());
                    }
                    Err(error) => return Err(format!("pyproject.toml cannot be read: {error}")),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("pyproject.toml cannot be read: {error}")),
        }
        Self::parse(&text)
    }

    /// Reads the text of the file; an empty text stands for a missing one.
    ///
    /// # Errors
    ///
    /// A sentence about what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Document = toml::from_str(text)
            .map_err(|error| format!("pyproject.toml is malformed: {}", error.message()))?;
        let table = document.build_system.unwrap_or(Table {
            requires: Vec::new(),
            build_backend: None,
            backend_path: None,
        });
        let backend_path = match table.backend_path {
            Some(BackendPath::List(directories)) => directories,
            Some(BackendPath::One(directory)) => vec![directory],
            None => Vec::new(),
        };
        let in_tree = !backend_path.is_empty();
        for directory in &backend_path {
            let plain = directory.trim_end_matches('/');
            let plain = plain.strip_prefix("./").unwrap_or(plain);
            if plain != "." && RelPath::parse(plain).is_err() {
                return Err(format!(
                    "backend-path '{}' of pyproject.toml leaves the source",
                    directory.escape_default()
                ));
            }
        }
        if in_tree && table.build_backend.is_none() {
            return Err("pyproject.toml has a backend-path and no build-backend".to_owned());
        }
        Ok(Self {
            // The specification's "legacy" behaviour: setuptools, with the source
            // directory importable.
            backend: table
                .build_backend
                .unwrap_or_else(|| "setuptools.build_meta:__legacy__".to_owned()),
            backend_path,
            requires: table.requires,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BuildSystem, String> {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("pyproject.toml"), text).expect("writes");
        BuildSystem::read(directory.path())
    }

    #[test]
    fn what_is_missing_stands_for_setuptools() {
        let directory = tempfile::tempdir().expect("a directory");
        let legacy = BuildSystem::read(directory.path()).expect("no file");
        assert_eq!(legacy.backend, "setuptools.build_meta:__legacy__");
        assert_eq!(read("[tool.x]\n"), Ok(legacy));
        let table = read("[build-system]\nrequires = [\"setuptools>=1\"]\n").expect("a table");
        assert_eq!(table.backend, "setuptools.build_meta:__legacy__");
        assert_eq!(table.requires, ["setuptools>=1"]);
    }

    #[test]
    fn a_backend_path_stays_in_the_source() {
        for (path, accepted) in [
            (".", true),
            ("./", true),
            ("backend", true),
            ("./a/b/", true),
            ("..", false),
            ("a/../..", false),
            ("/usr/lib", false),
        ] {
            let text = format!(
                "[build-system]\nrequires = []\nbuild-backend = \"b\"\nbackend-path = [\"{path}\"]\n"
            );
            assert_eq!(read(&text).is_ok(), accepted, "{path}");
        }
    }

    #[test]
    fn a_backend_path_that_is_no_list_is_one_directory() {
        let text = "[build-system]\nrequires = []\nbuild-backend = \"b\"\nbackend-path = \".\"\n";
        assert_eq!(read(text).expect("reads").backend_path, ["."]);
        assert!(read(&text.replace("\".\"", "\"..\"")).is_err());
    }

    #[test]
    fn a_broken_file_is_said_to_be_broken() {
        let error = read("[build-system\n").expect_err("broken");
        assert!(error.contains("malformed"), "{error}");
        assert!(read("build-system = 1\n").is_err());
    }
}
