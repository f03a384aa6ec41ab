//! Whether a path leads through a directory.
//!
//! One who may write in a directory decides where every name in it leads. So a path is
//! theirs as soon as one step of it stands there, wherever it ends: also when a link
//! outside leads in, and when a link inside leads out again.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// How many links are followed before a path counts as one that leads nowhere (Linux
/// follows 40, path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Returns whether a step of a path stands in one of these directories.
pub(super) fn passes(path: &Path, directories: &[&Path]) -> bool {
    let directories: Vec<PathBuf> = directories.iter().map(|it| real(it)).collect();
    walk(path, &mut |step| {
        directories
            .iter()
            .any(|directory| step != directory && step.starts_with(directory))
    })
}

/// Returns where a path ends, as far as its steps are there.
pub(super) fn real(path: &Path) -> PathBuf {
    let mut end = PathBuf::from("/");
    walk(path, &mut |step| {
        end = step.to_owned();
        false
    });
    end
}

/// Shows every name that the system looks up on the way along a path, with the real
/// directory it stands in, and at last the end; stops when one is what was looked for.
fn walk(path: &Path, is_it: &mut dyn FnMut(&Path) -> bool) -> bool {
    // Without a working directory a relative path leads nowhere.
    let Ok(path) = std::path::absolute(path) else {
        return false;
    };
    let mut ahead = VecDeque::new();
    push_front(&mut ahead, &path);
    let mut here = PathBuf::from("/");
    let mut links = 0;
    while let Some(step) = ahead.pop_front() {
        let step = match step {
            Step::Root => {
                here = PathBuf::from("/");
                continue;
            }
            Step::Up => {
                here.pop();
                if ahead.is_empty() && is_it(&here) {
                    return true;
                }
                continue;
            }
            Step::Into(name) => here.join(name),
        };
        if is_it(&step) {
            return true;
        }
        match std::fs::read_link(&step) {
            Ok(target) if links < MAX_LINKS => {
                links += 1;
                push_front(&mut ahead, &target);
            }
            Ok(_) | Err(_) => here = step,
        }
    }
    false
}

enum Step {
    Root,
    Up,
    Into(OsString),
}

fn push_front(ahead: &mut VecDeque<Step>, path: &Path) {
    for component in path.components().rev() {
        ahead.push_front(match component {
            Component::RootDir => Step::Root,
            Component::ParentDir => Step::Up,
            Component::Normal(name) => Step::Into(name.to_owned()),
            Component::CurDir | Component::Prefix(_) => continue,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The expected answers are those of whoever looks at the tree:
    /// ```text
    /// checked/py  checked/out -> ../other  other/py  other/in -> ../checked/out/py
    /// other/again -> ../checked
    /// ```
    #[test]
    fn a_path_is_of_the_directory_as_soon_as_one_step_stands_there() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |below: &str| scratch.path().join(below);
        std::fs::create_dir(at("checked")).unwrap();
        std::fs::create_dir(at("other")).unwrap();
        std::fs::write(at("checked/py"), "").unwrap();
        std::fs::write(at("other/py"), "").unwrap();
        symlink("../other", at("checked/out")).unwrap();
        symlink("../checked/out/py", at("other/in")).unwrap();
        symlink("../checked", at("other/again")).unwrap();
        symlink("loop", at("other/loop")).unwrap();
        let checked = at("checked");
        let again = at("other/again");
        for (path, expected) in [
            ("checked/py", true),
            ("checked/./py", true),
            ("checked/not/there", true),
            ("checked/out/py", true),
            ("other/in", true),
            ("other/again/py", true),
            ("other/../checked/py", true),
            ("checked", false),
            ("checked/../other/py", false),
            ("other/py", false),
            ("other/loop/x", false),
            ("checked-not", false),
        ] {
            assert_eq!(passes(&at(path), &[&checked]), expected, "{path}");
            // The same directory by another name.
            assert_eq!(passes(&at(path), &[&again]), expected, "{path}");
        }
    }
}
