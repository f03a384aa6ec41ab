//! Findings that only follow from another one: they name it, and ask for nothing.

use std::process::Command;

use serde_json::Value;

use crate::common::{FILES, House, has_program};

/// Returns the findings of a rule.
fn of_rule<'a>(report: &'a Value, rule: &str) -> Vec<&'a Value> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().filter(|one| one["rule"] == rule).collect()
}

fn next(finding: &Value) -> &str {
    finding["next"].as_str().unwrap()
}

#[test]
fn files_on_refused_lines_are_not_to_be_removed() {
    for (change, source) in [
        ("crlf", "manifest-line-malformed"),
        ("tab", "manifest-line-malformed"),
        ("indented", "manifest-line-malformed"),
        ("dot", "manifest-name-unsafe"),
    ] {
        let house = House::new();
        let lines = House::lines();
        house.sign(match change {
            "crlf" => lines.replace('\n', "\r\n"),
            "tab" => lines.replace("  ", "\t"),
            "indented" => lines.lines().map(|line| format!(" {line}\n")).collect(),
            _ => lines.replace("  ", "  ./"),
        });
        house.write("wheels/extra-1.0-py3-none-any.whl", "nobody signed this");
        let outcome = house.check(&[]).expect(1);
        let report = outcome.json();
        assert_eq!(of_rule(&report, source).len(), FILES.len(), "{change}");
        let unlisted = of_rule(&report, "file-unlisted");
        assert_eq!(unlisted.len(), FILES.len() + 1, "{change}");
        for finding in unlisted {
            let is_extra = finding["subject"]["path"]
                .as_str()
                .unwrap()
                .contains("extra");
            assert_eq!(finding.get("follows").is_none(), is_extra, "{finding}");
            assert_eq!(next(finding).contains("remove"), is_extra, "{finding}");
            if !is_extra {
                assert_eq!(finding["follows"], source);
            }
        }
        let text = house.text(&[]).expect(1).out();
        assert!(text.contains(&format!("follows:  {source}")), "{text}");
    }
}

#[test]
fn a_line_in_another_form_says_how_to_write_it() {
    for (line, says) in [
        ("{digest}\t{name}", "write two spaces"),
        ("  {digest}  {name}", "first character of its line"),
        ("  # a comment", "first character of its line"),
        ("\t", "only blanks"),
        ("{digest}  ./{name}", "begins with './'"),
    ] {
        let house = House::new();
        let lines = House::lines();
        let (first, rest) = lines.split_once('\n').unwrap();
        let (digest, name) = first.split_once("  ").unwrap();
        let line = line.replace("{digest}", digest).replace("{name}", name);
        house.sign(format!("{line}\n{rest}"));
        let report = house.check(&[]).expect(1).json();
        let finding = &report["findings"][0];
        assert_eq!(finding["subject"]["line"], 1, "{line}");
        let found = finding["found"].as_str().unwrap();
        assert!(found.contains(says), "{line}: {found}");
    }
}

/// Returns the lines of a manifest by another algorithm of Python's hashlib.
fn lines_by(house: &House, algorithm: &str) -> String {
    let program = format!(
        "import hashlib, sys\n\
         for name in sys.argv[1:]:\n    \
         data = open('wheels/' + name, 'rb').read()\n    \
         print({algorithm}.hexdigest() + '  ' + name)\n"
    );
    let output = Command::new("python3")
        .current_dir(house.at(""))
        .args(["-c", &program])
        .args(FILES)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn digests_of_another_algorithm_are_told_once_and_the_files_are_not_blamed() {
    if !has_program("python3") {
        crate::skipped!("python3 writes the digests");
        return;
    }
    for (algorithm, name) in [
        ("hashlib.blake2b(data, digest_size=32)", "b2sum -l 256"),
        ("hashlib.sha3_256(data)", "SHA3-256"),
    ] {
        let house = House::new();
        let lines = lines_by(&house, algorithm);
        house.sign(&lines);
        let report = house.check(&[]).expect(1).json();
        let told = of_rule(&report, "manifest-other-digest");
        assert_eq!(told.len(), 1);
        assert!(
            told[0]["found"].as_str().unwrap().contains(name),
            "{told:?}"
        );
        let mismatches = of_rule(&report, "hash-mismatch");
        assert_eq!(mismatches.len(), FILES.len());
        for finding in mismatches {
            assert_eq!(finding["follows"], "manifest-other-digest");
            assert!(!next(finding).contains("fetch"), "{finding}");
        }
        // One file with its SHA-256 shows that the list is one of SHA-256.
        let right = House::lines();
        let rest = lines.split_once('\n').unwrap().1;
        house.sign(format!("{}\n{rest}", right.lines().next().unwrap()));
        let report = house.check(&[]).expect(1).json();
        assert!(of_rule(&report, "manifest-other-digest").is_empty());
        let mismatches = of_rule(&report, "hash-mismatch");
        assert!(mismatches.iter().all(|one| one.get("follows").is_none()));
    }
}
