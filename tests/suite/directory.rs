//! What may lie in a wheelhouse and what may not: each rule fires on one fault,
//! and its nearest innocent neighbour passes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use crate::common::{FILES, House, WHEEL, as_ordinary_user, fifo, run, sha256sum};

/// Breaks a good wheelhouse in one way and returns the errors found.
#[track_caller]
fn errors_after(breaking: impl FnOnce(&House)) -> Vec<String> {
    let house = House::new();
    breaking(&house);
    house.check(&[]).expect(1).errors()
}

/// Changes a good wheelhouse in a way that does no harm.
#[track_caller]
fn passes_after(changing: impl FnOnce(&House)) {
    let house = House::new();
    changing(&house);
    let outcome = house.check(&[]).expect(0);
    assert_eq!(outcome.rules(), []);
}

#[test]
fn a_wheelhouse_in_which_everything_is_well_passes() {
    let house = House::new();
    let outcome = house.check(&[]).expect(0);
    assert_eq!(outcome.stderr, b"");
    let report = outcome.json();
    assert_eq!(report["schema"], "wheelproof.report/1");
    assert_eq!(report["verdict"], "pass");
    assert_eq!(report["exit_code"], 0);
    assert_eq!(report["manifest"]["entries"], 6);
    assert_eq!(report["findings"], serde_json::json!([]));
    let files = report["files"].as_array().unwrap();
    let names: Vec<_> = files
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(names, FILES);
    for file in files {
        assert_eq!(file["status"], "ok");
        let path = house.wheel(file["path"].as_str().unwrap());
        assert_eq!(file["sha256"], sha256sum(&path));
        assert_eq!(file["size"], path.metadata().unwrap().len());
        let kind = if path.extension().unwrap() == "whl" {
            "wheel"
        } else {
            "sdist"
        };
        assert_eq!(file["kind"], kind);
    }
}

#[test]
fn a_missing_file_is_told() {
    let errors = errors_after(|house| house.remove(&format!("wheels/{WHEEL}")));
    assert_eq!(errors, ["file-missing"]);
}

#[test]
fn an_unlisted_file_is_told_whatever_it_is_called() {
    for name in [
        "extra-1.0-py3-none-any.whl",
        "extra-1.0.tar.gz",
        ".hidden",
        ".x.html",
        "index.html.gz",
        "README",
        ".empty",
        "-t",
        "--help",
        " ",
    ] {
        let errors = errors_after(|house| house.write(&format!("wheels/{name}"), "x"));
        assert_eq!(errors, ["file-unlisted"], "{name}");
    }
}

#[test]
fn a_page_that_pip_would_follow_is_told_as_such() {
    let house = House::new();
    house.write("wheels/.x.html", "<a href=https://example.org/>");
    let report = house.check(&[]).expect(1).json();
    let next = report["findings"][0]["next"].as_str().unwrap();
    assert!(next.contains("pip"), "{next}");
    house.remove("wheels/.x.html");
    house.write("wheels/.x.txt", "");
    let report = house.check(&[]).expect(1).json();
    let next = report["findings"][0]["next"].as_str().unwrap();
    assert!(!next.contains("pip"), "{next}");
}

#[test]
fn a_name_is_allowed_by_policy_or_flag_exactly_and_nothing_beside_it() {
    let house = House::new();
    house.write("wheels/.empty", "");
    house.check(&[]).expect(1);
    house.check(&["--allow-unlisted", ".empty"]).expect(0);
    house.write(
        "wheelproof.toml",
        "[wheelhouse]\nallow-unlisted = [\".empty\"]\n",
    );
    let outcome = house.check_by_policy(&[]).expect(0);
    let allowed = outcome.json()["files"]
        .as_array()
        .unwrap()
        .iter()
        .any(|file| file["path"] == ".empty" && file["status"] == "allowed");
    assert!(allowed);
    house.write("wheels/.empty2", "");
    assert_eq!(
        house.check_by_policy(&[]).expect(1).errors(),
        ["file-unlisted"]
    );
    house.remove("wheels/.empty2");
    // The name is allowed to a file, not to anything else.
    house.remove("wheels/.empty");
    symlink("/dev/null", house.wheel(".empty")).unwrap();
    assert_eq!(house.check_by_policy(&[]).expect(1).errors(), ["symlink"]);
}

