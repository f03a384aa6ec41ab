//! `--rebuilt`: nothing is handed on before the selected wheels are shown to be what
//! their sdists give.

use std::process::Command;

use serde_json::{Value, json};

use crate::common::{FILES, House, Outcome, fixture, run, sha256sum, wheelproof};
use crate::signing::TODAY;

/// The recipe that the wheels of the fixtures were built by.
const RECIPE: [&str; 4] = [
    "--source-date-epoch",
    "1704067200",
    "--build-path",
    "/tmp/wheelproof-build/{sdist}",
];
const REPORT: &str = "audit.json";
const UNITS: &str = "wheelproof-example-units";

/// Returns the command, which leaves its report in `run.json`, and a file if CMD runs.
fn running(house: &House, flags: &[&str]) -> Command {
    let mut all = flags.to_vec();
    all.extend(RECIPE);
    all.extend(["--report", "run.json"]);
    let mut command = house.run(&all, &["touch", "started"]);
    house.mode("tmp", 0o1777);
    command.env("XDG_CACHE_HOME", house.at("cache"));
    command
}

/// Runs it, and says whether CMD was started.
#[track_caller]
fn started(house: &House, flags: &[&str]) -> (bool, Outcome) {
    let outcome = run(&mut running(house, flags));
    let started = std::fs::remove_file(house.at("started")).is_ok();
    assert_eq!(
        outcome.code,
        Some(if started { 0 } else { 125 }),
        "{}",
        outcome.err()
    );
    house.assert_nothing_left();
    (started, outcome)
}

fn read(house: &House, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(house.at(name)).unwrap()).unwrap()
}

/// Returns for each wheel that was handed on who rebuilt it.
fn rebuilt_by(house: &House) -> Vec<Value> {
    let report = read(house, "run.json");
    let wheels = report["handed_on"]["wheels"].as_array().unwrap().clone();
    wheels
        .iter()
        .map(|wheel| wheel["rebuilt"]["by"].clone())
        .collect()
}

/// Lets the real program write a report of an audit of everything.
fn audited(house: &House, flags: &[&str]) -> Value {
    let mut all = RECIPE.to_vec();
    all.extend(flags);
    let outcome = run(&mut house.rebuilding("audit", &all)).expect(0);
    house.write(REPORT, &outcome.stdout);
    outcome.json()
}

#[test]
fn an_audit_now_shows_that_the_selected_wheels_come_from_their_sdists() {
    let house = House::new();
    let (is_started, outcome) = started(&house, &["--rebuilt", UNITS]);
    assert!(is_started, "{}", outcome.err());
    assert_eq!(
        rebuilt_by(&house),
        [json!(null), json!(null), json!("this-run")]
    );
    let report = read(&house, "run.json");
    let rebuilt = &report["handed_on"]["wheels"][2]["rebuilt"];
    assert_eq!(rebuilt["time"], TODAY);
    assert!(
        rebuilt["python"]
            .as_str()
            .unwrap()
            .starts_with("cpython 3.")
    );
    assert_eq!(report["rebuilds"].as_array().unwrap().len(), 1);
    let err = outcome.err();
    assert!(err.contains("3 wheels, 1 rebuilt, 2 only signed"), "{err}");
    assert!(err.contains("by this run"), "{err}");
    // A pattern for everything means everything that is handed on.
    house.write("r.txt", "wheelproof-example-greeting==1.0.0\n");
    let (is_started, _) = started(&house, &["--rebuilt", "*", "--requirements", "r.txt"]);
    assert!(is_started);
    assert_eq!(rebuilt_by(&house), ["this-run"]);
    // Nothing selected, nothing built.
    assert!(started(&house, &[]).0);
    assert_eq!(rebuilt_by(&house), [json!(null), json!(null), json!(null)]);
    assert_eq!(read(&house, "run.json")["rebuilds"], json!([]));
}

