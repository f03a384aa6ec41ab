//! What `run` and `seal` hand on can be installed, by real pip and real uv; else they
//! say so before anything is started.

use serde_json::json;

use crate::common::{FILES, House, Outcome, fixture, minimal_wheel, run, sha256sum, wheelproof};
use crate::installers::{installers, uv};
use crate::signing::TODAY;

const WHEEL: &str = FILES[4];
const SDIST: &str = FILES[5];
const LOCK: &str = "lock.txt";
const PROJECT: &str = "wheelproof-example-units==0.3.0";
/// What that project needs.
const GREETING: &str = "wheelproof-example-greeting==1.0.0";

/// Returns a build record of a wheel and an sdist by their names and digests, after
/// `docs/build-record.md`.
fn record(wheel: (&str, &str), sdist: (&str, &str)) -> String {
    let file = |(filename, sha256): (&str, &str)| json!({"filename": filename, "sha256": sha256});
    let recipe = json!({
        "build_path": "/build/x", "environment": {}, "inputs": [], "source_modes": "umask",
        "source_times": "archive", "time_zone": "UTC", "tools": [], "umask": "022",
    });
    let whole = json!({
        "schema": "wheelproof.build-record/1", "wheel": file(wheel), "sdist": file(sdist),
        "recipe": recipe,
    });
    format!("{whole}\n")
}

/// A house in which `lock.txt` has the hash of an sdist, and the wheel beside it has a
/// record that names an sdist with this digest.
fn recorded(sdist_sha256: &str) -> House {
    let house = House::new();
    let name = format!("{WHEEL}.build.json");
    let wheel = sha256sum(&house.wheel(WHEEL));
    house.write(
        &format!("wheels/{name}"),
        record((WHEEL, &wheel), (SDIST, sdist_sha256)),
    );
    house.sign_listing_also(&[&name]);
    lock_the_sdist(&house);
    house
}

/// Writes `lock.txt`, as an index without a wheel of the project would have it.
fn lock_the_sdist(house: &House) {
    let [sdist, greeting] = [SDIST, FILES[2]].map(|name| sha256sum(&house.wheel(name)));
    house.write(
        LOCK,
        format!(
            "{PROJECT} \\\n    --hash=sha256:{sdist}\n{GREETING} \\\n    --hash=sha256:{greeting}\n"
        ),
    );
}

/// The house of a wheel that was built from the sdist of the lock.
fn well() -> House {
    let sdist = sha256sum(&House::new().wheel(SDIST));
    recorded(&sdist)
}

fn under_run(house: &House, command: &[&str]) -> Outcome {
    let outcome = run(&mut house.run(&["--requirements", LOCK], command));
    house.assert_nothing_left();
    outcome
}

fn is_installed(house: &House) -> bool {
    let there = house.at("out/wheelproof_example_units").is_dir();
    let _ = std::fs::remove_dir_all(house.at("out"));
    there
}

#[test]
fn a_wheel_is_installed_for_the_sdist_that_its_signed_record_names() {
    for installer in installers() {
        let house = well();
        let program = installer.program.to_str().unwrap();
        let install: &[&str] = match installer.name {
            "uv" => &[program, "pip", "install", "--target", "out"],
            _ => &[program, "install", "--target", "out"],
        };
        let path = house.at(LOCK).display().to_string();
        for named in [
            &["-r", LOCK][..],
            &["-rlock.txt"],
            &["--requirement=./lock.txt"],
            &["--requirement", &path],
        ] {
            let outcome = under_run(&house, &[install, named].concat()).expect(0);
            assert!(is_installed(&house), "{} {named:?}", installer.name);
            let err = outcome.err();
            assert!(
                err.contains(SDIST) && err.contains("is given a list"),
                "{err}"
            );
        }
        // A shell does with the list what it likes, and finds the other one by its name.
        for (list, code) in [("\"$WHEELPROOF_REQUIREMENTS\"", true), (LOCK, false)] {
            let line = format!("{} -r {list}", installer.install_to("out"));
            let outcome = under_run(&house, &["sh", "-euc", &line]);
            assert_eq!(outcome.code == Some(0), code, "{}", outcome.err());
            assert_eq!(is_installed(&house), code);
            assert!(
                outcome
                    .err()
                    .contains("has to read $WHEELPROOF_REQUIREMENTS"),
                "{}",
                outcome.err()
            );
        }
        if installer.name == "uv" {
            let sync = [program, "pip", "sync", "--target", "out", LOCK];
            under_run(&house, &sync).expect(0);
            assert!(is_installed(&house));
        }
    }
}

