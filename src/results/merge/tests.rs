//! Any division of the work, in any order, gives the bytes of a single run.

use std::num::NonZeroUsize;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::compare::Sides;
use crate::filename::WheelFilename;
use crate::finding::{Finding, Subject, rules};
use crate::relpath::RelPath;
use crate::report::{RebuildOutcome, RebuildSummary, Report, WitnessSummary};
use crate::results::{ResultsErrorKind, ResultsFile, Task};
use crate::selection::{Pair, Signed};

const OUTCOMES: [RebuildOutcome; 6] = [
    RebuildOutcome::Reproduced,
    RebuildOutcome::ReproducedWithWitness,
    RebuildOutcome::Different,
    RebuildOutcome::BuildFailed,
    RebuildOutcome::TimedOut,
    RebuildOutcome::NotAttempted,
];

fn task(shard: Shard) -> Task {
    Task {
        shard,
        policy_sha256: Sha256Digest::of(b"policy"),
        selection: "all".to_owned(),
        strict: false,
    }
}

fn verified() -> Report {
    let mut report = Report::new("audit", "2025-01-01T00:00:00Z".parse().unwrap());
    report.findings.push(
        Finding::new(&rules::CERTIFICATE_LAPSES_SOON, Subject::path("a\u{202e}b"))
            .expected("\u{1b}[31m")
            .found("é"),
    );
    report
}

fn wheel(number: usize, outcome: RebuildOutcome) -> (Pair, RebuildSummary) {
    let name = format!("p{number:04}-1.0-py3-none-any.whl");
    let sha256 = Sha256Digest::of(name.as_bytes());
    let pair = Pair {
        wheel: Signed {
            path: RelPath::parse(&name).unwrap(),
            filename: WheelFilename::parse(&name).unwrap(),
            sha256,
        },
        sdist: None,
    };
    let rebuilt = match outcome {
        RebuildOutcome::Reproduced => Some(sha256),
        RebuildOutcome::ReproducedWithWitness | RebuildOutcome::Different => {
            Some(Sha256Digest::of(b"other"))
        }
        _ => None,
    };
    let summary = RebuildSummary {
        wheel: name,
        sdist: None,
        outcome,
        reason: Some(format!("line\none, {number}")),
        published_sha256: sha256,
        rebuilt_sha256: rebuilt,
        recipe: None,
        recipe_source: None,
        inferred: Vec::new(),
        policy: None,
        python: Some("cpython 3.11.2".to_owned()),
        sandbox: None,
        notes: Vec::new(),
        mismatches: Vec::new(),
        differences: Vec::new(),
        wheels: Sides {
            published: None,
            rebuilt: None,
        },
        witness: WitnessSummary {
            edits: vec![serde_json::json!({"z": 1, "a": [null, -2, 0.1]})],
            sentences: Vec::new(),
        },
        causes: Vec::new(),
        attributed: Vec::new(),
        unexplained: Vec::new(),
        log: None,
        reused: false,
        seconds: None,
    };
    (pair, summary)
}

fn noted(summary: &RebuildSummary) -> Vec<Finding> {
    match summary.outcome {
        RebuildOutcome::ReproducedWithWitness => vec![Finding::new(
            &rules::REPRODUCED_WITH_WITNESS,
            Subject::path(&summary.wheel),
        )],
        _ => Vec::new(),
    }
}

fn of_machine() -> Vec<Finding> {
    vec![Finding::new(&rules::SANDBOX_WEAKER, Subject::default())]
}

/// What a single run writes.
fn single(wheels: &[(Pair, RebuildSummary)]) -> Vec<u8> {
    let mut report = verified();
    report.findings.extend(of_machine());
    for (_, summary) in wheels {
        report.rebuilds.push(summary.clone());
    }
    for (_, summary) in wheels {
        report.findings.extend(noted(summary));
    }
    report.is_empty = wheels.is_empty();
    report.conclude();
    let mut bytes = Vec::new();
    report.write_json(&mut bytes).unwrap();
    bytes
}

/// What one of several machines writes; the order of the results is turned.
fn part(wheels: &[(Pair, RebuildSummary)], shard: Shard, turn: usize) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("part.jsonl");
    let mut report = verified();
    report.is_empty = wheels.is_empty();
    let pairs: Vec<Pair> = wheels.iter().map(|(pair, _)| pair.clone()).collect();
    let file = ResultsFile::begin(&path, &task(shard), &report, &pairs, &of_machine()).unwrap();
    let mut own: Vec<_> = wheels
        .iter()
        .filter(|(pair, _)| shard.holds(&pair.wheel.sha256))
        .collect();
    let turn = turn % NonZeroUsize::new(own.len()).unwrap_or(NonZeroUsize::MIN);
    own.rotate_left(turn);
    for (_, summary) in own {
        file.add(summary, &noted(summary));
    }
    file.end().unwrap();
    std::fs::read(&path).unwrap()
}

fn merged(files: &[Vec<u8>]) -> Merged {
    let mut merge = Merge::default();
    for (number, bytes) in files.iter().enumerate() {
        merge
            .add(&format!("{number}.jsonl"), &mut &**bytes)
            .unwrap();
    }
    merge.finish().unwrap()
}