#[test]
fn a_wheel_that_does_not_come_from_its_sdist_is_not_handed_on() {
    let house = House::new();
    let name = FILES[4];
    std::fs::copy(
        fixture("wheelhouse-different/wheels").join(name),
        house.wheel(name),
    )
    .unwrap();
    let lines: String = House::lines()
        .lines()
        .map(|line| match line.ends_with(name) {
            true => format!("{}  {name}\n", sha256sum(&house.wheel(name))),
            false => format!("{line}\n"),
        })
        .collect();
    house.sign(lines);
    let (is_started, outcome) = started(&house, &["--rebuilt", UNITS]);
    assert!(!is_started);
    let err = outcome.err();
    for text in [
        "error[not-rebuilt]",
        name,
        "different",
        "wheelproof audit .",
    ] {
        assert!(err.contains(text), "{text}: {err}");
    }
    assert_eq!(read(&house, "run.json").get("handed_on"), None);
    // Another one is asked for.
    assert!(started(&house, &["--rebuilt", "wheelproof-example-count"]).0);
    // A build that gives nothing shows nothing.
    let (is_started, outcome) = started(
        &house,
        &[
            "--rebuilt",
            "wheelproof-example-count",
            "--python",
            "py3=/nowhere/python3",
        ],
    );
    assert!(!is_started);
    assert!(
        outcome.err().contains("error[not-rebuilt]"),
        "{}",
        outcome.err()
    );
    let mut seal = wheelproof();
    seal.current_dir(house.at(""))
        .env("XDG_CACHE_HOME", house.at("cache"))
        .env("TMPDIR", house.at("tmp"))
        .args(["seal", ".", "sealed", "--certs", "keys", "--time", TODAY])
        .args(["--rebuilt", UNITS])
        .args(RECIPE);
    run(&mut seal).expect(1);
    assert!(!house.at("sealed").exists());
}

#[test]
fn a_selection_that_selects_nothing_handed_on_starts_nothing() {
    let house = House::new();
    house.write("r.txt", "wheelproof-example-greeting==1.0.0\n");
    for (flags, says) in [
        (
            &["--rebuilt", "nosuch"][..],
            "no wheel of the manifest matches 'nosuch'",
        ),
        (&["--rebuilt", "wheelproof-example-count==9"], "matches"),
        (
            &["--rebuilt", UNITS, "--requirements", "r.txt"],
            "none of the wheels",
        ),
        (&["--rebuilt", "a b"], "matches"),
        (&["--rebuilt", "==1"], "no project"),
        (
            &["--rebuilt-report", REPORT],
            "no wheel that it has to show",
        ),
        (
            &["--rebuilt", "*", "--rebuilt-max-age", "0"],
            "from 1 to 36500",
        ),
        (
            &["--rebuilt", "*", "--rebuilt-report", REPORT],
            "audit.json",
        ),
    ] {
        let (is_started, outcome) = started(&house, flags);
        assert!(!is_started, "{flags:?}");
        assert!(outcome.err().contains(says), "{flags:?}: {}", outcome.err());
    }
}

#[test]
fn a_report_shows_it_for_the_same_manifest_and_policy_while_it_is_young() {
    let house = House::new();
    let good = audited(&house, &[]);
    let by_report = ["--rebuilt", "*", "--rebuilt-report", REPORT];
    let (is_started, outcome) = started(&house, &by_report);
    assert!(is_started, "{}", outcome.err());
    assert!(
        outcome.err().contains("as audit.json has it"),
        "{}",
        outcome.err()
    );
    assert_eq!(rebuilt_by(&house), ["report", "report", "report"]);
    let report = read(&house, "run.json");
    let rebuilt = &report["handed_on"]["wheels"][0]["rebuilt"];
    assert_eq!(rebuilt["path"], REPORT);
    assert_eq!(rebuilt["sha256"], sha256sum(&house.at(REPORT)));
    assert_eq!(rebuilt["time"], good["time"]);
    assert_eq!(report["rebuilds"], json!([]), "nothing is built");

    let ones = "1".repeat(64);
    let changed = |pointer: &str, value: Value| {
        let mut report = good.clone();
        *report.pointer_mut(pointer).unwrap() = value;
        report
    };
    let mut without = good.clone();
    without["rebuilds"].as_array_mut().unwrap().remove(1);
    let mut reused = good.clone();
    reused["rebuilds"][1]["reused"] = json!(true);
    // TODAY is 2025-01-01 or later; thirty days are the default.
    for (report, says) in [
        (
            changed("/rebuilds/1/outcome", json!("different")),
            "different, as audit.json has it",
        ),
        (
            changed("/rebuilds/1/outcome", json!("reproduced-with-witness")),
            "'reproduced-with-witness'",
        ),
        (
            changed("/rebuilds/1/outcome", json!("something-new")),
            "'something-new'",
        ),
        (
            changed("/rebuilds/1/rebuilt_sha256", json!(ones)),
            "with another digest",
        ),
        (
            changed("/rebuilds/1/published_sha256", json!(ones)),
            "another digest",
        ),
        (
            changed("/manifest/sha256", json!(ones)),
            "of another manifest",
        ),
        (changed("/manifest", json!(null)), "no manifest"),
        (
            changed("/policy", json!({"path": "p", "sha256": ones})),
            "under another policy",
        ),
        (
            changed("/time", json!("2020-01-01T00:00:00Z")),
            "more than 30 days ago",
        ),
        (
            changed("/time", json!("2099-01-01T00:00:00Z")),
            "in the future",
        ),
        (changed("/time", json!("yesterday")), "damaged"),
        (changed("/command", json!("verify")), "rebuilds nothing"),
        (changed("/schema", json!("wheelproof.report/9")), "report/9"),
        (changed("/rebuilds", json!("none")), "damaged"),
        (without, "has no rebuild of it"),
        (reused, "by an earlier run"),
    ] {
        house.write(REPORT, report.to_string());
        let (is_started, outcome) = started(&house, &by_report);
        assert!(!is_started, "{says}");
        assert!(outcome.err().contains(says), "{says}: {}", outcome.err());
    }
    house.write(
        REPORT,
        changed("/time", json!("2020-01-01T00:00:00Z")).to_string(),
    );
    let old: Vec<&str> = by_report
        .into_iter()
        .chain(["--rebuilt-max-age", "36500"])
        .collect();
    assert!(started(&house, &old).0);
    // One that has it otherwise outweighs one that has it.
    house.write(REPORT, good.to_string());
    house.write(
        "other.json",
        changed("/rebuilds/1/outcome", json!("different")).to_string(),
    );
    let both: Vec<&str> = by_report
        .into_iter()
        .chain(["--rebuilt-report", "other.json"])
        .collect();
    assert!(!started(&house, &both).0);
    // What the report does not have is not asked of it.
    house.write(
        REPORT,
        changed("/rebuilds/1/outcome", json!("different")).to_string(),
    );
    let one = ["--rebuilt", UNITS, "--rebuilt-report", REPORT];
    assert!(started(&house, &one).0);
}

