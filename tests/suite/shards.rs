//! The work of one run divided over several, and put together again.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::common::{
    FILES, House, Outcome, minimal_wheel, run, send, start, until, wait, wheelproof,
};
use crate::signing::TODAY;

/// The recipe of the fixtures.
const RECIPE: &[&str] = &[
    "--source-date-epoch",
    "1704067200",
    "--build-path",
    "/tmp/wheelproof-build/{sdist}",
];

impl House {
    fn part(&self, shard: &str, file: &str) -> Command {
        let mut arguments = RECIPE.to_vec();
        arguments.extend(["--shard", shard, "--results", file]);
        self.rebuilding("audit", &arguments)
    }

    fn merge(&self, files: &[&str]) -> Outcome {
        let mut command = wheelproof();
        command
            .current_dir(self.at(""))
            .args(["merge", "--format", "json"])
            .args(files);
        run(&mut command)
    }

    /// A house of which one wheel does not come back and one has no sdist.
    fn with_all_kinds() -> Self {
        let house = Self::new();
        minimal_wheel(&house.wheel(FILES[4]), &[("other.py", "")]);
        house.remove(&format!("wheels/{}", FILES[1]));
        house.sign_all();
        house
    }
}

#[test]
fn parts_put_together_give_the_bytes_of_a_single_run() {
    for house in [House::new(), House::with_all_kinds()] {
        let single = run(&mut house.rebuilding("audit", RECIPE));
        for number in 1..=4 {
            let shard = format!("{number}/4");
            let done = run(&mut house.part(&shard, &format!("{number}.jsonl")));
            assert_eq!(done.json()["shard"]["number"], number);
            assert_eq!(done.json()["shard"]["of"], 4);
            assert_eq!(done.json()["shard"]["selected"], 3);
        }
        let files = ["3.jsonl", "1.jsonl", "4.jsonl", "2.jsonl", "3.jsonl"];
        let merged = house.merge(&files).expect(single.code.unwrap());
        assert_eq!(merged.out(), single.out());
        assert_eq!(merged.json()["rebuilds"].as_array().unwrap().len(), 3);
        // The same from one run that wrote its results.
        let whole = run(house
            .rebuilding("audit", RECIPE)
            .args(["--results", "whole.jsonl"]));
        assert_eq!(whole.out(), single.out());
        assert_eq!(house.merge(&["whole.jsonl"]).out(), single.out());
    }
}

#[test]
fn a_wheelhouse_that_fails_verification_is_merged_as_it_is() {
    let house = House::new();
    house.write("sha256sums.txt", House::lines().replacen('5', "6", 1));
    let single = run(&mut house.rebuilding("audit", RECIPE)).expect(1);
    for number in ["1", "2"] {
        run(&mut house.part(&format!("{number}/2"), number)).expect(1);
    }
    assert_eq!(house.merge(&["1", "2"]).expect(1).out(), single.out());
}

#[test]
fn a_part_with_nothing_to_do_has_still_verified() {
    let house = House::new();
    let empty = (1..=50)
        .map(|number| run(&mut house.part(&format!("{number}/50"), "part.jsonl")))
        .find(|done| done.json()["rebuilds"].as_array().unwrap().is_empty())
        .unwrap()
        .expect(0);
    assert_eq!(empty.json()["verdict"], "pass");
}

#[test]
fn missing_parts_are_trouble_and_named() {
    let house = House::new();
    for number in 1..=2 {
        run(&mut house.part(&format!("{number}/2"), &format!("{number}.jsonl"))).expect(0);
    }
    let whole = house.merge(&["1.jsonl", "2.jsonl"]).expect(0).json();
    for (given, other) in [(1, 2), (2, 1)] {
        let merged = house.merge(&[&format!("{given}.jsonl")]);
        let there = merged.json()["rebuilds"].as_array().unwrap().len();
        let errors = merged.json()["errors"].as_array().unwrap().clone();
        assert_eq!(
            there + errors.len(),
            whole["rebuilds"].as_array().unwrap().len()
        );
        if errors.is_empty() {
            continue;
        }
        let merged = merged.expect(3);
        assert_eq!(merged.json()["verdict"], "error");
        for error in errors {
            let next = error["next"].as_str().unwrap();
            assert!(next.contains(&format!("--shard {other}/2")), "{next}");
        }
    }
}

