//! Runs the kit: every case in `fixtures/cases`, its fault and its neighbour.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{Outcome, as_ordinary_user, run, send, start, wait, wheelproof};
use crate::kit::format::{self, Case, Side};
use crate::kit::{self, arguments};

fn cases() -> Vec<Case> {
    format::cases().unwrap_or_else(|wrong| panic!("{}", wrong.join("\n")))
}

/// Returns how a side ended; `None` when it cannot be run here.
fn outcome(side: &Side, place: &Path) -> Option<Outcome> {
    let mut command = wheelproof();
    if let Some(mib) = side.memory_mib {
        let limited = format!("ulimit -v {}; exec \"$0\" \"$@\"", mib * 1024);
        let program = command.get_program().to_owned();
        command = std::process::Command::new("bash");
        command.stdin(std::process::Stdio::null());
        command.arg("-c").arg(limited).arg(program);
    }
    command.args(arguments(side)).current_dir(place);
    // Only root could make one in the home that is nowhere.
    let cache = tempfile::tempdir().unwrap();
    command.env("XDG_CACHE_HOME", cache.path());
    for (name, value) in &side.environment {
        command.env(name, value);
    }
    if side.ordinary_user && !as_ordinary_user(&mut command) {
        return None;
    }
    if let Some(milliseconds) = side.interrupted_after {
        let child = start(&mut command);
        std::thread::sleep(Duration::from_millis(milliseconds));
        send(&child, Signal::INT);
        return Some(wait(child));
    }
    let Some(path) = &side.written_meanwhile else {
        return Some(run(&mut command));
    };
    let stop = AtomicBool::new(false);
    Some(std::thread::scope(|scope| {
        scope.spawn(|| {
            let file = std::fs::File::options()
                .write(true)
                .open(place.join(path))
                .unwrap();
            // The contents stay as they are; that somebody writes is enough.
            while !stop.load(Ordering::SeqCst) {
                std::os::unix::fs::FileExt::write_at(&file, &[0], 0).unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let outcome = run(&mut command);
        stop.store(true, Ordering::SeqCst);
        outcome
    }))
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names
}

/// Returns what is wrong with how a side ended.
fn wrongs(side: &Side, place: &Path, outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    // As shells count: 128 and the number of the signal.
    let ended = outcome.code.or(outcome.signal.map(|signal| 128 + signal));
    if ended != Some(side.exit) {
        wrong.push(format!(
            "it has to end with {}, and ended with {ended:?}",
            side.exit
        ));
    }
    let (stdout, stderr) = (
        String::from_utf8_lossy(&outcome.stdout),
        String::from_utf8_lossy(&outcome.stderr),
    );
    if stderr.contains("panicked") {
        wrong.push(stderr.to_string());
    }
    let report = match &side.report {
        Some(path) => std::fs::read(place.join(path)).unwrap_or_default(),
        None => outcome.stdout.clone(),
    };
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap_or_default();
    if report["exit_code"] != side.exit && side.exit < 128 {
        wrong.push(format!("the report says {}", report["exit_code"]));
    }
    for (severity, expected) in [
        ("error", &side.errors),
        ("warning", &side.warnings),
        ("note", &side.notes),
    ] {
        let found: Vec<String> = report["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|finding| finding["severity"] == severity)
            .filter_map(|finding| finding["rule"].as_str().map(str::to_owned))
            .collect();
        if sorted(&found) != sorted(expected) {
            wrong.push(format!(
                "{severity}s have to be {expected:?}, and are {found:?}"
            ));
        }
    }
    for text in &side.says {
        if !stdout.contains(text.as_str()) && !stderr.contains(text.as_str()) {
            wrong.push(format!("{text:?} is not in what it says"));
        }
    }
    if !wrong.is_empty() {
        let told: Vec<String> = [&report["findings"], &report["errors"]]
            .iter()
            .filter_map(|list| list.as_array())
            .flatten()
            .take(10)
            .map(ToString::to_string)
            .collect();
        wrong.push(format!("{}\n{stderr}", told.join("\n  ")));
    }
    wrong
}

/// One case alone: `WHEELPROOF_CASE=directory/ cargo test --test suite each_fault`.
#[test]
fn each_fault_is_told_by_its_rules_and_each_neighbour_passes() {
    let chosen = std::env::var("WHEELPROOF_CASE").unwrap_or_default();
    let mut cases = cases();
    cases.retain(|case| case.name.starts_with(&chosen));
    let directory = tempfile::tempdir().unwrap();
    // A case may be run as somebody else.
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).unwrap();
    kit::make(&cases, directory.path()).unwrap_or_else(|error| panic!("{error}"));

    let sides: Vec<_> = cases
        .iter()
        .flat_map(|case| case.sides().map(|(name, side)| (case, name, side)))
        .collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().unwrap().get();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((case, name, side)) = sides.get(next.fetch_add(1, Ordering::SeqCst))
                {
                    let place = directory.path().join(&case.name).join(name);
                    let Some(outcome) = outcome(side, &place) else {
                        continue;
                    };
                    let found = wrongs(side, &place, &outcome);
                    if !found.is_empty() {
                        let text = found.join("\n  ");
                        let heading = format!("{}, {name} ({})", case.name, case.shows);
                        wrong.lock().unwrap().push(format!("{heading}\n  {text}"));
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_case_is_one_fault_beside_an_innocent_neighbour() {
    let mut wrong = Vec::new();
    for case in &cases() {
        let (fault, neighbour) = (&case.fault, &case.neighbour);
        if fault == neighbour {
            wrong.push(format!("{}: both sides are the same", case.name));
        }
        if neighbour.exit != 0 || !neighbour.errors.is_empty() {
            wrong.push(format!("{}: the neighbour has to pass", case.name));
        }
        let is_silent = [&fault.errors, &fault.warnings, &fault.notes]
            .iter()
            .all(|rules| rules.is_empty());
        if fault.exit == 0 && is_silent {
            wrong.push(format!("{}: nothing comes of the fault", case.name));
        }
        // A finding that is an error decides, so it has to show.
        if fault.exit == 0 && !fault.errors.is_empty() {
            wrong.push(format!("{}: errors, and exit code 0", case.name));
        }
        if case.shows.is_empty() {
            wrong.push(format!("{}: it says no purpose", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rows of the table of hostile input.
const ROWS: [std::ops::RangeInclusive<u32>; 5] = [1..=24, 30..=41, 50..=63, 70..=78, 80..=85];

/// Rows that no directory can show; fixtures/README.md says where they are tested.
const ELSEWHERE: [u32; 3] = [61, 84, 85];

#[test]
fn every_row_of_the_table_has_a_case() {
    let cases = cases();
    let shown: BTreeSet<u32> = cases.iter().flat_map(|case| &case.rows).copied().collect();
    let missing: Vec<u32> = ROWS
        .into_iter()
        .flatten()
        .filter(|row| !shown.contains(row))
        .collect();
    assert_eq!(missing, ELSEWHERE);
}