#[test]
fn a_sealed_copy_has_the_hash_of_the_wheel_that_stands_for_the_sdist() {
    let house = well();
    let seal = |format: &str| {
        let mut command = wheelproof();
        command.current_dir(house.at("")).args([
            "seal",
            ".",
            "sealed",
            "--time",
            TODAY,
            "--certs",
            "keys",
            "--format",
            format,
            "--requirements",
            LOCK,
        ]);
        run(&mut command)
    };
    let json = seal("json").expect(0).json();
    let [wheel, sdist] = [WHEEL, SDIST].map(|name| sha256sum(&house.wheel(name)));
    let handed_on = &json["handed_on"];
    assert_eq!(handed_on["wheels"].as_array().unwrap().len(), 2);
    assert_eq!(handed_on["wheels"][1]["wheel"], WHEEL);
    assert_eq!(handed_on["wheels"][1]["sha256"], wheel);
    assert_eq!(
        handed_on["wheels"][1]["stands_for"],
        json!({"sdist": SDIST, "sha256": sdist})
    );
    assert_eq!(handed_on["wheels"][0].get("stands_for"), None);
    assert_eq!(
        handed_on["replaced_lists"],
        json!([{"path": LOCK, "in_command": false}])
    );
    for installer in installers() {
        let script = format!(
            "set -a; . sealed/environment; set +a; {} -r \"$WHEELPROOF_REQUIREMENTS\"",
            installer.install_to("out")
        );
        let mut shell = std::process::Command::new("sh");
        run(shell.current_dir(house.at("")).args(["-c", &script])).expect(0);
        assert!(is_installed(&house), "{}", installer.name);
    }
}

/// Fails unless nothing is started, for this reason.
#[track_caller]
fn is_refused(house: &House, says: &[&str]) {
    let outcome = under_run(house, &["touch", "started"]).expect(125);
    let err = outcome.err();
    for text in says {
        assert!(err.contains(text), "{text}: {err}");
    }
    assert!(!house.at("started").exists());
}

#[test]
fn a_requirement_that_only_an_sdist_meets_starts_nothing() {
    let mends = "wheelproof update . --from lock.txt, then wheelproof sign .";
    // A wheel that came later, and nothing that says what it was built from.
    let house = House::new();
    lock_the_sdist(&house);
    is_refused(
        &house,
        &[
            "error[requirement-sdist-only]",
            "lock.txt, line 1",
            "no signed build record says that wheelproof_example_units",
            mends,
            "wheelproof requirements . lock.txt",
        ],
    );
    // No wheel at all.
    house.remove(&format!("wheels/{WHEEL}"));
    let lines: String = House::lines()
        .lines()
        .filter(|line| !line.ends_with(WHEEL))
        .map(|line| format!("{line}\n"))
        .collect();
    house.sign(lines);
    is_refused(&house, &["error[requirement-sdist-only]", SDIST, mends]);
    // Under a condition nobody may ever ask for it.
    let lock = std::fs::read_to_string(house.at(LOCK)).unwrap();
    house.write(
        LOCK,
        lock.replace(PROJECT, &format!("{PROJECT} ; python_version < \"3\"")),
    );
    let outcome = under_run(&house, &["true"]).expect(0);
    assert!(
        outcome.err().contains("note[requirement-sdist-only]"),
        "{}",
        outcome.err()
    );
}