fn json_of(merged: &Merged) -> String {
    let mut bytes = Vec::new();
    merged.write_json(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn text_of(merged: &Merged) -> String {
    let mut bytes = Vec::new();
    merged.write_text(&mut bytes, false).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn wheels(outcomes: &[usize]) -> Vec<(Pair, RebuildSummary)> {
    let numbered = outcomes.iter().enumerate();
    numbered
        .map(|(number, outcome)| wheel(number, OUTCOMES[*outcome]))
        .collect()
}

proptest! {
    // Each case writes up to a dozen files to the disk.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_division_in_any_order_gives_the_bytes_of_a_single_run(
        outcomes in proptest::collection::vec(0usize..6, 0..25),
        of in 1u32..7,
        turn in any::<usize>(),
        again in proptest::collection::vec(any::<proptest::sample::Index>(), 0..4),
        torn in any::<proptest::sample::Index>(),
    ) {
        let wheels = wheels(&outcomes);
        let mut files: Vec<Vec<u8>> = (1..=of)
            .map(|number| part(&wheels, Shard::new(number, of).unwrap(), turn))
            .collect();
        // Some of them once more, and one that was ended anywhere.
        for index in again {
            let file = index.get(&files).clone();
            files.push(file);
        }
        let mut killed = files[0].clone();
        killed.truncate(torn.index(killed.len()));
        files.push(killed);
        let places = NonZeroUsize::new(files.len()).unwrap();
        files.rotate_left(turn % places);
        let merged = merged(&files);
        prop_assert!(merged.missing.is_empty());
        prop_assert_eq!(json_of(&merged), String::from_utf8(single(&wheels)).unwrap());
    }

    /// A file that was ended anywhere is read, whatever that leaves out, and what it
    /// leaves out is named.
    #[test]
    fn what_an_ended_run_leaves_out_is_named(torn in any::<proptest::sample::Index>()) {
        let wheels = wheels(&[0; 12]);
        let whole = part(&wheels, Shard::WHOLE, 0);
        let mut killed = whole.clone();
        killed.truncate(torn.index(whole.len()));
        let lines = killed.iter().filter(|byte| **byte == b'\n').count();
        let mut merge = Merge::default();
        merge.add("killed", &mut &*killed).unwrap();
        match merge.finish() {
            None => prop_assert!(lines < 2),
            Some(merged) => {
                prop_assert_eq!(merged.missing.len(), 14 - lines);
                prop_assert_eq!(merged.unfinished, ["killed"]);
                let expected = if lines == 14 { Verdict::Pass } else { Verdict::Error };
                prop_assert_eq!(merged.verdict, expected);
            }
        }
    }

    /// No byte that changes on the way makes a panic or a report that passes without
    /// every wheel.
    #[test]
    fn a_changed_byte_never_makes_a_wheel_disappear(
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let wheels = wheels(&[0, 0, 1, 0]);
        let mut bytes = part(&wheels, Shard::WHOLE, 0);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let mut merge = Merge::default();
        if merge.add("changed", &mut &*bytes).is_ok()
            && let Some(merged) = merge.finish()
            && merged.verdict == Verdict::Pass
        {
            prop_assert_eq!(merged.report().list("rebuilds").len(), 4);
        }
    }
}

#[test]
fn missing_results_are_named_with_the_part_they_belong_to() {
    let wheels = wheels(&[0; 9]);
    let parts: Vec<Vec<u8>> = (1..=3)
        .map(|number| part(&wheels, Shard::new(number, 3).unwrap(), 0))
        .collect();
    let merged = merged(&[parts[0].clone(), parts[2].clone()]);
    assert!(!merged.missing.is_empty());
    for missing in &merged.missing {
        assert_eq!(missing.shard, Some(Shard::new(2, 3).unwrap()));
    }
    assert_eq!(merged.verdict, Verdict::Error);
    let text = text_of(&merged);
    assert!(text.contains("--shard 2/3"), "{text}");
    assert!(text.contains("results are missing"), "{text}");
}

#[test]
fn what_failed_on_one_machine_and_was_made_on_another_is_no_failure() {
    let failed = [wheel(0, RebuildOutcome::BuildFailed)];
    let made = [wheel(0, RebuildOutcome::Reproduced)];
    let files = [part(&failed, Shard::WHOLE, 0), part(&made, Shard::WHOLE, 0)];
    let turned = [files[1].clone(), files[0].clone()];
    for files in [files, turned] {
        let merged = merged(&files);
        assert_eq!(json_of(&merged).into_bytes(), single(&made));
    }
}

#[test]
fn results_that_contradict_each_other_never_pass() {
    let one = [wheel(0, RebuildOutcome::Reproduced)];
    let other = [wheel(0, RebuildOutcome::Different)];
    let files = [part(&one, Shard::WHOLE, 0), part(&other, Shard::WHOLE, 0)];
    let merged = merged(&files);
    assert_eq!(merged.verdict, Verdict::Fail);
    let json = json_of(&merged);
    assert!(
        json.contains("contradict each other: it came back in 0.jsonl, line 3"),
        "{json}"
    );
}

#[test]
fn files_of_another_task_are_refused_with_their_name_and_line() {
    let wheels = wheels(&[0, 0]);
    let pairs: Vec<Pair> = wheels.iter().map(|(pair, _)| pair.clone()).collect();
    let write = |change: &dyn Fn(&mut Task, &mut Report)| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("part.jsonl");
        let (mut task, mut report) = (task(Shard::WHOLE), verified());
        change(&mut task, &mut report);
        ResultsFile::begin(&path, &task, &report, &pairs, &[])
            .unwrap()
            .end()
            .unwrap();
        std::fs::read(&path).unwrap()
    };
    type Change<'a> = &'a dyn Fn(&mut Task, &mut Report);
    let changes: [(&str, u64, Change<'_>); 5] = [
        ("policy", 1, &|task, _| {
            task.policy_sha256 = Sha256Digest::of(b"x")
        }),
        ("selection", 1, &|task, _| task.selection = "six".to_owned()),
        ("command", 1, &|_, report| report.command = "rebuild"),
        ("time", 1, &|_, report| {
            report.time = "2025-01-02T00:00:00Z".parse().unwrap();
        }),
        ("verification", 2, &|_, report| report.findings.clear()),
    ];
    for (what, line, change) in changes {
        let mut merge = Merge::default();
        merge.add("one", &mut &*write(&|_, _| {})).unwrap();
        let error = merge.add("two", &mut &*write(change)).unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("two", line), "{error}");
        assert!(
            matches!(&error.kind, ResultsErrorKind::OtherTask { what: found, first, .. }
                if *found == what && first == "one"),
            "{error}"
        );
    }
}

#[test]
fn lines_that_are_none_of_ours_are_refused_where_they_stand() {
    let wheels = wheels(&[0, 2, 0]);
    let good = String::from_utf8(part(&wheels, Shard::WHOLE, 0)).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let with = |at: usize, line: &str| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines[at] = line.to_owned();
        lines.join("\n") + "\n"
    };
    let sha = wheels[0].0.wheel.sha256.to_string();
    let other = Sha256Digest::of(b"other").to_string();
    let cases = [
        ("not ours", "hello\n".to_owned(), 1, "no file of results"),
        (
            "a report",
            "{\"schema\":\"wheelproof.report/1\"}\n".to_owned(),
            1,
            "no file of results",
        ),
        (
            "a later format",
            good.replace("wheelproof.results/1", "wheelproof.results/2"),
            1,
            "wheelproof.results/2",
        ),
        (
            "verification changed",
            with(1, &lines[1].replace("audit", "Audit")),
            2,
            "digest",
        ),
        ("no JSON", with(3, "{"), 4, "damaged"),
        ("zeros", with(3, "\0\0\0\0"), 4, "damaged"),
        ("a header again", with(3, lines[0]), 4, "another line"),
        (
            "a line lost",
            good.replacen(&format!("{}\n", lines[3]), "", 1),
            5,
            "2 stand before",
        ),
        (
            "a line behind the end",
            format!("{good}{}\n", lines[2]),
            7,
            "behind the line",
        ),
        (
            "nobody asked",
            with(2, &lines[2].replace("p0000", "p9999")),
            3,
            "nobody selected",
        ),
        (
            "another signed digest",
            with(2, &lines[2].replace(&sha, &other)),
            3,
            "another signed digest",
        ),
        (
            "a lie about the outcome",
            with(3, &lines[3].replace("\"different\"", "\"reproduced\"")),
            4,
            "digests say otherwise",
        ),
        (
            "an outcome nobody knows",
            with(2, &lines[2].replace("\"reproduced\"", "\"fine\"")),
            3,
            "damaged",
        ),
    ];
    for (name, text, line, says) in cases {
        let error = Merge::default()
            .add("f", &mut text.as_bytes())
            .expect_err(name);
        assert_eq!(error.line, line, "{name}: {error}");
        assert!(error.to_string().contains(says), "{name}: {error}");
    }
}

#[test]
fn strict_and_an_empty_selection_decide_as_in_a_single_run() {
    let merged = merged(&[part(&[], Shard::WHOLE, 0)]);
    assert_eq!(merged.verdict, Verdict::Empty);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("part.jsonl");
    let strict = Task {
        strict: true,
        ..task(Shard::WHOLE)
    };
    ResultsFile::begin(&path, &strict, &verified(), &[], &[])
        .unwrap()
        .end()
        .unwrap();
    let mut merge = Merge::default();
    merge
        .add("f", &mut &*std::fs::read(&path).unwrap())
        .unwrap();
    // The finding of `verified` is a warning.
    assert_eq!(merge.finish().unwrap().verdict, Verdict::Fail);
}

#[test]
fn nothing_but_a_file_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let begin = |path: &Path| {
        ResultsFile::begin(path, &task(Shard::WHOLE), &verified(), &[], &[]).map(|_| ())
    };
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    assert!(begin(&link).is_err());
    assert!(begin(directory.path()).is_err());
    assert!(begin(&directory.path().join("none/part")).is_err());
    let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}
