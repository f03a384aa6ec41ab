//! Wheels that were built before, by what they were built from.
//!
//! ```text
//! CACHE/results/KEY/about.json     the question, the digest of the wheel, notes
//! CACHE/results/KEY/wheel          the wheel
//! ```
//!
//! KEY is the digest of the question: the digest of this program, which holds the driver
//! that calls the backend, the digest of the sdist, the name of the wheel, the whole
//! recipe with its tools by digest, the digests of the interpreter's file and of its
//! standard library, the layer of the sandbox. An entry appears by a rename, complete. Its wheel
//! is hashed each time it is taken: what is not what was put there is an error.
//! Whoever can write both files as this user can say what he likes, so nothing is
//! taken from here unless that was asked for, and the report marks what was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::interpreter::Interpreter;
use super::plan::is_compiled;
use super::tools::{ToolsError, cache_error};
use super::{Built, Job, Outcome, RebuildError, Workshop, io_error};
use crate::archive::open_regular_file;
use crate::cancel::Cancel;
use crate::digest::{READ_SIZE, Sha256Digest, hash_reader};
use crate::input;

/// The most bytes that the description of an entry may have.
const MAX_ABOUT: u64 = 16 << 20;

#[derive(Serialize, Deserialize)]
struct About {
    question: serde_json::Value,
    sha256: String,
    notes: Vec<String>,
}

impl Workshop {
    /// Builds one wheel, or takes the one that was built of the same before. As
    /// [`Workshop::build`] otherwise; [`Built::is_reused`] tells.
    ///
    /// # Errors
    ///
    /// [`ToolsError::Poisoned`] when the entry is not what was put there, and
    /// whatever [`Workshop::build`] gives.
    pub fn build_or_reuse(&self, job: &Job<'_>, cancel: &Cancel) -> Result<Outcome, RebuildError> {
        let question = self.question(job, cancel)?;
        let key = Sha256Digest::of(question.to_string().as_bytes());
        let entry = self.cache.root().join("results").join(key.to_string());
        if entry.is_dir() {
            return Ok(Outcome::Built(self.reuse(job, &entry, &question)?));
        }
        let outcome = self.build(job, cancel)?;
        if let Outcome::Built(built) = &outcome {
            keep(built, &entry, question).map_err(cache_error("write", &entry))?;
        }
        Ok(outcome)
    }

    fn question(&self, job: &Job<'_>, cancel: &Cancel) -> Result<serde_json::Value, RebuildError> {
        let root = job.recipe.root.as_deref();
        let interpreter = self.interpreter(root, &job.recipe.interpreter)?;
        // Whoever compiles depends on more than the recipe names.
        let machine = match job.wheel.is_none_or(is_compiled) {
            true => Some(self.facts(job.recipe, cancel)?.machine.clone()),
            false => None,
        };
        let recipe = serde_json::to_value(job.recipe)
            .map_err(io::Error::other)
            .map_err(io_error("describe the recipe of", job.sdist))?;
        Ok(serde_json::json!({
            "schema": "wheelproof.result/2",
            // What calls the backend is ours, and so is what unpacks the sdist and
            // starts the driver; another version may do it in another way.
            "program": digest_of(self.sandbox.stage())?.to_string(),
            "sdist": digest_of(job.sdist)?.to_string(),
            "wheel": job.wheel.map(ToString::to_string),
            "machine": machine,
            "recipe": recipe,
            "interpreter": digest_of(&interpreter.outside(&interpreter.executable))?.to_string(),
            "library": self.library(&interpreter)?,
            "layer": self.sandbox.layer().as_str(),
        }))
    }

    /// Returns what the standard library of an interpreter is: names, sizes and times of
    /// all its files. Its executable may be a few lines around a shared library.
    fn library(&self, interpreter: &Interpreter) -> Result<String, RebuildError> {
        let key = (interpreter.root.clone(), interpreter.executable.clone());
        if let Ok(known) = self.libraries.lock()
            && let Some(digest) = known.get(&key)
        {
            return Ok(digest.clone());
        }
        let mut list = String::new();
        for place in &interpreter.standard_library {
            let outside = interpreter.outside(place);
            list_library(&outside, &interpreter.packages, &mut list)
                .map_err(io_error("list", &outside))?;
        }
        let digest = Sha256Digest::of(list.as_bytes()).to_string();
        if let Ok(mut known) = self.libraries.lock() {
            known.insert(key, digest.clone());
        }
        Ok(digest)
    }

