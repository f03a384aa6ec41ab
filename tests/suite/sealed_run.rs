//! `wheelproof run`: what CMD is given, what it cannot be given, and what is left
//! afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::{
    FILES, House, WHEEL, as_ordinary_user, fifo, has_terminals, run, send, sha256sum, start, until,
    wait, wheelproof,
};

use wheelproof::cancel::Cancel;
use wheelproof::handoff::Sealed;
use wheelproof::manifest::Manifest;
use wheelproof::openpgp::{Certificates, SignatureFile, authenticate};
use wheelproof::policy::Trust;
use wheelproof::tree::Tree;
use wheelproof::wheelhouse::{self, VerifiedTree};

/// Runs a shell script through `run` and returns its standard output.
#[track_caller]
fn shell(house: &House, flags: &[&str], script: &str) -> String {
    let outcome = run(&mut house.run(flags, &["sh", "-euc", script])).expect(0);
    house.assert_nothing_left();
    outcome.out()
}

#[test]
fn the_command_sees_the_verified_files_and_nothing_else() {
    let house = House::new();
    house.write("wheels/.empty", "");
    let out = shell(
        &house,
        &["--allow-unlisted", ".empty"],
        "cd \"$WHEELPROOF_WHEELHOUSE\"; ls -A1; for file in *; do sha256sum \"$file\"; done",
    );
    let expected = format!("{}\n{}", FILES.join("\n"), House::lines());
    assert_eq!(out, expected);
}

#[test]
fn the_copy_is_private_and_read_only() {
    let house = House::new();
    let out = shell(
        &house,
        &[],
        "cd \"$WHEELPROOF_WHEELHOUSE\"; stat -c %a .. . \"$UV_CONFIG_FILE\"; stat -c %a -- * | sort -u; stat -c %h -- * | sort -u",
    );
    // Links of files would let the original change the copy.
    assert_eq!(out, "700\n555\n444\n444\n1\n");
    let mut as_somebody = house.run(
        &[],
        &[
            "sh",
            "-c",
            "cd \"$WHEELPROOF_WHEELHOUSE\"; ! touch new 2>/dev/null && ! rm -f * 2>/dev/null && ! sh -c 'echo >\"$1\"' - *count*.whl 2>/dev/null",
        ],
    );
    house.mode("tmp", 0o777);
    if as_ordinary_user(&mut as_somebody) {
        run(&mut as_somebody).expect(0);
        house.assert_nothing_left();
    }
}

#[test]
fn the_environment_points_pip_and_uv_at_the_copy_and_nowhere_else() {
    let house = House::new();
    let mut command = house.run(&[], &["env", "-0"]);
    for (name, value) in [
        ("PIP_INDEX_URL", "https://evil.example"),
        ("PIP_EXTRA_INDEX_URL", "https://evil.example"),
        ("PIP_FIND_LINKS", "https://evil.example"),
        ("PIP_CONFIG_FILE", "/evil/pip.conf"),
        ("PIP_TARGET", "/evil"),
        ("UV_INDEX_URL", "https://evil.example"),
        ("UV_DEFAULT_INDEX", "https://evil.example"),
        ("UV_INDEX", "https://evil.example"),
        ("UV_CONFIG_FILE", "/evil/uv.toml"),
        ("UV_FIND_LINKS", "https://evil.example"),
        ("PYTHONPATH", "/evil"),
        ("PYTHONHOME", "/evil"),
        ("PYTHONSTARTUP", "/evil"),
        ("WHEELPROOF_WHEELHOUSE", "/evil"),
        ("WHEELPROOF_REQUIREMENTS", "/evil"),
        ("LANG", "de_DE.UTF-8"),
        ("VIRTUAL_ENV", "/venv"),
        ("SOMETHING", "of the user's own"),
    ] {
        command.env(name, value);
    }
    let out = run(&mut command).expect(0).out();
    assert!(!out.contains("evil"), "{out}");
    let variables: BTreeMap<&str, &str> = out
        .split_terminator('\0')
        .map(|line| line.split_once('=').unwrap())
        .collect();
    let copy = variables["WHEELPROOF_WHEELHOUSE"];
    assert!(
        copy.starts_with(house.at("tmp").to_str().unwrap()),
        "{copy}"
    );
    for (name, value) in [
        ("PIP_NO_INDEX", "1"),
        ("PIP_FIND_LINKS", copy),
        ("PIP_ONLY_BINARY", ":all:"),
        ("PIP_CONFIG_FILE", "/dev/null"),
        ("UV_NO_INDEX", "1"),
        ("UV_FIND_LINKS", copy),
        ("UV_NO_BUILD", "1"),
        ("UV_OFFLINE", "1"),
        ("UV_NO_CONFIG", "1"),
        ("LANG", "de_DE.UTF-8"),
        ("VIRTUAL_ENV", "/venv"),
        ("SOMETHING", "of the user's own"),
        ("HOME", "/nowhere"),
    ] {
        assert_eq!(variables.get(name), Some(&value), "{name}");
    }
}

