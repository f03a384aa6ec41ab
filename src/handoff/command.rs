//! The arguments of a command that names lists which it cannot use.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// A list in whose place another one is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The list.
    pub path: PathBuf,
    /// The other one.
    pub by: PathBuf,
}

/// The options of pip and uv whose value is a file of requirements, by which they are
/// told what to install or what may be.
const OPTIONS: &[&str] = &[
    "--requirement",
    "--requirements",
    "--constraint",
    "--constraints",
];
/// Their short forms, whose value may follow without a space.
const SHORT_OPTIONS: &[&str] = &["-r", "-c"];

/// Returns the command with other lists in place of those that pip or uv are told to
/// read, and for each list whether it was named. What other programs are told stays as
/// it is: they may do with a file whatever they like.
pub fn with_lists(command: &[OsString], lists: &[Replaced]) -> (Vec<OsString>, Vec<bool>) {
    let mut named = vec![false; lists.len()];
    let files: Vec<Option<PathBuf>> = lists.iter().map(|list| same_file(&list.path)).collect();
    let mut replacement = |value: &OsStr| -> Option<&Path> {
        let wanted = same_file(Path::new(value))?;
        let index = files
            .iter()
            .position(|file| file.as_ref() == Some(&wanted))?;
        *named.get_mut(index)? = true;
        lists.get(index).map(|list| list.by.as_path())
    };
    let mut reads_lists = false;
    let mut syncs = false;
    let mut is_value = false;
    let mut written = Vec::with_capacity(command.len());
    for word in command {
        let is_operand = syncs && !word.as_bytes().starts_with(b"-");
        let exchanged = if !reads_lists {
            None
        } else if is_value || is_operand {
            replacement(word).map(OsString::from)
        } else {
            attached(word).and_then(|(option, value)| {
                let mut whole = option.to_vec();
                whole.extend_from_slice(replacement(value)?.as_os_str().as_bytes());
                Some(OsString::from_vec(whole))
            })
        };
        is_value = reads_lists && takes_list(word);
        // `uv pip sync LIST…`
        syncs |= reads_lists && word == "sync";
        reads_lists |= is_installer(word);
        written.push(exchanged.unwrap_or_else(|| word.clone()));
    }
    (written, named)
}

fn takes_list(word: &OsStr) -> bool {
    let options = OPTIONS.iter().chain(SHORT_OPTIONS);
    options.into_iter().any(|option| word == *option)
}

/// Returns the option, with what stands between them, and the value of a word that holds
/// both.
fn attached(word: &OsStr) -> Option<(&[u8], &OsStr)> {
    let bytes = word.as_bytes();
    let long = OPTIONS.iter().find_map(|option| {
        let value = bytes.strip_prefix(option.as_bytes())?.strip_prefix(b"=")?;
        Some(value.len())
    });
    let short = || {
        SHORT_OPTIONS.iter().find_map(|option| {
            let value = bytes.strip_prefix(option.as_bytes())?;
            (!value.is_empty()).then_some(value.len())
        })
    };
    let (option, value) = bytes.split_at_checked(bytes.len() - long.or_else(short)?)?;
    Some((option, OsStr::from_bytes(value)))
}

/// Returns whether a word is the name of pip or uv, or the path to it: `pip3.11`,
/// `/venv/bin/uv`, the `pip` of `python -m pip`.
fn is_installer(word: &OsStr) -> bool {
    let name = Path::new(word).file_name().and_then(OsStr::to_str);
    name.is_some_and(|name| {
        let of_a_version = |rest: &str| rest.chars().all(|c| c.is_ascii_digit() || c == '.');
        name == "uv" || name.strip_prefix("pip").is_some_and(of_a_version)
    })
}

/// Options of uv with a value, which may stand before its command (uv 0.13, `uv help`).
const UV_OPTIONS_WITH_VALUE: &[&str] = &[
    "--project",
    "--directory",
    "--cache-dir",
    "--color",
    "--config-file",
    "--allow-insecure-host",
];

