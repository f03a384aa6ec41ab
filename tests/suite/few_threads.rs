//! Where the system makes no threads: one does the work, or the program says that it
//! cannot.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::{House, Outcome, has_program, run};

/// Returns a user who runs nothing else, not even another test: the limit counts whatever
/// a user has (setrlimit(2)). The number is below those of builds.
fn nobody_else() -> u32 {
    static TESTS: AtomicU32 = AtomicU32::new(0);
    let test = TESTS.fetch_add(1, Ordering::Relaxed) % 8;
    1_700_000_000 + (std::process::id() % (1 << 22)) * 8 + test
}

/// Runs a command as a user who may have so many processes and threads.
fn with_at_most(processes: usize, user: u32, command: &Command) -> Outcome {
    let mut limited = Command::new("prlimit");
    limited
        .arg(format!("--nproc={processes}"))
        .arg(command.get_program())
        .args(command.get_args())
        .uid(user)
        .gid(user)
        .env_clear();
    if let Some(directory) = command.get_current_dir() {
        limited.current_dir(directory);
    }
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            limited.env(name, value);
        }
    }
    run(&mut limited)
}

fn can_limit(house: &House) -> bool {
    if !rustix::process::geteuid().is_root() {
        crate::skipped!("only root can act as a user who runs nothing else");
        return false;
    }
    if !has_program("prlimit") {
        return false;
    }
    let mut tried = Command::new(house.verify(&[]).get_program());
    let user = nobody_else();
    let may_start = tried.arg("--version").uid(user).gid(user).output().is_ok();
    if !may_start {
        crate::skipped!("nobody but root may start the program under test");
    }
    may_start
}

#[test]
fn verifying_needs_no_second_thread() {
    let house = House::new();
    if !can_limit(&house) {
        return;
    }
    let user = nobody_else();
    for processes in 1..=5 {
        for format in ["text", "json"] {
            let flags = ["--certs", "keys", "--format", format];
            let passed = with_at_most(processes, user, &house.verify(&flags)).expect(0);
            assert!(passed.out().contains("pass") || passed.out().contains("PASS"));
        }
    }
    // Its findings are the same.
    house.write("wheels/junk", "x");
    let all = run(&mut house.verify(&["--certs", "keys"])).expect(1);
    let one = with_at_most(1, user, &house.verify(&["--certs", "keys"])).expect(1);
    assert_eq!(one.out(), all.out());
}

#[test]
fn a_command_is_started_where_there_is_room_for_it_and_else_the_code_says_so() {
    let house = House::new();
    if !can_limit(&house) {
        return;
    }
    let user = nobody_else();
    let command = house.run(&[], &["/bin/true"]);
    house.mode("tmp", 0o777);
    for processes in 1..=6 {
        let outcome = with_at_most(processes, user, &command);
        let expected = if processes == 1 { 125 } else { 0 };
        let outcome = outcome.expect(expected);
        if processes == 1 {
            assert!(outcome.err().contains("ulimit -u"), "{}", outcome.err());
        }
        house.assert_nothing_left();
    }
}

#[test]
fn signing_and_building_without_threads_are_errors_that_say_so() {
    let house = House::new();
    if !can_limit(&house) {
        return;
    }
    let user = nobody_else();
    for directory in ["tmp", "cache"] {
        std::fs::create_dir_all(house.at(directory)).unwrap();
        house.mode(directory, 0o1777);
    }
    for processes in 1..=8 {
        let outcome = with_at_most(
            processes,
            user,
            &house.rebuilding("rebuild", &["--all", "--offline"]),
        );
        assert!(
            [Some(0), Some(1), Some(3)].contains(&outcome.code),
            "{processes}: {outcome:?}"
        );
        assert!(!outcome.err().contains("panicked"), "{}", outcome.err());
        assert!(processes > 1 || outcome.code == Some(3), "{outcome:?}");
    }
}
