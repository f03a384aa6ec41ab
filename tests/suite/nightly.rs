//! Many nights: their history, and the script that makes a night.

use std::path::{Path, PathBuf};
use std::process::Command;

use wheelproof::history;
use wheelproof::report::{Form, History, Night, NightRebuild, Verdict};

use crate::common::{FILES, Outcome, fixture, run, wheelproof};
use crate::report_forms::{HOSTILE, joined, read};

/// The wheel of `fixtures/wheelhouse-different` that does not come back.
const DIFFERENT: &str = FILES[4];

struct Nights {
    directory: tempfile::TempDir,
}

impl Nights {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Audits one of the wheelhouses of the fixtures as of a night.
    fn night(&self, house: &str, day: &str, flags: &[&str]) {
        let name = format!("{day}.json");
        let mut command = wheelproof();
        command
            .current_dir(self.directory.path())
            .env("XDG_CACHE_HOME", self.at("cache"))
            .arg("audit")
            .arg(fixture(house))
            .args(["--time", &format!("{day}T02:17:00Z"), "--report", &name])
            .args(flags);
        run(&mut command);
        assert!(self.at(&name).exists());
    }

    fn history(&self, files: &[&str]) -> Outcome {
        run(wheelproof()
            .current_dir(self.directory.path())
            .arg("history")
            .args(files)
            .args(["--output", "history.html"]))
    }

    /// Returns what somebody reads on the page.
    fn page(&self) -> String {
        joined(&read(Form::Html, &self.at("history.html")))
    }
}