#[test]
fn the_command_inherits_no_way_to_the_original() {
    let house = House::new();
    let open = shell(&house, &[], "exec ls -l /proc/self/fd");
    let original = house.at("wheels").display().to_string();
    assert!(
        open.contains(" 1 -> ") && !open.contains(&original),
        "{open}"
    );
}

#[test]
fn the_streams_belong_to_the_command() {
    let house = House::new();
    let mut command = house.run(&[], &["sh", "-c", "cat; echo aside >&2"]);
    let mut child = start(command.stdin(Stdio::piped()));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"in and out")
        .unwrap();
    let outcome = wait(child).expect(0);
    assert_eq!(outcome.out(), "in and out");
    let err = outcome.err();
    assert!(err.contains("PASS") && err.ends_with("aside\n"), "{err}");
    let quiet = run(&mut house.run(&["--quiet"], &["echo", "hello"])).expect(0);
    assert_eq!(
        (quiet.out().as_str(), quiet.err().as_str()),
        ("hello\n", "")
    );
}

#[test]
fn the_exit_code_is_the_commands_own() {
    let house = House::new();
    for code in [0, 1, 2, 3, 4, 77, 255] {
        run(&mut house.run(&["-q"], &["sh", "-c", &format!("exit {code}")])).expect(code);
    }
    for (signal, code) in [("KILL", 137), ("TERM", 143), ("SEGV", 139)] {
        run(&mut house.run(&["-q"], &["sh", "-c", &format!("kill -{signal} $$")])).expect(code);
    }
    house.assert_nothing_left();
}

#[test]
fn a_command_that_cannot_start_has_126_or_127() {
    let house = House::new();
    house.write("not-executable", "#!/bin/sh\n");
    for (command, code) in [
        ("no-such-command-anywhere", 127),
        ("./nowhere", 127),
        ("", 127),
        ("./not-executable", 126),
        ("./wheels", 126),
        ("./not-executable/below", 126),
    ] {
        let outcome = run(&mut house.run(&["-q"], &[command])).expect(code);
        assert!(outcome.err().contains("cannot start"), "{}", outcome.err());
        assert_eq!(outcome.out(), "");
    }
    house.assert_nothing_left();
}

#[test]
fn nothing_is_started_unless_everything_holds() {
    let witness = "started";
    for (breaking, says) in [
        (
            (|house: &House| house.write("wheels/extra", "")) as fn(&House),
            "file-unlisted",
        ),
        (
            |house| house.remove(&format!("wheels/{WHEEL}")),
            "file-missing",
        ),
        (
            |house| house.write(&format!("wheels/{WHEEL}"), ""),
            "hash-mismatch",
        ),
        (|house| house.write("sha256sums.txt", ""), "signature-bad"),
        (
            |house| house.remove("sha256sums.txt.asc"),
            "signature-missing",
        ),
        (
            |house| house.write("keys/signer.asc", "x"),
            "certificate-malformed",
        ),
        (
            |house| house.write("wheelproof.toml", "x"),
            "wheelproof.toml:1:",
        ),
        (|house| fifo(&house.at("wheels/pipe")), "special-file"),
        (|house| house.remove("keys/signer.asc"), "no certificates"),
    ] {
        let house = House::new();
        breaking(&house);
        let outcome = run(&mut house.run(&[], &["touch", witness])).expect(125);
        assert!(outcome.err().contains(says), "{says}: {}", outcome.err());
        assert_eq!(outcome.out(), "");
        assert!(!house.at(witness).exists());
        house.assert_nothing_left();
    }
    let house = House::new();
    run(&mut house.run(&[], &["touch", witness])).expect(0);
    assert!(house.at(witness).exists());
}