#[test]
fn a_record_speaks_for_the_one_sdist_that_it_names() {
    // The record that speaks of another sdist of that name contradicts the manifest.
    let other = "1".repeat(64);
    let house = recorded(&other);
    is_refused(&house, &["build-record-other-wheel"]);
    // Where the sdist is not there, the list and the record have to agree.
    let without_sdist = |house: &House| {
        house.remove(&format!("wheels/{SDIST}"));
        let lines: String = std::fs::read_to_string(house.at("sha256sums.txt"))
            .unwrap()
            .lines()
            .filter(|line| !line.ends_with(SDIST))
            .map(|line| format!("{line}\n"))
            .collect();
        house.sign(lines);
    };
    without_sdist(&house);
    is_refused(&house, &["requirement-hash-unlisted"]);
    let house = well();
    without_sdist(&house);
    let listed = under_run(&house, &["sh", "-c", "cat \"$WHEELPROOF_REQUIREMENTS\""]).expect(0);
    let wheel = sha256sum(&house.wheel(WHEEL));
    assert!(listed.out().contains(&wheel), "{}", listed.out());
    // A record that nobody signed says nothing.
    let house = House::new();
    lock_the_sdist(&house);
    let name = format!("{WHEEL}.build.json");
    let [wheel, sdist] = [WHEEL, SDIST].map(|name| sha256sum(&house.wheel(name)));
    house.write(
        &format!("wheels/{name}"),
        record((WHEEL, &wheel), (SDIST, &sdist)),
    );
    let allowed = ["--requirements", LOCK, "--allow-unlisted", &name];
    let outcome = run(&mut house.run(&allowed, &["true"])).expect(125);
    assert!(
        outcome.err().contains("requirement-sdist-only"),
        "{}",
        outcome.err()
    );
}

#[test]
fn beside_a_wheel_whose_hash_is_required_a_recorded_one_is_for_other_interpreters_only() {
    let pure = "pkg-2.0-py3-none-any.whl";
    let sdist = ("pkg-2.0.tar.gz", "5".repeat(64));
    for (listed, beside, is_handed_on) in [
        (pure, "pkg-2.0-1-py3-none-any.whl", false),
        (pure, "pkg-2.0-cp311-cp311-linux_x86_64.whl", false),
        (
            "pkg-2.0-cp39-cp39-linux_x86_64.whl",
            "pkg-2.0-cp311-cp311-linux_x86_64.whl",
            true,
        ),
        (
            "pkg-2.0-cp311-cp311-linux_aarch64.whl",
            "pkg-2.0-cp311-cp311-linux_x86_64.whl",
            true,
        ),
    ] {
        let house = House::new();
        for name in [listed, beside] {
            let contents = format!("file = '{name}'\n");
            minimal_wheel(&house.wheel(name), &[("pkg.py", contents.as_str())]);
        }
        let [hash, other] = [listed, beside].map(|name| sha256sum(&house.wheel(name)));
        let name = format!("{beside}.build.json");
        house.write(
            &format!("wheels/{name}"),
            record((beside, &other), (sdist.0, &sdist.1)),
        );
        house.sign_listing_also(&[listed, beside, &name]);
        house.write(
            LOCK,
            format!("pkg==2.0 --hash=sha256:{hash} --hash=sha256:{}\n", sdist.1),
        );
        let seen = under_run(&house, &["sh", "-c", "ls \"$WHEELPROOF_WHEELHOUSE\""]).expect(0);
        let mut expected = vec![listed];
        expected.extend(is_handed_on.then_some(beside));
        expected.sort_unstable();
        assert_eq!(seen.out().lines().collect::<Vec<_>>(), expected);
    }
}

fn write_lock(house: &House) {
    std::fs::copy(fixture("locks/uv.lock"), house.at("uv.lock")).unwrap();
}