    /// Copies the wheel of an entry into a private directory, hashing the copy.
    fn reuse(
        &self,
        job: &Job<'_>,
        entry: &Path,
        question: &serde_json::Value,
    ) -> Result<Built, RebuildError> {
        let poisoned = |reason: &str| ToolsError::Poisoned {
            entry: entry.display().to_string(),
            reason: reason.to_owned(),
        };
        let about: About = input::read(&entry.join("about.json"), MAX_ABOUT)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or_else(|| poisoned("its description cannot be read"))?;
        if about.question != *question {
            return Err(poisoned("it answers another question").into());
        }
        let directory = self.private_directory("wheel")?;
        let name = job
            .wheel
            .ok_or_else(|| poisoned("a build of any name is in no cache"))?;
        let wheel = directory.path().join(name.to_string());
        let copy = || -> io::Result<()> {
            let mut to = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&wheel)?;
            io::copy(&mut open_regular_file(&entry.join("wheel"))?, &mut to)?;
            Ok(())
        };
        copy().map_err(io_error("copy", entry))?;
        let sha256 = digest_of(&wheel)?;
        if sha256.to_string() != about.sha256 {
            return Err(poisoned("its wheel is not the one that was put there").into());
        }
        let size = fs::metadata(&wheel)
            .map_err(io_error("read", &wheel))?
            .len();
        Ok(Built {
            wheel,
            filename: name.clone(),
            sha256,
            size,
            layer: self.sandbox.layer(),
            elapsed: Duration::ZERO,
            notes: about.notes,
            is_reused: true,
            directory,
        })
    }
}

/// Adds a line for each file of a directory or archive of modules; not for bytecode, and
/// not for packages that are installed beside them, which no build imports.
fn list_library(place: &Path, packages: &[PathBuf], list: &mut String) -> io::Result<()> {
    let is_of_library = |entry: &walkdir::DirEntry| {
        let name = entry.file_name();
        let is_installed = name == "site-packages" || name == "dist-packages";
        name != "__pycache__" && !is_installed && !packages.iter().any(|it| it == entry.path())
    };
    if !place.exists() {
        return Ok(());
    }
    let walk = walkdir::WalkDir::new(place)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(is_of_library);
    for entry in walk {
        let entry = entry?;
        if !entry.file_type().is_dir() {
            let data = entry.metadata()?;
            let (path, size) = (entry.path().display(), data.len());
            let (seconds, nanoseconds) = (data.mtime(), data.mtime_nsec());
            list.push_str(&format!("{size} {seconds}.{nanoseconds:09} {path}\n"));
        }
    }
    Ok(())
}

/// Makes an entry beside its place and renames it there. Whoever else made it in
/// the meantime asked the same.
fn keep(built: &Built, entry: &Path, question: serde_json::Value) -> io::Result<()> {
    let results: PathBuf = entry.parent().map(Path::to_owned).unwrap_or_default();
    fs::create_dir_all(&results)?;
    let made = tempfile::Builder::new()
        .prefix(".new-")
        .tempdir_in(&results)?;
    fs::copy(&built.wheel, made.path().join("wheel"))?;
    let about = About {
        question,
        sha256: built.sha256.to_string(),
        notes: built.notes.clone(),
    };
    let mut file = File::create_new(made.path().join("about.json"))?;
    file.write_all(&serde_json::to_vec(&about)?)?;
    let made = made.keep();
    fs::set_permissions(&made, fs::Permissions::from_mode(0o700))?;
    if let Err(error) = fs::rename(&made, entry) {
        let _ = fs::remove_dir_all(&made);
        if !entry.is_dir() {
            return Err(error);
        }
    }
    Ok(())
}

fn digest_of(path: &Path) -> Result<Sha256Digest, RebuildError> {
    let mut buffer = vec![0; READ_SIZE];
    open_regular_file(path)
        .and_then(|file| hash_reader(file, &mut buffer, |_| Ok(())))
        .map(|(digest, _)| digest)
        .map_err(io_error("read", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_its_modules_and_not_what_is_installed_beside_them() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            let time = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            File::options()
                .write(true)
                .open(&path)
                .and_then(|file| file.set_modified(time))
                .unwrap();
        };
        let packages = [place.path().join("vendor")];
        let list = || {
            let mut list = String::new();
            list_library(place.path(), &packages, &mut list).unwrap();
            list
        };
        write("zipfile.py", "one");
        write("json/decoder.py", "one");
        let before = list();
        write("json/__pycache__/decoder.cpython-311.pyc", "x");
        write("site-packages/six.py", "x");
        write("vendor/six.py", "x");
        assert_eq!(list(), before);
        write("json/decoder.py", "longer");
        assert_ne!(list(), before);
        write("json/decoder.py", "one");
        assert_eq!(list(), before);
        File::options()
            .write(true)
            .open(place.path().join("zipfile.py"))
            .and_then(|file| file.set_modified(std::time::SystemTime::now()))
            .unwrap();
        assert_ne!(list(), before);
    }
}