#[test]
fn results_are_there_while_the_run_goes_on_and_after_it_was_killed() {
    let house = House::of_one_project("import time\ntime.sleep(1000)\n");
    for name in &FILES[..2] {
        std::fs::copy(
            crate::common::fixture("wheelhouse/wheels").join(name),
            house.wheel(name),
        )
        .unwrap();
    }
    house.sign_all();
    let child = start(house.part("1/1", "part.jsonl").args(["--jobs", "2"]));
    let lines = || std::fs::read_to_string(house.at("part.jsonl")).unwrap_or_default();
    // Two lines of the start, and the wheel that was built while the other sleeps.
    until(|| lines().lines().count() == 3);
    send(&child, Signal::KILL);
    wait(child);
    assert!(lines().contains("wheelproof_example_count"));
    let merged = house.merge(&["part.jsonl"]).expect(3).json();
    assert_eq!(merged["rebuilds"].as_array().unwrap().len(), 1);
    let error = merged["errors"][0]["message"].as_str().unwrap();
    assert!(error.contains("probe-1.0"), "{error}");
    // The part made again, with another limit; what the killed one did counts.
    run(house.part("1/1", "again.jsonl").args(["--timeout", "3"])).expect(3);
    let merged = house.merge(&["again.jsonl", "part.jsonl"]).expect(3).json();
    assert_eq!(merged["errors"].as_array().unwrap().len(), 0);
    assert_eq!(merged["rebuilds"][0]["outcome"], "timed-out");
    assert_eq!(merged["rebuilds"][1]["outcome"], "reproduced");
}

#[test]
fn results_of_another_task_are_refused_with_file_and_line() {
    let house = House::new();
    let write = |file: &str, flags: &[&str]| {
        run(house.part("1/1", file).args(flags)).expect(0);
    };
    write("one", &[]);
    let refused = |file: &str, what: &str| {
        let refused = house.merge(&["one", file]).expect(3);
        let error = refused.json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(error.contains(&format!("{file}, line ")), "{error}");
        assert!(error.contains(&format!("another {what}")), "{error}");
    };
    write("policy", &["--umask", "022"]);
    refused("policy", "policy");
    write("fetching", &["--offline"]);
    refused("fetching", "policy");
    write("selection", &["wheelproof-example-count"]);
    refused("selection", "selection");
    house.sign(
        House::lines()
            .lines()
            .skip(2)
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    );
    for name in &FILES[..2] {
        house.remove(&format!("wheels/{name}"));
    }
    write("manifest", &[]);
    refused("manifest", "manifest");
    // How many builds run at once is nobody's business.
    write("jobs", &["--jobs", "1"]);
    house.merge(&["manifest", "jobs"]).expect(0);
}

#[test]
fn what_is_no_file_of_results_is_told_in_one_sentence() {
    let house = House::new();
    house.write("text", "hello\n");
    crate::common::fifo(&house.at("fifo"));
    for (file, says) in [
        ("text", "text, line 1: this is no file of results"),
        ("fifo", "fifo is not a regular file"),
        ("none", "none is not there"),
        ("keys", "keys is not a regular file"),
    ] {
        let merged = house.merge(&[file]).expect(3);
        let error = &merged.json()["errors"][0]["message"];
        assert!(error.as_str().unwrap().contains(says), "{error}");
    }
    run(wheelproof().arg("merge")).expect(2);
}

#[test]
fn a_file_that_was_cut_anywhere_passes_nothing_and_harms_no_other() {
    let house = House::new();
    run(&mut house.part("1/1", "whole")).expect(0);
    let whole = std::fs::read(house.at("whole")).unwrap();
    let merged = house.merge(&["whole"]).expect(0).out();
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    // Two lines of the start, a line for each of three wheels, one of the end.
    assert_eq!(ends.len(), 6);
    let last_result = ends[4];
    let around = ends.iter().flat_map(|end| [end - 1, *end, end + 1]);
    let cuts = around.chain((0..whole.len()).step_by(1999));
    for cut in cuts.filter(|cut| *cut < last_result) {
        std::fs::write(house.at("cut"), &whole[..cut]).unwrap();
        let alone = house.merge(&["cut"]).expect(3).json();
        assert!(!alone["errors"].as_array().unwrap().is_empty(), "{cut}");
        let beside = house.merge(&["cut", "whole"]);
        // One that does not say what it is of is refused, or has nothing in it.
        match (cut <= ends[1], beside.code) {
            (true, Some(3)) => {}
            _ => assert_eq!(beside.expect(0).out(), merged, "{cut}"),
        }
    }
}

#[test]
fn results_that_cannot_be_written_are_trouble() {
    let house = House::new();
    for file in ["none/part.jsonl", "keys", "/dev/full"] {
        let done = run(&mut house.part("1/1", file)).expect(3);
        let errors = done.json()["errors"].as_array().unwrap().clone();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(done.json()["rebuilds"].as_array().unwrap().len(), 3);
    }
    assert!(!Path::new("/dev/full").is_file());
}