#[test]
fn a_history_says_when_a_wheel_broke_and_why() {
    let nights = Nights::new();
    nights.night("wheelhouse", "2026-11-20", &[]);
    nights.night("wheelhouse", "2026-11-21", &["wheelproof-example-count"]);
    nights.night("wheelhouse-different", "2026-11-22", &[]);
    let files = ["2026-11-22.json", "2026-11-20.json", "2026-11-21.json"];
    nights.history(&files).expect(0);
    let page = nights.page();
    assert!(page.contains("1 wheel does not come back"), "{page}");
    let report = std::fs::read(nights.at("2026-11-22.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    // The fixtures were made so: METADATA of the published wheel has one line more.
    let what = &report["rebuilds"][2]["unexplained"][0];
    let what = [&what["member"], &what["what"]].map(|one| one.as_str().unwrap());
    assert!(
        what[0].ends_with("/METADATA") && what[1].contains("License-File"),
        "{what:?}"
    );
    let step = format!(
        "{DIFFERENT}, since 2026-11-22: another wheel was signed under this name; \
         no cause is known; {}: {}",
        what[0], what[1]
    );
    assert!(page.contains(&step), "{step}\n{page}");
    // The order of the files changes nothing.
    let first = std::fs::read(nights.at("history.html")).unwrap();
    nights.history(&[files[1], files[2], files[0]]).expect(0);
    assert_eq!(std::fs::read(nights.at("history.html")).unwrap(), first);
    nights.night("wheelhouse", "2026-11-23", &[]);
    nights
        .history(&[files[1], files[2], files[0], "2026-11-23.json"])
        .expect(0);
    let page = nights.page();
    assert!(
        page.contains("Every wheel that was rebuilt came back"),
        "{page}"
    );
    assert!(page.contains("What came back again"), "{page}");
}

#[test]
fn a_file_that_is_no_report_is_named_and_no_page_is_written() {
    let nights = Nights::new();
    nights.night("wheelhouse", "2026-11-20", &["wheelproof-example-count"]);
    let good = std::fs::read(nights.at("2026-11-20.json")).unwrap();
    std::fs::write(nights.at("half.json"), &good[..good.len() / 2]).unwrap();
    std::fs::write(nights.at("other.json"), "{\"schema\":\"sarif\"}").unwrap();
    for (file, says) in [
        (
            "half.json",
            "half.json is no report of wheelproof, or is damaged",
        ),
        ("other.json", "other.json has the format 'sarif'"),
        ("none.json", "none.json is not there"),
    ] {
        let refused = nights.history(&["2026-11-20.json", file]).expect(3);
        assert!(refused.err().contains(says), "{}", refused.err());
        assert!(!nights.at("history.html").exists());
    }
    run(wheelproof().arg("history")).expect(2);
}

#[test]
fn names_from_reports_stay_texts_on_the_page() {
    for text in HOSTILE {
        let night = |file: &str, outcome: &str| Night {
            file: file.to_owned(),
            time: "2026-11-23T00:00:00Z".parse().unwrap(),
            verdict: Verdict::Fail,
            rebuilds: vec![NightRebuild {
                wheel: text.to_owned(),
                published_sha256: text.to_owned(),
                outcome: outcome.to_owned(),
                why: Some(text.to_owned()),
            }],
            troubles: vec![text.to_owned()],
        };
        let nights = Nights::new();
        let mut page = Vec::new();
        History::of(vec![
            night("1", "reproduced"),
            night("2", "different"),
            night("3", text),
        ])
        .write_html(&mut page)
        .unwrap();
        std::fs::write(nights.at("history.html"), page).unwrap();
        let shown = wheelproof::report::escape(text);
        assert!(nights.page().contains(&shown), "{shown}");
    }
}

#[test]
fn a_long_history_has_a_page_of_bounded_size() {
    let night = |number: i64| Night {
        file: format!("{number}"),
        time: wheelproof::time::UtcTime::from_unix_seconds(number * 86_400).unwrap(),
        verdict: Verdict::Pass,
        rebuilds: (0..2000)
            .map(|wheel| NightRebuild {
                wheel: format!("p{wheel}-1.0-py3-none-any.whl"),
                published_sha256: String::new(),
                outcome: "reproduced".to_owned(),
                why: None,
            })
            .collect(),
        troubles: Vec::new(),
    };
    let mut page = Vec::new();
    History::of((0..100).map(night).collect())
        .write_html(&mut page)
        .unwrap();
    assert!(page.len() < 10 << 20, "{}", page.len());
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("38 older nights have no column"));
    assert!(page.contains("wheels left out here"));
}

/// Runs the script of the examples, as its users do.
fn script(nights: &Nights, house: &Path, night: &str) -> Outcome {
    let mut command = wheelproof();
    command.env("XDG_CACHE_HOME", nights.at("cache"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nightly/nightly.sh");
    let mut script = Command::new(path);
    script
        .env_clear()
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("WHEELPROOF", command.get_program())
        .env("NIGHT", night)
        .arg(house)
        .arg(nights.at("out"))
        .arg("2");
    run(&mut script)
}

#[test]
fn a_night_says_the_cause_of_a_difference_first() {
    let nights = Nights::new();
    let house = fixture("wheelhouse-different");
    // Three wheels, two a night: two nights take all.
    let both = ["2026-11-22", "2026-11-23"].map(|night| script(&nights, &house, night));
    let mut failed = 0;
    for (outcome, night) in both.into_iter().zip(["2026-11-22", "2026-11-23"]) {
        let report = history::read(&nights.at("out/nights").join(format!("{night}.json"))).unwrap();
        assert_eq!(report.rebuilds.len(), 2);
        let Some(broken) = report.rebuilds.iter().find(|one| one.wheel == DIFFERENT) else {
            outcome.expect(0);
            continue;
        };
        failed += 1;
        let outcome = outcome.expect(1);
        let screen: Vec<String> = outcome.out().lines().take(24).map(str::to_owned).collect();
        let screen = screen.join("\n");
        assert!(broken.why.is_some());
        assert!(screen.contains(DIFFERENT), "{screen}");
        assert!(screen.contains("License-File: LICENSE"), "{screen}");
    }
    assert!(failed > 0, "two nights did not take all three wheels");
    for name in [
        "audit.json",
        "audit.html",
        "audit.xml",
        "audit.md",
        "certs.json",
        "history.html",
    ] {
        assert!(nights.at("out").join(name).exists(), "{name}");
    }
    let page = joined(&read(Form::Html, &nights.at("out/history.html")));
    assert!(page.contains(DIFFERENT), "{page}");
}

#[test]
fn a_night_without_a_report_is_no_pass() {
    let nights = Nights::new();
    let outcome = script(&nights, &nights.at("nothing"), "2026-11-23");
    assert_ne!(outcome.code, Some(0));
    assert!(!nights.at("out/audit.json").exists());
    assert!(
        outcome.out().contains("night 2026-11-23: audit"),
        "{}",
        outcome.out()
    );
}