#[test]
fn a_wrong_command_line_has_125_because_2_could_be_the_commands_own() {
    let house = House::new();
    run(&mut house.run(&["--no-such-flag"], &["true"])).expect(125);
    run(wheelproof().args(["run", "."])).expect(125);
    run(wheelproof()
        .current_dir(house.at(""))
        .args(["run", ".", "--", "true"]))
    .expect(125);
    run(wheelproof().args(["run", "--help"])).expect(0);
}

#[test]
fn an_empty_wheelhouse_has_125() {
    let house = House::new();
    for name in FILES {
        house.remove(&format!("wheels/{name}"));
    }
    house.sign("# No files\n");
    run(&mut house.run(&[], &["true"])).expect(125);
    house.assert_nothing_left();
}

#[test]
fn what_happens_to_the_original_after_the_check_changes_nothing() {
    let house = House::new();
    let signed = sha256sum(&house.wheel(WHEEL));
    let out = shell(
        &house,
        &[],
        &format!(
            "echo evil > wheels/{WHEEL}; echo evil > wheels/extra.whl; rm wheels/{}\n\
             cd \"$WHEELPROOF_WHEELHOUSE\"; ls | wc -l; sha256sum < {WHEEL}",
            FILES[0]
        ),
    );
    assert_eq!(out, format!("6\n{signed}  -\n"));
    // The same directory does not pass a second time.
    run(&mut house.run(&[], &["true"])).expect(125);
}

#[test]
fn a_file_changed_between_the_check_and_the_copy_is_not_handed_on() {
    let house = House::new();
    let check = || {
        let certificates = Certificates::load(&[house.at("keys")]).unwrap();
        let signature = std::fs::read(house.at("sha256sums.txt.asc")).unwrap();
        let judgement = authenticate(
            std::fs::read(house.at("sha256sums.txt")).unwrap(),
            &[SignatureFile::parse("signature", &signature)],
            &certificates,
            &Trust::default(),
            crate::signing::TODAY.parse().unwrap(),
            &Cancel::new(),
        )
        .unwrap();
        let (manifest, _) = Manifest::parse(
            &judgement.authenticated.unwrap(),
            wheelproof::policy::Lines::default(),
        );
        let tree = Tree::scan(&house.at("wheels")).unwrap();
        let allowed = BTreeSet::new();
        let checked = wheelhouse::check(&manifest, tree, &allowed, &Cancel::new(), &|_| {});
        checked.complete().unwrap()
    };
    let copies = tempfile::tempdir().unwrap();
    let copy =
        |verified: &VerifiedTree| Sealed::copy(verified, None, copies.path(), &Cancel::new());
    let is_empty = || copies.path().read_dir().unwrap().next().is_none();
    let sealed = copy(&check()).unwrap();
    assert!(sealed.wheelhouse().join(WHEEL).is_file());
    drop(sealed);
    assert!(is_empty());

    let good = std::fs::read(house.wheel(WHEEL)).unwrap();
    let changes: [&dyn Fn(); 5] = [
        &|| {
            let mut changed = good.clone();
            changed[100] ^= 1;
            std::fs::write(house.wheel(WHEEL), changed).unwrap();
        },
        &|| std::fs::write(house.wheel(WHEEL), &good[1..]).unwrap(),
        &|| std::fs::remove_file(house.wheel(WHEEL)).unwrap(),
        &|| {
            // The same contents, somewhere else.
            std::fs::write(house.at("aside"), &good).unwrap();
            std::fs::remove_file(house.wheel(WHEEL)).unwrap();
            symlink("../aside", house.wheel(WHEEL)).unwrap();
        },
        &|| {
            std::fs::remove_file(house.wheel(WHEEL)).unwrap();
            fifo(&house.wheel(WHEEL));
        },
    ];
    for change in changes {
        let verified = check();
        change();
        assert!(copy(&verified).is_err());
        assert!(is_empty());
        let _ = std::fs::remove_file(house.wheel(WHEEL));
        std::fs::write(house.wheel(WHEEL), &good).unwrap();
    }
}

