//! The commands of the README and of the manual, and the output that they show.

use std::path::Path;
use std::process::Command;

/// Returns the pairs of arguments and output that a page shows: a comment
/// `<!-- output: ARGUMENTS -->`, then a block.
fn shown(page: &Path) -> Vec<(Vec<String>, String)> {
    let text = std::fs::read_to_string(page).unwrap();
    text.split("<!-- output: ")
        .skip(1)
        .map(|part| {
            let (arguments, rest) = part.split_once(" -->").unwrap();
            let block = rest.split("```").nth(1).unwrap();
            let output = block.split_once('\n').unwrap().1;
            let arguments = arguments.split_whitespace().map(str::to_owned).collect();
            (arguments, output.to_owned())
        })
        .collect()
}

/// Returns what every page shows; those for the three users begin with it.
fn all_shown() -> Vec<(Vec<String>, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = shown(&root.join("README.md"));
    for entry in std::fs::read_dir(root.join("docs")).unwrap() {
        let path = entry.unwrap().path();
        let found = shown(&path);
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            !found.is_empty() || !["release-manager", "package-builder", "auditor"].contains(&name),
            "{name} shows no output"
        );
        all.extend(found);
    }
    all
}

/// Replaces what is another on each machine: the interpreter and the sandbox.
fn without_the_machine(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        match line.split_once(", with cpython ") {
            Some((before, _)) => lines.push(format!("{before}, with …")),
            None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

#[test]
fn the_pages_show_the_true_output() {
    let shown = all_shown();
    assert!(shown.len() > 3);
    for (arguments, expected) in shown {
        let cache = tempfile::tempdir().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_wheelproof"))
            .args(&arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("XDG_CACHE_HOME", cache.path())
            .output()
            .unwrap();
        let found = String::from_utf8(output.stdout).unwrap();
        // Where bubblewrap is missing, a warning says so; the README shows a
        // machine that has it.
        if found.contains("warning[sandbox-weaker]") {
            crate::skipped!("bubblewrap does not work here, so the output has a warning more");
            assert!(output.status.success());
            continue;
        }
        assert_eq!(
            without_the_machine(&found),
            without_the_machine(&expected),
            "{arguments:?}"
        );
    }
}
