//! Reports in every form that a file can have, read back by other programs: Python's
//! parsers of HTML and XML, which know nothing of how they were written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use wheelproof::compare::{Difference, Kind, Layer, Sides};
use wheelproof::digest::Sha256Digest;
use wheelproof::explain::{Attributed, Cause, Proof, Unexplained};
use wheelproof::finding::{Finding, Severity, Subject, rules};
use wheelproof::report::{
    FileKind, FileSummary, Form, RebuildOutcome, RebuildSummary, Report, Trouble, WitnessSummary,
};
use wheelproof::time::UtcTime;

use crate::common::{FILES, House, pair, run, wheelproof};

/// Names that want to be something else than names.
pub(crate) const HOSTILE: [&str; 11] = [
    "<script>alert(1)</script>.whl",
    "\" onmouseover=\"alert(1)",
    "'><img src=x onerror=alert(1)>",
    "</title></style></pre></details><h1>PASS",
    "a\u{202e}lhw.fdp\u{1b}[31m\u{7}",
    "line\nfeed\r\ttab",
    "&lt;not an entity&gt; &amp;",
    "`a` ``b`` @all #1 !5 www.example.com https://example.com/ a@example.com",
    "**b** _i_ ~~s~~ [l](https://example.com) ![i](x.png) $x$ :smile: \\",
    "```\n~~~\n</details>\n# heading\n- item",
    "<!-- comment --> <![CDATA[ ]]> <?xml ?> \u{fffe}\u{ffff}",
];

fn day() -> UtcTime {
    "2026-11-28T00:00:00Z".parse().unwrap()
}

/// Returns the Python that has what the tests need besides.
fn python() -> PathBuf {
    std::env::var_os("WHEELPROOF_TEST_TOOLS").map_or_else(
        || PathBuf::from("python3"),
        |tools| PathBuf::from(tools).join("bin/python"),
    )
}