#[test]
fn a_wrong_digest_is_told_with_both_digests_and_the_line() {
    let house = House::new();
    let signed = sha256sum(&house.wheel(WHEEL));
    let mut bytes = std::fs::read(house.wheel(WHEEL)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    house.write(&format!("wheels/{WHEEL}"), bytes);
    let outcome = house.check(&[]).expect(1);
    assert_eq!(outcome.errors(), ["hash-mismatch"]);
    let finding = &outcome.json()["findings"][0];
    assert_eq!(finding["expected"], signed);
    assert_eq!(finding["found"], sha256sum(&house.wheel(WHEEL)));
    assert_eq!(finding["subject"]["line"], 3);
    assert_eq!(finding["subject"]["manifest"], "./sha256sums.txt");
    assert_eq!(finding["subject"]["path"], format!("./wheels/{WHEEL}"));
}

#[test]
fn every_fault_of_a_directory_is_told_in_one_run() {
    let house = House::new();
    house.remove(&format!("wheels/{}", FILES[0]));
    house.write(&format!("wheels/{}", FILES[1]), "other");
    house.write("wheels/extra", "");
    symlink("extra", house.wheel("link")).unwrap();
    fifo(&house.wheel("pipe"));
    std::fs::create_dir(house.wheel("dir")).unwrap();
    let mut errors = house.check(&[]).expect(1).errors();
    errors.sort();
    assert_eq!(
        errors,
        [
            "file-missing",
            "file-unlisted",
            "hash-mismatch",
            "special-file",
            "symlink",
            "unexpected-directory"
        ]
    );
}

#[test]
fn a_symbolic_link_is_told_wherever_it_points() {
    for target in [FILES[0], "../sha256sums.txt", "/etc/passwd", "nowhere", "."] {
        let errors = errors_after(|house| symlink(target, house.wheel("link")).unwrap());
        assert_eq!(errors, ["symlink"], "{target}");
    }
}

#[test]
fn a_listed_name_that_is_a_link_to_the_right_contents_is_told() {
    let errors = errors_after(|house| {
        std::fs::rename(house.wheel(WHEEL), house.at("aside")).unwrap();
        symlink("../aside", house.wheel(WHEEL)).unwrap();
    });
    assert_eq!(errors, ["symlink"]);
}

#[test]
fn a_directory_of_wheels_that_is_itself_a_link_is_told_however_it_is_written() {
    let house = House::new();
    std::fs::rename(house.at("wheels"), house.at("elsewhere")).unwrap();
    symlink("elsewhere", house.at("wheels")).unwrap();
    assert_eq!(house.check(&[]).expect(1).errors(), ["symlink"]);
    for directory in ["wheels", "wheels/", "./wheels", "wheels/."] {
        let outcome = house.check(&["--directory", directory]).expect(1);
        assert_eq!(outcome.errors(), ["symlink"], "{directory}");
    }
    house.check(&["--directory", "elsewhere/"]).expect(0);
}

#[test]
fn special_files_are_told_and_never_waited_for() {
    assert_eq!(
        errors_after(|house| fifo(&house.wheel("pipe"))),
        ["special-file"]
    );
    let listed = errors_after(|house| {
        std::fs::remove_file(house.wheel(WHEEL)).unwrap();
        fifo(&house.wheel(WHEEL));
    });
    assert_eq!(listed, ["special-file"]);
    let mut sockets = Vec::new();
    let socket = errors_after(|house| {
        sockets.push(UnixListener::bind(house.wheel("s")).unwrap());
    });
    assert_eq!(socket, ["special-file"]);
}

#[test]
fn a_device_is_told() {
    let house = House::new();
    let null = rustix::fs::makedev(1, 3);
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        house.wheel("null"),
        rustix::fs::FileType::CharacterDevice,
        rustix::fs::Mode::from(0o666),
        null,
    );
    if let Err(error) = made {
        crate::skipped!("making a device is not allowed here ({error})");
        return;
    }
    assert_eq!(house.check(&[]).expect(1).errors(), ["special-file"]);
}

#[test]
fn a_directory_with_the_name_of_a_package_is_told_once() {
    for name in ["x-9.0-py3-none-any.whl", "x-9.0.tar.gz", ".hidden"] {
        let errors = errors_after(|house| {
            std::fs::create_dir_all(house.wheel(name).join("deeper")).unwrap();
            house.write(&format!("wheels/{name}/setup.py"), "raise SystemExit");
            house.write(&format!("wheels/{name}/deeper/y"), "");
        });
        assert_eq!(errors, ["unexpected-directory"], "{name}");
    }
    let listed = errors_after(|house| {
        std::fs::remove_file(house.wheel(WHEEL)).unwrap();
        std::fs::create_dir(house.wheel(WHEEL)).unwrap();
    });
    assert_eq!(listed, ["unexpected-directory"]);
}

#[test]
fn a_listed_file_in_a_directory_is_found_and_its_unlisted_neighbour_too() {
    let house = House::new();
    std::fs::create_dir(house.wheel("sub")).unwrap();
    house.write("wheels/sub/data", "x");
    house.sign_listing_also(&["sub/data"]);
    house.check(&[]).expect(0);
    house.write("wheels/sub/more", "x");
    let outcome = house.check(&[]).expect(1);
    assert_eq!(outcome.errors(), ["file-unlisted"]);
}