/// Returns the lock file of the project that a command lets uv install from, by `uv sync`
/// or `uv run`: uv takes what it lists from the addresses in it, and asks no directory.
pub fn locked_project(command: &[OsString]) -> Option<PathBuf> {
    let start = command
        .iter()
        .position(|word| Path::new(word).file_name() == Some(OsStr::new("uv")))?;
    let mut words = command.iter().skip(start + 1).map(OsString::as_os_str);
    let mut place = PathBuf::from(".");
    let mut is_run = None;
    while let Some(word) = words.next() {
        let text = word.to_str()?;
        let (option, value) = match text.split_once('=') {
            Some((option, value)) => (option, Some(OsStr::new(value))),
            None => (text, None),
        };
        if ["--no-sync", "--no-project", "--isolated", "--script"].contains(&option) {
            return None;
        }
        if UV_OPTIONS_WITH_VALUE.contains(&option) {
            let value = value.or_else(|| words.next())?;
            if ["--project", "--directory"].contains(&option) {
                place.push(value);
            }
        } else if !option.starts_with('-') {
            match (is_run, text) {
                (None, "sync") => is_run = Some(false),
                (None, "run") => is_run = Some(true),
                (None, _) => return None,
                // What `uv run` runs, with its own options.
                (Some(true), _) => break,
                (Some(false), _) => {}
            }
        }
    }
    is_run?;
    // uv looks for a project in the directory and above it.
    let place = std::path::absolute(place).ok()?;
    let own = Path::new(".").canonicalize().ok();
    place
        .ancestors()
        .map(|directory| directory.join("uv.lock"))
        .find(|lock| lock.is_file())
        .map(
            |lock| match own.and_then(|own| Some(lock.strip_prefix(own).ok()?.to_owned())) {
                Some(short) => short,
                None => lock,
            },
        )
}

/// Returns what two names of one file have in common.
fn same_file(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_exchanged_where_pip_or_uv_is_told_to_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let list = directory.path().join("r.txt");
        let other = directory.path().join("other.txt");
        for path in [&list, &other] {
            std::fs::write(path, "").unwrap();
        }
        let roundabout = directory.path().join(".").join("r.txt");
        let lists = [Replaced {
            path: list.clone(),
            by: PathBuf::from("/new"),
        }];
        // `L` is the list, `D` the same by another name, `O` another one; in the second
        // column `N` is what takes the place of the list.
        for (given, expected) in [
            ("pip install -r L", "pip install -r N"),
            ("pip3.11 install -rL", "pip3.11 install -rN"),
            (
                "/venv/bin/pip install --requirement=D",
                "/venv/bin/pip install --requirement=N",
            ),
            ("pip install --requirement D", "pip install --requirement N"),
            ("python3 -m pip install -r L", "python3 -m pip install -r N"),
            (
                "uv pip install --requirements L -c L",
                "uv pip install --requirements N -c N",
            ),
            (
                "uv pip install --constraints=L",
                "uv pip install --constraints=N",
            ),
            (
                "env A=1 uv pip sync L --quiet",
                "env A=1 uv pip sync N --quiet",
            ),
            ("uv pip sync O L", "uv pip sync O N"),
            (
                "uv run --with-requirements L",
                "uv run --with-requirements L",
            ),
            ("pip install -r O", "pip install -r O"),
            ("pip install L", "pip install L"),
            ("grep -r L", "grep -r L"),
            ("cat L", "cat L"),
            ("pipx -r L", "pipx -r L"),
            ("sync L", "sync L"),
            ("pip install -r nowhere", "pip install -r nowhere"),
            ("pip install -r", "pip install -r"),
        ] {
            let text = |path: &Path| path.to_str().unwrap().to_owned();
            let words = |line: &str| -> Vec<OsString> {
                // Letter by letter: the name of a temporary directory may hold any of them.
                let letter = |letter: char| match letter {
                    'L' => text(&list),
                    'D' => text(&roundabout),
                    'O' => text(&other),
                    'N' => "/new".to_owned(),
                    other => other.to_string(),
                };
                let word = |word: &str| word.chars().map(letter).collect::<String>().into();
                line.split(' ').map(word).collect()
            };
            let (written, named) = with_lists(&words(given), &lists);
            assert_eq!(written, words(expected), "{given}");
            assert_eq!(named, [given != expected], "{given}");
        }
    }
}
