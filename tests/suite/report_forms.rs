//! Reports in every form that a file can have, read back by other programs: Python's
//! parsers of HTML and XML, which know nothing of how they were written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use wheelproof::compare::{Difference, Kind, Layer, Sides};
use wheelproof::digest::Sha256Digest;
use wheelproof::explain::{Cause, Proof, Unexplained};
use wheelproof::finding::{Finding, Severity, Subject, rules};
use wheelproof::report::{
    FileKind, FileSummary, Form, RebuildOutcome, RebuildSummary, Report, Trouble, WitnessSummary,
};
use wheelproof::time::UtcTime;

use crate::common::{FILES, House, run, wheelproof};

/// Names that want to be something else than names.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>.whl",
    "\" onmouseover=\"alert(1)",
    "'><img src=x onerror=alert(1)>",
    "</title></style></pre></details><h1>PASS",
    "a\u{202e}lhw.fdp\u{1b}[31m\u{7}",
    "line\nfeed\r\ttab",
    "&lt;not an entity&gt; &amp;",
    "<!-- comment --> <![CDATA[ ]]> <?xml ?> \u{fffe}\u{ffff}",
];

fn day() -> UtcTime {
    "2026-11-28T00:00:00Z".parse().unwrap()
}

/// Reads a report with Python; returns what it sees.
#[track_caller]
fn read(form: Form, path: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/report_forms.py");
    let (name, _) = Form::ENDINGS.iter().find(|(_, one)| *one == form).unwrap();
    let seen = Command::new("python3")
        .arg(script)
        .arg(name)
        .arg(path)
        .output()
        .expect("python3 runs");
    assert!(
        seen.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&seen.stderr),
        std::fs::read_to_string(path).unwrap()
    );
    serde_json::from_slice(&seen.stdout).unwrap()
}

/// Writes a report in a form and has it read back; returns all its texts in one.
#[track_caller]
fn texts(report: &Report, form: Form) -> String {
    let mut bytes = Vec::new();
    report.write(form, &mut bytes).unwrap();
    let mut again = Vec::new();
    report.write(form, &mut again).unwrap();
    assert_eq!(bytes, again, "{form:?}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report");
    std::fs::write(&path, &bytes).unwrap();
    joined(&read(form, &path))
}