#[test]
fn a_report_is_named_by_the_user_and_not_by_the_checked_directory() {
    let house = House::new();
    let policy = "[trust]\ncertificates = [\"../keys\"]\n\
                  [wheelhouse]\nmanifest = \"../sha256sums.txt\"\ndirectory = \"../wheels\"\n\
                  [rebuild.interpreters]\npy3 = \"python3\"\n\
                  [handoff]\nrebuilt = [\"*\"]\nrebuilt-reports = [\"../audit.json\"]\n\
                  rebuilt-max-age-days = 36500\n";
    std::fs::create_dir(house.at("debian")).unwrap();
    house.write("debian/wheelproof.toml", policy);
    let named = ["--policy", "debian/wheelproof.toml"];
    audited(&house, &named);
    let (is_started, outcome) = started(&house, &named);
    assert!(is_started, "{}", outcome.err());
    assert_eq!(rebuilt_by(&house), ["report", "report", "report"]);
    // As the debhelper add-on does it.
    let mut seal = wheelproof();
    seal.current_dir(house.at(""))
        .args(["seal", ".", "sealed", "--certs", "keys", "--time", TODAY])
        .args(named)
        .args(["--format", "json"]);
    let sealed = run(&mut seal).expect(0).json();
    assert_eq!(sealed["handed_on"]["wheels"][0]["rebuilt"]["by"], "report");
    // A report under the policy as it was says nothing of the one that is.
    house.write("debian/wheelproof.toml", format!("{policy}# changed\n"));
    let (is_started, outcome) = started(&house, &named);
    assert!(!is_started);
    assert!(
        outcome.err().contains("under another policy"),
        "{}",
        outcome.err()
    );
    // The policy that lies in the directory names no report.
    house.write("wheelproof.toml", policy.replace("../", ""));
    let (is_started, outcome) = started(&house, &[]);
    assert!(!is_started);
    assert!(
        outcome.err().contains("handoff.rebuilt-reports"),
        "{}",
        outcome.err()
    );
    house.remove("wheelproof.toml");
    // A report among the files shows nothing of them.
    std::fs::copy(house.at(REPORT), house.wheel(REPORT)).unwrap();
    let path = format!("wheels/{REPORT}");
    for more in [&[][..], &["--allow-unlisted", REPORT]] {
        let mut flags = vec!["--rebuilt", "*", "--rebuilt-report", path.as_str()];
        flags.extend(more);
        let (is_started, outcome) = started(&house, &flags);
        assert!(!is_started);
        assert!(
            outcome
                .err()
                .contains("lies among the files that are checked"),
            "{}",
            outcome.err()
        );
    }
}