#[test]
fn a_locked_project_is_installed_from_its_lock_and_uv_sync_is_told_to_fail() {
    let Some(uv) = uv() else { return };
    let program = uv.program.to_str().unwrap();
    let house = House::new();
    house.write(
        "pyproject.toml",
        "[project]\nname = \"wheelproof-example-app\"\nversion = \"0.1.0\"\n\
         requires-python = \">=3.9\"\ndependencies = [\"wheelproof-example-units==0.3.0\", \
         \"wheelproof-example-count>=2; sys_platform == 'win32'\"]\n\
         [[tool.uv.index]]\nurl = \"http://127.0.0.1:8642/simple/\"\ndefault = true\n",
    );
    let flags = ["--requirements", "uv.lock"];
    let told = "wheelproof run . --requirements uv.lock -- uv pip sync uv.lock";
    // How it ends, where that is the same for every lock: one that uv finds out of date it
    // makes anew, from the sealed copy.
    for (words, is_told, ends_well) in [
        (&["sync", "--frozen"][..], true, Some(false)),
        (&["sync"], true, None),
        (&["run", "python", "-c", "1"], true, None),
        (&["--directory", "wheels", "run", "true"], true, None),
        (&["pip", "list"], false, Some(true)),
        (&["run", "--no-sync", "true"], false, Some(true)),
        (&["--directory=/", "sync"], false, Some(false)),
    ] {
        write_lock(&house);
        let outcome = run(&mut house.run(&flags, &[&[program], words].concat()));
        assert_eq!(
            outcome.err().contains(told),
            is_told,
            "{words:?}: {}",
            outcome.err()
        );
        assert_ne!(outcome.code, Some(125), "{words:?}: {}", outcome.err());
        if let Some(ends_well) = ends_well {
            assert_eq!(
                outcome.code == Some(0),
                ends_well,
                "{words:?}: {}",
                outcome.err()
            );
        }
    }
    write_lock(&house);
    let sync = [program, "pip", "sync", "--target", "out", "uv.lock"];
    run(&mut house.run(&flags, &sync)).expect(0);
    assert!(is_installed(&house));
}

#[test]
fn a_copy_among_the_files_that_are_checked_is_refused() {
    let house = House::new();
    std::os::unix::fs::symlink("wheels", house.at("link")).unwrap();
    for (dir, out) in [
        (".", "wheels/sealed"),
        (".", "link/sealed"),
        (".", "keys/../wheels/not/there"),
        ("wheels", "wheels/sealed"),
    ] {
        for more in [&[][..], &["--environment"]] {
            let mut command = wheelproof();
            command
                .current_dir(house.at(""))
                .args(["seal", dir, out, "--time", TODAY, "--certs", "keys"])
                .args(more);
            let outcome = run(&mut command).expect(2);
            let err = outcome.err();
            assert!(err.contains("whose files are checked"), "{err}");
            assert!(err.contains("name another place"), "{err}");
        }
    }
    assert_eq!(std::fs::read_dir(house.at("wheels")).unwrap().count(), 6);
    let mut beside = wheelproof();
    beside.current_dir(house.at("")).args([
        "seal",
        ".",
        "wheels-sealed",
        "--time",
        TODAY,
        "--certs",
        "keys",
    ]);
    run(&mut beside).expect(0);
}

#[test]
fn a_missing_home_and_a_missing_place_for_temporary_files_are_each_said() {
    let house = House::new();
    for (command, code) in [("run", 125), ("audit", 2)] {
        let mut program = wheelproof();
        program
            .current_dir(house.at(""))
            .env("TMPDIR", house.at("nowhere"))
            .env("XDG_CACHE_HOME", house.at("cache"))
            .args([command, ".", "--time", TODAY, "--certs", "keys"]);
        if command == "run" {
            program.args(["--", "true"]);
        }
        let err = run(&mut program).expect(code).err();
        assert!(
            err.contains("TMPDIR is ") && err.contains("nowhere"),
            "{err}"
        );
        assert!(err.contains("set TMPDIR to one that is there"), "{err}");
        assert!(!err.contains("sandbox"), "{err}");
    }
    let mut audit = wheelproof();
    audit
        .current_dir(house.at(""))
        .env_remove("HOME")
        .args(["audit", ".", "--time", TODAY, "--certs", "keys"]);
    let err = run(&mut audit).expect(2).err();
    assert!(
        err.contains("neither XDG_CACHE_HOME nor HOME is set"),
        "{err}"
    );
    assert!(err.contains("--cache") && !err.contains("sandbox"), "{err}");
    // What needs no cache needs no home.
    let mut started = house.run(&[], &["true"]);
    run(started.env_remove("HOME")).expect(0);
}