#[test]
fn a_name_that_is_not_utf8_is_told() {
    let house = House::new();
    let name = OsStr::from_bytes(b"caf\xe9.whl");
    std::fs::write(house.wheel(name), "").unwrap();
    let outcome = house.check(&[]).expect(1);
    assert_eq!(outcome.errors(), ["name-not-utf8"]);
    assert_eq!(
        outcome.json()["findings"][0]["subject"]["path"],
        "./wheels/caf\\xe9.whl"
    );
    // As UTF-8 the same name is an ordinary one.
    std::fs::rename(house.wheel(name), house.wheel("café.whl")).unwrap();
    house.sign_listing_also(&["café.whl"]);
    house.check(&[]).expect(0);
}

#[test]
fn a_name_that_looks_like_an_option_is_a_name() {
    passes_after(|house| {
        house.write("wheels/-t", "x");
        house.write("wheels/--help", "y");
        house.sign_listing_also(&["-t", "--help"]);
    });
}

#[test]
fn a_hard_link_is_a_file_like_any_other() {
    passes_after(|house| {
        std::fs::rename(house.wheel(WHEEL), house.at("aside")).unwrap();
        std::fs::hard_link(house.at("aside"), house.wheel(WHEEL)).unwrap();
    });
}

#[test]
fn the_order_and_the_times_of_files_do_not_matter() {
    passes_after(|house| {
        let lines = House::lines();
        let mut lines: Vec<_> = lines.lines().rev().collect();
        lines.push("");
        house.sign(lines.join("\n"));
        let file = std::fs::File::open(house.wheel(WHEEL)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    });
}

#[test]
fn a_pointer_of_git_lfs_is_told_with_what_it_points_at() {
    let house = House::new();
    let signed = sha256sum(&house.wheel(WHEEL));
    let pointer = |oid: &str| {
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n")
    };
    let path = format!("wheels/{WHEEL}");
    house.write(&path, pointer(&signed));
    let outcome = house.check(&[]).expect(1);
    assert_eq!(outcome.errors(), ["lfs-pointer"]);
    let finding = outcome.json()["findings"][0].clone();
    assert!(finding["next"].as_str().unwrap().contains("git lfs pull"));
    assert!(
        finding["found"]
            .as_str()
            .unwrap()
            .contains("that were signed")
    );

    let other = "0".repeat(64);
    house.write(&path, pointer(&other));
    let finding = house.check(&[]).expect(1).json()["findings"][0].clone();
    assert_eq!(finding["rule"], "lfs-pointer");
    assert!(finding["found"].as_str().unwrap().contains(&other));
    assert!(!finding["next"].as_str().unwrap().contains("git lfs pull"));

    house.write(&path, "version 2 of something else\n");
    assert_eq!(house.check(&[]).expect(1).errors(), ["hash-mismatch"]);
}

#[test]
fn a_pointer_that_is_itself_signed_is_a_file_like_any_other() {
    passes_after(|house| {
        house.write(
            "wheels/pointer",
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        );
        house.sign_listing_also(&["pointer"]);
    });
}

#[test]
fn a_file_that_changes_while_it_is_hashed_is_told() {
    let house = House::new();
    let path = house.wheel("big.bin");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(1 << 30).unwrap();
    let zeroes = "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14";
    house.sign(format!("{}{zeroes}  big.bin\n", House::lines()));
    let stop = std::sync::atomic::AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            // The contents stay as they are; that somebody writes is enough.
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                std::os::unix::fs::FileExt::write_at(&file, &[0], 0).unwrap();
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        let outcome = house.check(&[]);
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        outcome
    });
    assert_eq!(outcome.expect(1).errors(), ["file-changed"]);
    // Left alone, it has the digest of a gibibyte of zeroes.
    house.check(&[]).expect(0);
}