#[test]
fn each_engine_says_which_part_this_is() {
    let house = House::new();
    let asked = |variables: &[(&str, &str)]| {
        run(house
            .part("auto", "part.jsonl")
            .envs(variables.iter().copied()))
    };
    let slurm = |id, min, count| {
        vec![
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_ARRAY_TASK_MIN", min),
            ("SLURM_ARRAY_TASK_COUNT", count),
        ]
    };
    let stepped = [slurm("9", "1", "5"), vec![("SLURM_ARRAY_TASK_STEP", "4")]].concat();
    for (variables, number, of) in [
        (slurm("0", "0", "4"), 1, 4),
        (slurm("4", "1", "4"), 4, 4),
        (stepped, 3, 5),
        (
            vec![("JOB_COMPLETION_INDEX", "0"), ("WHEELPROOF_SHARDS", "3")],
            1,
            3,
        ),
        (
            vec![("CIRCLE_NODE_INDEX", "2"), ("CIRCLE_NODE_TOTAL", "3")],
            3,
            3,
        ),
        (vec![("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "3")], 1, 3),
    ] {
        let done = asked(&variables).expect(0);
        assert_eq!(done.json()["shard"]["number"], number, "{variables:?}");
        assert_eq!(done.json()["shard"]["of"], of, "{variables:?}");
    }
    for (variables, says) in [
        (vec![], "finds none of"),
        (vec![("CI_NODE_TOTAL", "3")], "finds none of"),
        (
            vec![("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "3")],
            "none of the 3 parts",
        ),
        (
            vec![("CI_NODE_INDEX", "4"), ("CI_NODE_TOTAL", "3")],
            "none of the 3 parts",
        ),
        (
            vec![("CIRCLE_NODE_INDEX", "3"), ("CIRCLE_NODE_TOTAL", "3")],
            "none of the 3 parts",
        ),
        (
            vec![("CIRCLE_NODE_INDEX", "x"), ("CIRCLE_NODE_TOTAL", "3")],
            "no number",
        ),
        (
            vec![("JOB_COMPLETION_INDEX", "0")],
            "WHEELPROOF_SHARDS is not set",
        ),
        (slurm("7", "1", "3"), "none of the 3 parts"),
        (
            vec![("JOB_COMPLETION_INDEX", "0"), ("CI_NODE_INDEX", "1")],
            "finds both JOB_COMPLETION_INDEX and CI_NODE_INDEX",
        ),
    ] {
        let refused = asked(&variables).expect(2);
        let error = &refused.json()["errors"][0]["message"];
        assert!(error.as_str().unwrap().contains(says), "{error}");
    }
    // Unasked, the environment changes nothing.
    let plain = run(house
        .rebuilding("audit", RECIPE)
        .envs([("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "3")]))
    .expect(0);
    assert!(plain.json().get("shard").is_none());
}

#[test]
fn parts_that_would_judge_at_several_times_are_refused_before_any_work() {
    let house = House::new();
    let mut command = wheelproof();
    command
        .current_dir(house.at(""))
        .env("XDG_CACHE_HOME", house.at("cache"))
        .args([
            "audit",
            ".",
            "--certs",
            "keys",
            "--shard",
            "1/2",
            "--results",
            "part.jsonl",
        ]);
    let refused = run(&mut command).expect(2);
    assert!(refused.err().contains("--time"), "{}", refused.err());
    run(command.args(["--time", TODAY, "--shard", "3/2"])).expect(2);
    assert!(!house.at("part.jsonl").exists());
}

#[test]
fn the_backend_for_rebuilderd_puts_out_wheels_with_the_signed_digest_only() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rebuilt = |house: &str, wheel: &str| {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let mut command = wheelproof();
        command.env("XDG_CACHE_HOME", directory.path().join("cache"));
        let mut backend = Command::new(top.join("examples/scale/rebuilderd-backend.sh"));
        backend
            .env_clear()
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .env("WHEELPROOF", command.get_program())
            .env("WHEELPROOF_WHEELHOUSE", top.join("fixtures").join(house))
            .env("REBUILDERD_OUTDIR", &out)
            .arg(Path::new("/fetched").join(wheel));
        let outcome = run(&mut backend);
        (outcome, std::fs::read(out.join(wheel)).ok())
    };
    let wheel = FILES[4];
    let published = std::fs::read(crate::common::fixture("wheelhouse/wheels").join(wheel)).unwrap();
    let (outcome, out) = rebuilt("wheelhouse", wheel);
    outcome.expect(0);
    assert_eq!(out, Some(published));
    let (outcome, out) = rebuilt("wheelhouse-different", wheel);
    outcome.expect(1);
    assert_eq!(out, None);
}