/// Returns all texts of what was read, one after the other.
fn joined(seen: &Value) -> String {
    match seen {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(joined).collect::<Vec<_>>().join("\n"),
        Value::Object(keys) => keys.values().map(joined).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

fn digest(byte: u8) -> Sha256Digest {
    format!("{byte:02x}").repeat(32).parse().unwrap()
}

fn rebuild(wheel: &str, outcome: RebuildOutcome) -> RebuildSummary {
    RebuildSummary {
        wheel: wheel.to_owned(),
        sdist: Some(format!("{wheel}.tar.gz")),
        outcome,
        reason: None,
        published_sha256: digest(1),
        rebuilt_sha256: None,
        recipe: None,
        recipe_source: None,
        inferred: Vec::new(),
        policy: None,
        python: None,
        sandbox: None,
        notes: Vec::new(),
        mismatches: Vec::new(),
        differences: Vec::new(),
        witness: WitnessSummary::default(),
        causes: Vec::new(),
        unexplained: Vec::new(),
        log: None,
        reused: false,
        seconds: None,
    }
}

/// Returns a report in which everything that can happen did, with this text
/// wherever a text may come from the input.
fn everything(text: &str) -> Report {
    let mut report = Report::new("audit", day());
    for (name, outcome) in outcomes() {
        report.rebuilds.push(rebuild(name, outcome));
    }
    let mut different = rebuild(&format!("different {text}"), RebuildOutcome::Different);
    different.differences = vec![Difference {
        layer: Layer::Member,
        member: Some(wheelproof::archive::zip::RawText::new(text.as_bytes())),
        occurrence: None,
        consequence: None,
        kind: Kind::UnreadableArchive(Sides {
            published: Some(format!("difference {text}")),
            rebuilt: None,
        }),
    }];
    different.causes = vec![Cause {
        cause: "epoch",
        sentence: format!("sentence {text}"),
        evidence: vec![format!("evidence {text}")],
        advice: format!("advice {text}"),
        proof: Proof::Counterfactual,
        differences: vec![0],
        factor: None,
    }];
    different.unexplained = vec![Unexplained {
        difference: 0,
        member: format!("member {text}"),
        what: format!("what {text}"),
        is_alarming: true,
    }];
    report.rebuilds.push(different);
    let mut failed = rebuild("failed-1.0-py3-none-any.whl", RebuildOutcome::BuildFailed);
    failed.reason = Some(format!("reason {text}"));
    failed.log = Some(format!("log {text}\nsecond line"));
    report.rebuilds.push(failed);
    for (severity, rule) in [
        (Severity::Error, &rules::HASH_MISMATCH),
        (Severity::Warning, &rules::FILE_MISSING),
        (Severity::Note, &rules::FILE_UNLISTED),
    ] {
        report.findings.push(
            Finding::new(rule, Subject::path(format!("path {text}")))
                .severity(severity)
                .expected(format!("expected {text}"))
                .found(format!("found {text}"))
                .next(format!("next {severity} {text}")),
        );
    }
    report.errors.push(Trouble {
        message: format!("message {text}"),
        next: format!("remedy {text}"),
    });
    report.files.push(FileSummary {
        path: format!("file {text}"),
        sha256: None,
        size: Some(1),
        kind: FileKind::Other,
        status: "unlisted",
    });
    report.conclude();
    report
}

/// A wheel for each outcome.
fn outcomes() -> BTreeMap<&'static str, RebuildOutcome> {
    BTreeMap::from([
        ("a-1-py3-none-any.whl", RebuildOutcome::Reproduced),
        (
            "b-1-py3-none-any.whl",
            RebuildOutcome::ReproducedWithWitness,
        ),
        ("c-1-py3-none-any.whl", RebuildOutcome::Different),
        ("d-1-py3-none-any.whl", RebuildOutcome::BuildFailed),
        ("e-1-py3-none-any.whl", RebuildOutcome::TimedOut),
        ("f-1-py3-none-any.whl", RebuildOutcome::NotAttempted),
    ])
}

/// The forms that are neither text nor JSON.
fn forms() -> impl Iterator<Item = Form> {
    let all = Form::ENDINGS.into_iter().map(|(_, form)| form);
    all.filter(|form| *form != Form::Json)
}

/// What a reader of any form has to be told of `everything`.
fn told(text: &str) -> Vec<String> {
    [
        "difference",
        "sentence",
        "advice",
        "member",
        "what",
        "reason",
        "log",
        "path",
        "expected",
        "found",
        "next error",
        "next warning",
        "next note",
        "message",
        "remedy",
    ]
    .iter()
    .map(|word| format!("{word} {text}"))
    .collect()
}

#[test]
fn every_outcome_finding_and_error_is_in_every_form() {
    let report = everything("plain");
    for form in forms() {
        let seen = texts(&report, form);
        for name in outcomes().keys() {
            assert!(seen.contains(name), "{form:?}: {name}\n{seen}");
        }
        let words = [
            "hash-mismatch",
            "file-missing",
            "file-unlisted",
            "epoch",
            "second line",
        ];
        for word in words.map(str::to_owned).into_iter().chain(told("plain")) {
            assert!(seen.contains(&word), "{form:?}: {word}\n{seen}");
        }
    }
}

#[test]
fn hostile_texts_stay_texts_in_every_form() {
    for text in HOSTILE {
        let report = everything(text);
        // What a terminal would be shown.
        let shown = wheelproof::report::escape(text)
            .replace('\u{fffe}', "\\u{fffe}")
            .replace('\u{ffff}', "\\u{ffff}");
        for form in forms() {
            let seen = texts(&report, form);
            for word in told(&shown) {
                // The end of the log is shown line by line.
                if word.starts_with("log ") && text.contains('\n') {
                    continue;
                }
                assert!(seen.contains(&word), "{form:?}: {word}\n{seen}");
            }
        }
    }
}

#[test]
fn a_verified_wheelhouse_is_the_same_report_in_every_form() {
    let house = House::new();
    let names: Vec<String> = Form::ENDINGS
        .iter()
        .map(|(ending, _)| format!("report.{ending}"))
        .collect();
    let flags: Vec<&str> = names.iter().flat_map(|name| ["--report", name]).collect();
    house.check(&flags).expect(0);
    for ((_, form), name) in Form::ENDINGS.into_iter().zip(&names) {
        if form == Form::Json {
            continue;
        }
        let seen = joined(&read(form, &house.at(name)));
        for file in FILES {
            assert!(seen.contains(file), "{form:?}: {file}\n{seen}");
        }
        assert!(seen.contains("everything asked for holds"), "{seen}");
    }
    let before: Vec<Vec<u8>> = names
        .iter()
        .map(|name| std::fs::read(house.at(name)).unwrap())
        .collect();
    house.check(&flags).expect(0);
    for (name, before) in names.iter().zip(before) {
        assert_eq!(std::fs::read(house.at(name)).unwrap(), before, "{name}");
    }
}

#[test]
fn an_unknown_ending_is_a_usage_error_that_lists_the_endings() {
    let house = House::new();
    for name in ["report.txt", "report", "report.HTML", ".json"] {
        let outcome = house.check(&["--report", name]).expect(2);
        let message = outcome.json()["errors"][0]["message"].to_string();
        for (ending, _) in Form::ENDINGS {
            assert!(message.contains(&format!(".{ending}")), "{message}");
        }
        assert!(!house.at(name).exists());
    }
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_and_the_others_are_there() {
    let house = House::new();
    let flags = ["--report", "none/report.html", "--report", "there.html"];
    let report = house.check(&flags).expect(3).json();
    let message = report["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("none/report.html"), "{message}");
    assert!(house.at("there.html").exists());
}

/// Writes the pair of a scenario of `explain.py`.
fn pair(directory: &Path, scenario: &str) -> [PathBuf; 2] {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/explain.py");
    let mut made = Command::new("python3");
    assert!(
        made.arg(script)
            .arg(directory)
            .arg(scenario)
            .status()
            .unwrap()
            .success()
    );
    ["published", "rebuilt"].map(|side| directory.join(side).join("probe-1.0-py3-none-any.whl"))
}

#[test]
fn two_wheels_have_a_page_with_causes_differences_and_what_has_none() {
    for (scenario, words) in [
        ("identical", &["Identical"][..]),
        (
            "mixed",
            &[
                "License-File: LICENSE",
                "probe/b.py",
                "x = 1",
                "umask",
                "unexplained",
            ],
        ),
        ("extra_member", &["UNEXPLAINED", "probe/evil.py"]),
        (
            "hostile_names",
            &["probe/\\u{1b}[31m\\u{202e}\\n<script>alert(1)</script>.py"],
        ),
        ("level", &["zlib"]),
        ("nested", &["epoch"]),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let files = pair(directory.path(), scenario);
        for form in forms() {
            let (ending, _) = Form::ENDINGS.iter().find(|(_, one)| *one == form).unwrap();
            let to = directory.path().join(format!("report.{ending}"));
            let outcome = run(wheelproof()
                .arg("explain")
                .args(&files)
                .arg("--report")
                .arg(&to));
            assert!(matches!(outcome.code, Some(0 | 1)), "{}", outcome.err());
            let seen = joined(&read(form, &to));
            for word in words {
                assert!(seen.contains(word), "{scenario} {form:?}: {word}\n{seen}");
            }
        }
    }
}