#[test]
fn an_unreadable_file_is_trouble_and_not_a_finding() {
    let house = House::new();
    house.mode(&format!("wheels/{WHEEL}"), 0o000);
    let mut command = house.verify(&["--certs", "keys", "--format", "json"]);
    if !as_ordinary_user(&mut command) {
        return;
    }
    let outcome = run(&mut command).expect(3);
    let report = outcome.json();
    assert_eq!(report["verdict"], "error");
    assert_eq!(report["findings"], serde_json::json!([]));
    let message = report["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains(WHEEL), "{message}");
    assert!(message.contains("ermission denied"), "{message}");
    // A finding beside it weighs more: the wheelhouse is bad for sure.
    house.write("wheels/extra", "");
    run(&mut command).expect(1);
}

#[test]
fn an_unreadable_directory_is_trouble() {
    let house = House::new();
    std::fs::DirBuilder::new()
        .create(house.wheel("closed"))
        .unwrap();
    house.mode("wheels/closed", 0o000);
    let mut command = house.verify(&["--certs", "keys"]);
    if !as_ordinary_user(&mut command) {
        return;
    }
    let outcome = run(&mut command);
    house.mode("wheels/closed", 0o755);
    let outcome = outcome.expect(3);
    let out = outcome.out();
    assert_eq!(out.matches("wheels/closed").count(), 1, "{out}");
    assert!(out.contains("ermission denied"), "{out}");
}

#[test]
fn an_empty_directory_is_nothing_to_check() {
    let house = House::new();
    let empty = tempfile::tempdir_in(house.at("")).unwrap();
    let directory = empty.path().to_str().unwrap();
    let certs = house.at("keys");
    let outcome = run(crate::common::wheelproof()
        .args(["verify", directory, "--format", "json", "--certs"])
        .arg(certs))
    .expect(4);
    assert_eq!(outcome.json()["verdict"], "empty");
    // A signed list of nothing over an empty directory is no pass either.
    for name in FILES {
        house.remove(&format!("wheels/{name}"));
    }
    house.sign("# No files\n");
    let outcome = house.check(&[]).expect(4);
    assert_eq!(outcome.errors(), ["manifest-empty"]);
}

#[test]
fn a_signed_list_of_nothing_over_files_is_refused() {
    for text in ["# No files\n", "", "\n\n"] {
        let house = House::new();
        house.sign(text);
        let errors = house.check(&[]).expect(1).errors();
        assert_eq!(errors[0], "manifest-empty", "{text:?}");
        assert_eq!(errors.len(), 7, "{text:?}");
    }
}

#[test]
fn an_empty_wheels_directory_misses_every_file() {
    let errors = errors_after(|house| {
        for name in FILES {
            house.remove(&format!("wheels/{name}"));
        }
    });
    assert_eq!(errors, ["file-missing"; 6]);
}

#[test]
fn a_directory_that_is_not_there_is_a_wrong_command_line_and_a_file_in_its_place_too() {
    let house = House::new();
    for (directory, says) in [
        ("nowhere", "there is no directory nowhere"),
        ("sha256sums.txt", "sha256sums.txt is no directory"),
    ] {
        let outcome = run(crate::common::wheelproof()
            .current_dir(house.at(""))
            .args(["verify", directory, "--certs", "keys"]))
        .expect(2);
        let all = outcome.out() + &outcome.err();
        assert!(all.contains(says), "{all}");
    }
}

#[test]
fn manifest_and_signature_may_lie_among_the_files() {
    let house = House::new();
    for name in ["sha256sums.txt", "sha256sums.txt.asc"] {
        std::fs::rename(house.at(name), house.wheel(name)).unwrap();
    }
    let in_wheels = |flags: &[&str]| {
        let mut command = crate::common::wheelproof();
        command
            .current_dir(house.at(""))
            .args(["verify", "wheels", "--certs", "keys", "--format", "json"])
            .args(["--time", crate::signing::TODAY])
            .args(flags);
        run(&mut command)
    };
    in_wheels(&[]).expect(0);
    house.write("wheels/sha256sums.txt.bak", "");
    assert_eq!(in_wheels(&[]).expect(1).errors(), ["file-unlisted"]);
}

#[test]
fn files_that_cannot_be_opened_by_name_do_not_hang() {
    // A FIFO that somebody holds open for writing would give data without end.
    let house = House::new();
    std::fs::remove_file(house.wheel(WHEEL)).unwrap();
    fifo(&house.wheel(WHEEL));
    let reader = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(0o4000)
        .open(house.wheel(WHEEL))
        .unwrap();
    let writer = std::fs::OpenOptions::new()
        .write(true)
        .open(house.wheel(WHEEL))
        .unwrap();
    assert_eq!(house.check(&[]).expect(1).errors(), ["special-file"]);
    drop((reader, writer));
}

#[test]
fn an_unlisted_directory_that_nobody_walks_to_its_end_is_told_as_one() {
    let deep = vec!["d"; 100].join("/");
    let house = House::new();
    std::fs::create_dir_all(house.at("wheels").join(&deep)).unwrap();
    house.write(&format!("wheels/{deep}/x"), "");
    let outcome = house.check(&[]).expect(1);
    assert_eq!(outcome.errors(), ["unexpected-directory"]);
    assert_eq!(
        outcome.json()["findings"][0]["subject"]["path"],
        "./wheels/d"
    );
    // A listed file as deep is one that cannot be read, not one that is missing.
    let listed = format!(
        "{}  {deep}/x\n",
        sha256sum(&house.at(format!("wheels/{deep}/x")))
    );
    house.sign(House::lines() + &listed);
    let outcome = house.check(&[]).expect(3);
    assert_eq!(outcome.errors(), [""; 0]);
    assert!(
        outcome.out().contains("more than 64 directories"),
        "{}",
        outcome.out()
    );
}
