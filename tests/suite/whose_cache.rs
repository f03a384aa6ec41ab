//! A cache is believed only where nobody else can have written to it, and an entry only
//! by the program that would make the same.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::process::Command;

use crate::common::{House, run};

const RECIPE: &[&str] = &[
    "--all",
    "--offline",
    "--source-date-epoch",
    "1704067200",
    "--build-path",
    "/tmp/wheelproof-build/{sdist}",
];

fn mode(house: &House, below: &str, mode: u32) {
    fs::set_permissions(house.at(below), fs::Permissions::from_mode(mode)).unwrap();
}

/// Returns the error of a run that does not use the cache; nothing was built then.
#[track_caller]
fn refusal(house: &House, command: &str) -> String {
    let outcome = run(&mut house.rebuilding(command, RECIPE)).expect(3);
    let report = outcome.json();
    assert_eq!(report["rebuilds"], serde_json::json!([]), "{report}");
    let error = report["errors"][0].clone();
    assert!(
        error["next"].as_str().unwrap().contains("--cache"),
        "{error}"
    );
    error["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_cache_that_others_can_write_to_is_not_used() {
    let house = House::new();
    run(&mut house.rebuilding("rebuild", RECIPE)).expect(0);
    let cache = "cache/wheelproof";
    for bits in [0o777, 0o770, 0o702, 0o1777] {
        mode(&house, cache, bits);
        for command in ["rebuild", "audit"] {
            let said = refusal(&house, command);
            assert!(said.contains("others may write to it"), "{bits:o}: {said}");
            assert!(said.contains(house.at(cache).to_str().unwrap()), "{said}");
        }
    }
    // Others may look.
    mode(&house, cache, 0o755);
    run(&mut house.rebuilding("rebuild", RECIPE)).expect(0);

    // Whoever may rename it puts another in its place.
    mode(&house, "cache", 0o777);
    let said = refusal(&house, "rebuild");
    assert!(
        said.contains("put another directory in its place"),
        "{said}"
    );
    // In a directory such as /tmp he may not.
    mode(&house, "cache", 0o1777);
    run(&mut house.rebuilding("rebuild", RECIPE)).expect(0);

    symlink(house.at("wheels"), house.at(cache).join("results")).unwrap();
    let said = refusal(&house, "rebuild");
    assert!(
        said.contains("'results' in it is a symbolic link"),
        "{said}"
    );
    fs::remove_file(house.at(cache).join("results")).unwrap();

    if !rustix::process::geteuid().is_root() {
        crate::skipped!("only root can give a cache to somebody else");
        return;
    }
    for below in ["cache/wheelproof", "cache/wheelproof/tools"] {
        chown(house.at(below), Some(4242), None).unwrap();
        let said = refusal(&house, "rebuild");
        assert!(said.contains("belongs to user 4242"), "{said}");
        chown(house.at(below), Some(0), None).unwrap();
    }
    run(&mut house.rebuilding("rebuild", RECIPE)).expect(0);
}

#[test]
fn a_result_of_another_version_of_the_program_is_not_used() {
    let house = House::new();
    let program = house.at("wheelproof");
    fs::copy(env!("CARGO_BIN_EXE_wheelproof"), &program).unwrap();
    let rebuilt = || {
        let arguments = [RECIPE, &["--reuse-results"]].concat();
        let usual = house.rebuilding("rebuild", &arguments);
        let mut own = Command::new(&program);
        own.args(usual.get_args())
            .current_dir(house.at(""))
            .env_clear();
        for (name, value) in usual.get_envs() {
            if let Some(value) = value {
                own.env(name, value);
            }
        }
        let report = run(&mut own).expect(0).json();
        report["rebuilds"][0]["reused"]
            .as_bool()
            .unwrap_or_default()
    };
    assert!(!rebuilt());
    assert!(rebuilt());
    // The driver that calls the backend is in it. What stands after the program's own
    // bytes changes nothing that it does, and so stands for any change.
    let mut bytes = fs::read(&program).unwrap();
    bytes.push(0);
    fs::write(&program, bytes).unwrap();
    assert!(!rebuilt());
    assert!(rebuilt());
}
