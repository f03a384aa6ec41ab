//! The map in `src/lib.rs` held against the imports in `src/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Reads the table of the floors out of the opening comment of `lib.rs`.
fn floors() -> BTreeMap<String, u32> {
    let map = std::fs::read_to_string(source().join("lib.rs")).unwrap();
    map.lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .filter_map(|row| row.split_once(" | "))
        .filter_map(|(floor, modules)| Some((floor.trim().parse::<u32>().ok()?, modules)))
        .flat_map(|(floor, modules)| {
            modules
                .split('`')
                .skip(1)
                .step_by(2)
                .map(move |module| (module.to_owned(), floor))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Returns the first name after each `crate::` in a source file, with its line.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for part in line.split("crate::").skip(1) {
            // `use crate::{a, b}` would hide names from this reader.
            assert!(
                !part.starts_with('{'),
                "line {number}: import one module a line"
            );
            let name: String = part
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            found.push((number, name));
        }
    }
    found
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect();
    found.sort();
    found
}

/// Returns every import that goes up or sideways.
fn breaches(floors: &BTreeMap<String, u32>, module: &str, text: &str) -> Vec<String> {
    let own = floors.get(module);
    imports(text)
        .into_iter()
        .filter(|(_, name)| name != module)
        .filter_map(|(line, name)| match (own, floors.get(&name)) {
            (Some(own), Some(other)) if other < own => None,
            (own, other) => Some(format!(
                "{module} (floor {own:?}), line {line}: imports {name} (floor {other:?})"
            )),
        })
        .collect()
}

#[test]
fn every_import_goes_down() {
    let floors = floors();
    let mut all = Vec::new();
    for path in files(&source()) {
        let below = path.strip_prefix(source()).unwrap();
        let first = below.components().next().unwrap().as_os_str();
        let module = Path::new(first).file_stem().unwrap().to_str().unwrap();
        if matches!(module, "lib" | "main") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        all.extend(breaches(&floors, module, &text));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn every_module_of_the_library_stands_on_the_map() {
    let floors = floors();
    let map = std::fs::read_to_string(source().join("lib.rs")).unwrap();
    let declared: Vec<&str> = map
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(declared.len() > 10, "{declared:?}");
    for module in &declared {
        assert!(floors.contains_key(*module), "{module} has no floor");
    }
    for module in floors.keys() {
        assert!(declared.contains(&module.as_str()), "{module} is no module");
    }
}

#[test]
fn an_import_that_goes_up_or_sideways_is_told() {
    let floors = BTreeMap::from([
        ("low".to_owned(), 0),
        ("mid".to_owned(), 1),
        ("side".to_owned(), 1),
    ]);
    let text = "use crate::low::A;\nuse crate::side::B;\n// crate::side\n";
    let found = breaches(&floors, "mid", text);
    assert_eq!(
        found,
        ["mid (floor Some(1)), line 2: imports side (floor Some(1))"]
    );
    assert_eq!(
        breaches(&floors, "low", "fn a() { crate::mid::b() }").len(),
        1
    );
}