/// Reads a report with Python; returns what it sees.
#[track_caller]
pub(crate) fn read(form: Form, path: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/report_forms.py");
    let (name, _) = Form::ENDINGS.iter().find(|(_, one)| *one == form).unwrap();
    let seen = Command::new(python())
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
pub(crate) fn joined(seen: &Value) -> String {
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
        wheels: Sides::default(),
        witness: WitnessSummary::default(),
        causes: Vec::new(),
        attributed: Vec::new(),
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
        stands_alone: false,
        pairs_names: false,
        factor: None,
    }];
    different.attributed = vec![Attributed {
        difference: 0,
        member: format!("attributed member {text}"),
        what: format!("attributed what {text}"),
        cause: "epoch",
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

/// The forms that are neither text nor JSON, and that something here can read.
fn forms() -> impl Iterator<Item = Form> {
    let all = Form::ENDINGS.into_iter().map(|(_, form)| form);
    let reads_markdown = Command::new(python())
        .args(["-c", "import cmarkgfm"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !reads_markdown {
        crate::skipped!("cmarkgfm is not in WHEELPROOF_TEST_TOOLS: Markdown is not read back");
    }
    let has_schema = Command::new(python())
        .args(["-c", "import xmlschema"])
        .output()
        .is_ok_and(|output| output.status.success())
        && std::env::var_os("WHEELPROOF_TEST_TOOLS")
            .is_some_and(|tools| Path::new(&tools).join("junit-10.xsd").exists());
    if !has_schema {
        crate::skipped!(
            "xmlschema or junit-10.xsd is not in WHEELPROOF_TEST_TOOLS: JUnit is held against our own table only"
        );
    }
    all.filter(move |form| match form {
        Form::Json => false,
        Form::Markdown => reads_markdown,
        Form::Html | Form::Junit => true,
    })
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
        let shown = wheelproof::report::escape(text);
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
    for form in forms() {
        let (ending, _) = Form::ENDINGS.iter().find(|(_, one)| *one == form).unwrap();
        let seen = joined(&read(form, &house.at(format!("report.{ending}"))));
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
fn a_file_that_cannot_be_written_is_an_error_before_any_work() {
    let house = House::new();
    let flags = ["--report", "none/report.html", "--report", "there.html"];
    let report = house.check(&flags).expect(3).json();
    let message = report["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("none/report.html"), "{message}");
    assert_eq!(report["verdict"], "error");
    assert!(!house.at("there.html").exists());
    for (path, says) in [
        ("keys", "it is a directory"),
        ("wheelproof.md/x.md", "No such file"),
    ] {
        let path = format!("{path}.md");
        std::fs::create_dir_all(house.at("keys.md")).unwrap();
        let err = house.text(&["--report", &path]).expect(3).err();
        assert!(
            err.contains(says) && err.contains("nothing was done yet"),
            "{err}"
        );
    }
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
        let files = pair("explain.py", directory.path(), scenario);
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

/// The cases of a JUnit report with their results.
fn cases(report: &Report) -> BTreeMap<(String, String), String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.xml");
    let mut bytes = Vec::new();
    report.write(Form::Junit, &mut bytes).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let word = |case: &Value, key: &str| case[key].as_str().unwrap().to_owned();
    let seen = read(Form::Junit, &path);
    let cases = seen.as_array().unwrap().iter();
    cases
        .map(|case| {
            (
                (word(case, "suite"), word(case, "name")),
                word(case, "result"),
            )
        })
        .collect()
}

#[test]
fn continuous_integration_sees_failures_errors_and_what_was_left_out() {
    let mut report = everything("plain");
    let wheel = |path: &str, status| FileSummary {
        path: path.to_owned(),
        sha256: None,
        size: Some(1),
        kind: FileKind::Wheel,
        status,
    };
    report.files.push(wheel("a-1-py3-none-any.whl", "ok"));
    report.files.push(wheel("other-1-py3-none-any.whl", "ok"));
    report.files.push(wheel("sub/x.whl", "mismatch"));
    report.files.push(wheel("x.whl", "ok"));
    report.findings.push(Finding::new(
        &rules::HASH_MISMATCH,
        Subject::path("./wheels/sub/x.whl"),
    ));
    let seen = cases(&report);
    let result = |suite: &str, name: &str| {
        let found = seen.get(&(suite.to_owned(), name.to_owned()));
        found
            .unwrap_or_else(|| panic!("{suite} {name}\n{seen:#?}"))
            .as_str()
    };
    for (name, expected) in [
        ("a-1-py3-none-any.whl", "passed"),
        ("b-1-py3-none-any.whl", "system-out"),
        ("c-1-py3-none-any.whl", "failure"),
        ("d-1-py3-none-any.whl", "error"),
        ("e-1-py3-none-any.whl", "error"),
        ("f-1-py3-none-any.whl", "error"),
        ("other-1-py3-none-any.whl", "skipped"),
    ] {
        assert_eq!(result("rebuilds", name), expected, "{name}");
    }
    assert_eq!(result("files", "sub/x.whl"), "failure");
    assert_eq!(result("files", "x.whl"), "passed");
    assert_eq!(result("findings", "hash-mismatch in path plain"), "failure");
    assert_eq!(
        result("findings", "file-missing in path plain"),
        "system-out"
    );
    assert_eq!(result("errors", "message plain"), "error");

    report.strict = true;
    report.conclude();
    let seen = cases(&report);
    let warning = (
        "findings".to_owned(),
        "file-missing in path plain".to_owned(),
    );
    assert_eq!(seen[&warning], "failure");
}

#[test]
fn no_verdict_but_a_pass_is_green() {
    let mut report = Report::new("verify", day());
    report.is_empty = true;
    report.conclude();
    let verdict = ("verdict".to_owned(), "verdict".to_owned());
    assert_eq!(cases(&report)[&verdict], "error");
    report.is_empty = false;
    report.conclude();
    assert_eq!(cases(&report)[&verdict], "system-out");
}

#[test]
fn times_are_in_the_report_only_when_they_were_asked_for() {
    let mut report = everything("plain");
    let write = |report: &Report| {
        let mut bytes = Vec::new();
        report.write(Form::Junit, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert!(!write(&report).contains("time="));
    for rebuild in &mut report.rebuilds {
        rebuild.seconds = Some(0.25);
    }
    let text = write(&report);
    assert!(
        text.contains(" time=\"0.250\"") && text.contains(" time=\"2.000\""),
        "{text}"
    );
}

#[test]
fn a_long_report_fits_a_comment_and_says_what_it_leaves_out() {
    let mut report = everything("plain");
    for number in 0..3_000 {
        let place = Subject::path(format!("a/rather/long/name/of/a/file/{number}.whl"));
        report
            .findings
            .push(Finding::new(&rules::HASH_MISMATCH, place));
    }
    for form in forms() {
        let seen = texts(&report, form);
        assert!(
            seen.trim_start().starts_with("❌ wheelproof FAIL") || form != Form::Markdown,
            "{seen}"
        );
        if form != Form::Junit {
            assert!(seen.contains("left out here"), "{form:?}");
        }
    }
}

#[test]
fn the_map_says_where_members_lie_as_zipfile_says_it() {
    let directory = tempfile::tempdir().unwrap();
    let files = pair("explain.py", directory.path(), "mixed");
    let to = directory.path().join("report.html");
    run(wheelproof()
        .arg("explain")
        .args(&files)
        .arg("--report")
        .arg(&to))
    .expect(1);
    let seen = read(Form::Html, &to);
    let texts: Vec<&str> = seen
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for (side, file) in ["published", "rebuilt"].iter().zip(&files) {
        let program = "import sys, zipfile\n\
                       for info in zipfile.ZipFile(sys.argv[1]).infolist():\n    \
                           print(info.header_offset, info.filename)";
        let asked = Command::new("python3")
            .args(["-c", program])
            .arg(file)
            .output()
            .unwrap();
        let places = String::from_utf8(asked.stdout).unwrap();
        assert!(places.lines().count() > 3, "{places}");
        for place in places.lines() {
            // In this pair every member has another time.
            let (offset, member) = place.split_once(' ').unwrap();
            let row = [member, side, offset];
            assert!(
                texts.windows(3).any(|three| three == row),
                "{row:?}\n{texts:#?}"
            );
        }
    }
}