#[test]
fn two_files_of_one_name_in_different_directories_are_refused() {
    let house = House::new();
    std::fs::create_dir(house.wheel("sub")).unwrap();
    std::fs::copy(house.wheel(WHEEL), house.wheel("sub").join("other.whl")).unwrap();
    house.sign_listing_also(&["sub/other.whl"]);
    let out = shell(&house, &[], "ls \"$WHEELPROOF_WHEELHOUSE\" | wc -l");
    assert_eq!(out, "7\n");
    std::fs::rename(house.wheel("sub/other.whl"), house.wheel("sub").join(WHEEL)).unwrap();
    house.sign_listing_also(&[&format!("sub/{WHEEL}")]);
    let outcome = run(&mut house.run(&[], &["true"])).expect(125);
    assert!(
        outcome.err().contains("the same file name"),
        "{}",
        outcome.err()
    );
    house.assert_nothing_left();
}

#[test]
fn a_full_disk_starts_nothing_and_leaves_nothing() {
    let house = House::new();
    // The sdists have 20 KiB each.
    let mut limited = std::process::Command::new("bash");
    let run_it = house.run(&[], &["touch", "started"]);
    limited
        .current_dir(house.at(""))
        .envs(
            run_it
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .args(["-c", "ulimit -f 8; exec \"$0\" \"$@\""])
        .arg(run_it.get_program())
        .args(run_it.get_args());
    let outcome = run(&mut limited).expect(125);
    assert!(outcome.err().contains("cannot copy"), "{}", outcome.err());
    assert!(!house.at("started").exists());
    house.assert_nothing_left();

    let mut small = std::process::Command::new("unshare");
    small
        .current_dir(house.at(""))
        .args(["--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=32k none tmp || exit 99; \"$0\" \"$@\"; code=$?; ls -A tmp; exit $code")
        .arg(run_it.get_program())
        .args(run_it.get_args())
        .env("TMPDIR", house.at("tmp"));
    let outcome = run(&mut small);
    let err = outcome.err();
    if outcome.code != Some(125) && (err.contains("unshare:") || err.contains("mount:")) {
        crate::skipped!("a small file system cannot be mounted here");
        return;
    }
    let outcome = outcome.expect(125);
    assert_eq!(outcome.out(), "", "nothing is left");
    let err = outcome.err();
    assert!(
        err.contains("No space left") && err.contains("TMPDIR"),
        "{err}"
    );
    assert!(!house.at("started").exists());
}

#[test]
fn a_place_for_the_copy_that_is_not_there_is_named() {
    let house = House::new();
    let mut command = house.run(&[], &["true"]);
    command.env("TMPDIR", "/nowhere/tmp");
    let outcome = run(&mut command).expect(125);
    assert!(outcome.err().contains("/nowhere/tmp"), "{}", outcome.err());
}

// Signals.

/// A script that says that it runs and what it is told, then waits.
const WAITS: &str = "for s in TERM INT HUP QUIT; do trap \"echo told $s; exit 9\" $s; done\n\
                     echo \"$WHEELPROOF_WHEELHOUSE\" > running; mv running runs\n\
                     for i in $(seq 600); do sleep 0.05; done";

#[test]
fn a_signal_is_handed_on_and_the_copy_is_removed() {
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
    ] {
        let house = House::new();
        let mut command = house.run(&["-q"], &["sh", "-c", WAITS]);
        // Not in the foreground of a terminal, whose interrupts CMD gets itself.
        let child = start(command.process_group(0));
        until(|| house.at("runs").exists());
        let copy = std::fs::read_to_string(house.at("runs")).unwrap();
        assert!(std::path::Path::new(copy.trim()).is_dir());
        send(&child, signal);
        let outcome = wait(child);
        assert_eq!(outcome.out(), format!("told {name}\n"));
        // A shell that waits for us has to know that we were told to end.
        assert_eq!(outcome.signal, Some(signal.as_raw()), "{outcome:?}");
        house.assert_nothing_left();
    }
}

#[test]
fn a_command_that_does_not_listen_is_killed_by_the_second_signal() {
    let house = House::new();
    let deaf = "trap '' TERM INT; touch runs; for i in $(seq 600); do sleep 0.05; done";
    let mut command = house.run(&["-q"], &["sh", "-c", deaf]);
    let child = start(command.process_group(0));
    until(|| house.at("runs").exists());
    send(&child, Signal::TERM);
    std::thread::sleep(Duration::from_millis(300));
    assert!(house.at("tmp").read_dir().unwrap().next().is_some());
    send(&child, Signal::TERM);
    let outcome = wait(child);
    assert_eq!(outcome.signal, Some(Signal::TERM.as_raw()));
    house.assert_nothing_left();
}

#[test]
fn a_signal_while_copying_starts_nothing_and_leaves_nothing() {
    let house = House::new();
    // Two gibibytes take no room here, and their copy no more than is written
    // before the signal.
    std::fs::File::create(house.wheel("big"))
        .unwrap()
        .set_len(2 << 30)
        .unwrap();
    let zeroes = "a7c744c13cc101ed66c29f672f92455547889cc586ce6d44fe76ae824958ea51";
    house.sign(format!("{}{zeroes}  big\n", House::lines()));
    let mut command = house.run(&["-q"], &["touch", "started"]);
    let child = start(command.process_group(0));
    until(|| house.at("tmp").read_dir().unwrap().next().is_some());
    send(&child, Signal::TERM);
    let sent = Instant::now();
    let outcome = wait(child);
    assert!(
        sent.elapsed() < Duration::from_secs(2),
        "{:?}",
        sent.elapsed()
    );
    assert_eq!(outcome.signal, Some(Signal::TERM.as_raw()), "{outcome:?}");
    assert!(!house.at("started").exists());
    house.assert_nothing_left();
}

#[test]
fn an_interrupt_typed_on_a_terminal_is_the_commands_business() {
    if !has_terminals() {
        return;
    }
    let house = House::new();
    let goes_on = "trap 'echo caught' INT; echo ready; sleep 1; sleep 1; echo done; exit 7";
    let run_it = house.run(&["-q"], &["sh", "-c", goes_on]);
    // Types an interrupt, twice, once the command says that it is ready.
    let typist = "import os, pty, sys, time\n\
        pid, terminal = pty.fork()\n\
        if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])\n\
        seen = b''\n\
        while b'ready' not in seen: seen += os.read(terminal, 100)\n\
        for _ in range(2):\n    os.write(terminal, b'\\x03'); time.sleep(0.3)\n\
        try:\n    while True:\n        more = os.read(terminal, 100)\n        seen += more\n        if not more: break\n\
        except OSError: pass\n\
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n\
        sys.stdout.buffer.write(seen); sys.exit(code)";
    let mut python = std::process::Command::new("python3");
    python
        .current_dir(house.at(""))
        .envs(
            run_it
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .args(["-c", typist])
        .arg(run_it.get_program())
        .args(run_it.get_args());
    let outcome = run(&mut python).expect(7);
    let out = outcome.out();
    assert!(out.contains("caught") && out.contains("done"), "{out}");
    house.assert_nothing_left();
}

// Requirements.

#[test]
fn pinned_requirements_become_constraints_with_the_verified_digests() {
    let house = House::new();
    house.write(
        "requirements.txt",
        "# ours\nWheelproof.Example-Greeting==1.0.0\nwheelproof_example_units==0.3 ; python_version >= \"3\"\n",
    );
    let out = shell(
        &house,
        &["--requirements", "requirements.txt"],
        "cat \"$WHEELPROOF_REQUIREMENTS\"; stat -c %a \"$WHEELPROOF_REQUIREMENTS\"",
    );
    let digest = |name: &str| sha256sum(&house.wheel(name));
    for name in [FILES[2], FILES[3], FILES[4], FILES[5]] {
        assert!(
            out.contains(&format!("--hash=sha256:{}", digest(name))),
            "{out}"
        );
    }
    assert_eq!(out.matches("--hash=").count(), 4, "{out}");
    assert!(out.contains("wheelproof-example-greeting==1.0.0"), "{out}");
    assert!(out.contains("python_version >= \"3\""), "{out}");
    assert!(out.ends_with("444\n"), "{out}");
}

#[test]
fn with_requirements_both_installers_are_told_to_ask_for_hashes() {
    let house = House::new();
    house.write("requirements.txt", "wheelproof-example-units==0.3.0\n");
    let says = "echo $PIP_REQUIRE_HASHES $UV_REQUIRE_HASHES; \
                for list in \"$PIP_CONSTRAINT\" \"$UV_CONSTRAINT\"; do \
                cmp \"$list\" \"$WHEELPROOF_REQUIREMENTS\"; done";
    let out = shell(&house, &["--requirements", "requirements.txt"], says);
    assert_eq!(out, "1 1\n");
    let none = "env | grep -c -e HASHES -e CONSTRAINT || true";
    assert_eq!(shell(&house, &[], none), "0\n");
}

#[test]
fn requirements_that_the_signed_files_do_not_meet_start_nothing() {
    let house = House::new();
    let zeroes = "0".repeat(64);
    for (text, says) in [
        ("six==1.16.0", "a signed wheel of six==1.16.0"),
        (
            "\nwheelproof-example-units==0.4",
            "requirements.txt, line 2",
        ),
        ("wheelproof-example-units", "not pinned"),
        ("wheelproof-example-units>=0.3", "not pinned"),
        ("wheelproof-example-units==0.*", "not one version"),
        ("--find-links https://evil.example", "'--find-links'"),
        ("-i https://evil.example", "'-i'"),
        ("--index-url=https://evil.example", "'--index-url'"),
        ("-r more.txt", "'more.txt' is not there"),
        ("-e .", "'-e'"),
        ("https://evil.example/x.whl", "a link or a path"),
        ("x @ file:///tmp/x.whl", "a link or a path"),
        (
            &format!("wheelproof-example-units==0.3.0 --hash=sha256:{zeroes}"),
            "1 hash, of no signed file",
        ),
        (
            "wheelproof-example-units==0.3.0 --hash=md5:00",
            "not a sha256 hash",
        ),
    ] {
        house.write("requirements.txt", text);
        let flags = ["--requirements", "requirements.txt"];
        let outcome = run(&mut house.run(&flags, &["touch", "started"])).expect(125);
        let err = outcome.err();
        assert!(err.contains(says), "{text}: {err}");
        assert!(err.contains("requirements.txt"), "{text}: {err}");
        assert!(!house.at("started").exists());
        house.assert_nothing_left();
    }
    house.write("requirements.txt", "wheelproof-example-units==0.3.0\n");
    run(&mut house.run(&["--requirements", "requirements.txt"], &["true"])).expect(0);
    run(&mut house.run(&["--requirements", "nowhere.txt"], &["true"])).expect(125);
    fifo(&house.at("pipe"));
    run(&mut house.run(&["--requirements", "pipe"], &["true"])).expect(125);
}

#[test]
fn a_digest_of_the_requirements_narrows_what_may_be_installed() {
    let house = House::new();
    let wheel = sha256sum(&house.wheel(FILES[4]));
    house.write(
        "requirements.txt",
        format!("wheelproof-example-units==0.3.0 --hash=sha256:{wheel}\n"),
    );
    let out = shell(
        &house,
        &["--requirements", "requirements.txt"],
        "cat \"$WHEELPROOF_REQUIREMENTS\"",
    );
    assert_eq!(out.matches("--hash=").count(), 1, "{out}");
    assert!(out.contains(&wheel));
}
