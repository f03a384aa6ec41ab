//! `wheelproof manifest`, held against `sha256sum`, which it has to equal, and
//! against everything that can go wrong while it writes.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use proptest::prelude::*;
use wheelproof::manifest;

use crate::common::{
    FILES, House, Outcome, WHEEL, as_ordinary_user, fifo, has_program, run, send, start, wait,
    wheelproof,
};

/// Returns the command `manifest`, run from the directory.
fn command(house: &House, flags: &[&str]) -> Command {
    let mut command = wheelproof();
    command
        .current_dir(house.at(""))
        .args(["manifest", "."])
        .args(flags);
    command
}

/// Flags for houses in which the names are all that matters.
const NAMES_ONLY: &str = "--shallow";

#[track_caller]
fn manifest_json(house: &House, flags: &[&str]) -> Outcome {
    let mut all = vec!["--format", "json"];
    all.extend(flags);
    run(&mut command(house, &all))
}

/// Returns what sha256sum writes for all files of a directory.
fn oracle(directory: &Path) -> Vec<u8> {
    let output = Command::new("sh")
        .args(["-c", "LC_ALL=C sha256sum -- *"])
        .env("LC_ALL", "C")
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

fn read(house: &House) -> Vec<u8> {
    std::fs::read(house.at("sha256sums.txt")).unwrap()
}

/// Returns the names directly in the house's directory that nobody put there.
fn leftovers(house: &House) -> Vec<String> {
    let known = ["keys", "wheels", "sha256sums.txt", "sha256sums.txt.asc"];
    std::fs::read_dir(house.at(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !known.contains(&name.as_str()))
        .collect()
}

/// Renames the wheels so that the order of the names depends on the locale.
fn awkward(house: &House) {
    for (old, new) in [
        (FILES[0], "Wheelproof_Count-2.1.0-py3-none-any.whl"),
        (FILES[2], "wheelproof-greeting-1.0.0.tar.gz"),
        (FILES[4], "_wheelproof-1.0.tar.gz"),
    ] {
        std::fs::rename(house.wheel(old), house.wheel(new)).unwrap();
    }
    // A leading underscore is no project name; see the test about junk.
    std::fs::rename(
        house.wheel("_wheelproof-1.0.tar.gz"),
        house.wheel("wheelproof.x-1.0.zip"),
    )
    .unwrap();
}

#[test]
fn the_manifest_is_byte_for_byte_that_of_sha256sum() {
    if !has_program("sha256sum") {
        return;
    }
    let house = House::new();
    awkward(&house);
    for flags in [&[NAMES_ONLY][..], &[NAMES_ONLY, "--drop-comments"]] {
        house.write("sha256sums.txt", "");
        let report = manifest_json(&house, flags).expect(0).json();
        assert_eq!(read(&house), oracle(&house.at("wheels")));
        assert_eq!(report["written"][0]["change"], "replaced");
        assert_eq!(report["manifest"]["entries"], 6);
    }
    let status = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "../sha256sums.txt"])
        .current_dir(house.at("wheels"))
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn what_is_written_and_signed_verifies() {
    let house = House::new();
    std::fs::remove_file(house.wheel(WHEEL)).unwrap();
    run(&mut command(&house, &["--project", "count"])).expect(0);
    let manifest = read(&house);
    assert!(manifest.starts_with(b"# wheelproof: project=count\n"));
    house.sign(&manifest);
    house.check(&[]).expect(0);
    // The innocent neighbour: the same without a comment.
    run(&mut command(&house, &["--drop-comments"])).expect(0);
    assert_eq!(read(&house), oracle(&house.at("wheels")));
}

#[test]
fn it_goes_where_the_layout_or_the_user_says() {
    let house = House::new();
    let expected = oracle(&house.at("wheels"));
    // No manifest yet: sha256sums.txt.
    house.remove("sha256sums.txt");
    house.remove("sha256sums.txt.asc");
    let report = manifest_json(&house, &[]).expect(0).json();
    assert_eq!(report["written"][0]["change"], "created");
    assert_eq!(read(&house), expected);
    // Another usual name.
    house.remove("sha256sums.txt");
    house.write("SHA256SUMS", "");
    run(&mut command(&house, &[])).expect(0);
    assert_eq!(std::fs::read(house.at("SHA256SUMS")).unwrap(), expected);
    // Where the policy says.
    house.write("wheelproof.toml", "[wheelhouse]\nmanifest = \"list\"\n");
    run(&mut command(&house, &[])).expect(0);
    assert_eq!(std::fs::read(house.at("list")).unwrap(), expected);
    // Where the user says; nothing else is touched.
    house.write("list", "as it was");
    run(&mut command(&house, &["--output", "other"])).expect(0);
    assert_eq!(std::fs::read(house.at("other")).unwrap(), expected);
    assert_eq!(std::fs::read(house.at("list")).unwrap(), b"as it was");
}

#[test]
fn it_may_lie_among_the_files() {
    let house = House::new();
    for name in FILES {
        std::fs::rename(house.wheel(name), house.at(name)).unwrap();
    }
    for directory in ["wheels", "keys"] {
        std::fs::remove_dir_all(house.at(directory)).unwrap();
    }
    run(&mut command(&house, &[])).expect(0);
    assert_eq!(read(&house), House::lines().into_bytes());
    // What a killed run leaves behind is its own, not junk.
    house.write(".sha256sums.txt.new", "half a li");
    house.remove("sha256sums.txt");
    run(&mut command(&house, &[])).expect(0);
    assert_eq!(read(&house), House::lines().into_bytes());
    assert!(!house.at(".sha256sums.txt.new").exists());
    // Its innocent neighbour is not.
    house.write(".sha256sums.txt.old", "");
    run(&mut command(&house, &[])).expect(1);
}

#[test]
fn comments_at_the_top_are_kept_and_the_project_can_be_changed() {
    let house = House::new();
    let lines = House::lines();
    house.write(
        "sha256sums.txt",
        format!("# made for spring\n\n# lost\n{lines}"),
    );
    run(&mut command(&house, &["--project", "one"])).expect(0);
    let text = String::from_utf8(read(&house)).unwrap();
    assert_eq!(
        text,
        format!("# wheelproof: project=one\n# made for spring\n{lines}")
    );
    run(&mut command(&house, &["--project", "two"])).expect(0);
    let text = String::from_utf8(read(&house)).unwrap();
    assert_eq!(
        text,
        format!("# wheelproof: project=two\n# made for spring\n{lines}")
    );
    run(&mut command(&house, &["--project", "a b"])).expect(2);
    run(&mut command(&house, &["--drop-comments"])).expect(0);
    assert_eq!(read(&house), lines.into_bytes());
}

#[test]
fn the_project_of_the_policy_is_stated_without_asking() {
    let house = House::new();
    house.write("wheelproof.toml", "[wheelhouse]\nproject = \"ours\"\n");
    // The manifest that is there states none.
    let outcome = manifest_json(&house, &["--check"]).expect(1);
    assert_eq!(outcome.errors(), ["manifest-project-missing"]);
    run(&mut command(&house, &[])).expect(0);
    assert!(read(&house).starts_with(b"# wheelproof: project=ours\n"));
    let report = manifest_json(&house, &["--check"]).expect(0).json();
    assert_eq!(report["manifest"]["project"], "ours");
    // Comments go, the project that the policy asks for stays.
    run(&mut command(&house, &["--drop-comments"])).expect(0);
    assert!(read(&house).starts_with(b"# wheelproof: project=ours\n"));
    // Another one is the user's wish, and is told by the check.
    run(&mut command(&house, &["--project", "theirs"])).expect(0);
    let outcome = manifest_json(&house, &["--check"]).expect(1);
    assert_eq!(outcome.errors(), ["manifest-project-differs"]);
}

#[test]
fn a_project_that_is_stated_anywhere_stays_and_a_broken_statement_goes() {
    let house = House::new();
    let lines = House::lines();
    house.write(
        "sha256sums.txt",
        format!("{lines}# wheelproof: project=one\n"),
    );
    run(&mut command(&house, &[])).expect(0);
    let expected = format!("# wheelproof: project=one\n{lines}");
    assert_eq!(read(&house), expected.into_bytes());
    house.write(
        "sha256sums.txt",
        format!("# wheelproof: project=a b\n# kept\n{lines}"),
    );
    run(&mut command(&house, &[])).expect(0);
    assert_eq!(read(&house), format!("# kept\n{lines}").into_bytes());
}

#[test]
fn a_clearsigned_manifest_is_not_written_over() {
    let house = House::new();
    let text = format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{}\
         -----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n",
        House::lines()
    );
    house.write("sha256sums.txt", &text);
    house.remove("sha256sums.txt.asc");
    for flags in [&[][..], &["--check"]] {
        let outcome = run(&mut command(&house, flags)).expect(3);
        assert!(outcome.out().contains("clearsigned"), "{}", outcome.out());
    }
    assert_eq!(read(&house), text.into_bytes());
    run(&mut command(&house, &["--output", "plain.txt"])).expect(0);
}

#[test]
fn a_manifest_that_is_current_is_not_touched() {
    use std::os::unix::fs::MetadataExt;
    let house = House::new();
    house.write("sha256sums.txt", House::lines());
    let inode = || std::fs::metadata(house.at("sha256sums.txt")).unwrap().ino();
    let before = inode();
    let report = manifest_json(&house, &[]).expect(0).json();
    assert_eq!(report["written"][0]["change"], "unchanged");
    assert_eq!(report["findings"].as_array().unwrap().len(), 0);
    assert_eq!(inode(), before);
}

#[test]
fn signatures_over_an_earlier_manifest_are_told() {
    let house = House::new();
    std::fs::remove_file(house.wheel(WHEEL)).unwrap();
    let outcome = manifest_json(&house, &[]).expect(0);
    assert_eq!(
        outcome.rules(),
        [("manifest-signatures-stale".to_owned(), "note".to_owned())]
    );
    assert_eq!(read(&house), oracle(&house.at("wheels")));
}

// What is refused.

/// Runs the command on a house with one fault; nothing may be written.
#[track_caller]
fn refused(fault: impl FnOnce(&House), rule: &str) {
    let house = House::new();
    house.write("sha256sums.txt", "# old\n");
    fault(&house);
    let outcome = manifest_json(&house, &[NAMES_ONLY]).expect(1);
    assert_eq!(outcome.errors(), [rule]);
    assert_eq!(read(&house), b"# old\n");
    assert!(leftovers(&house).is_empty());
    // A directory that cannot be listed cannot be current either.
    let outcome = manifest_json(&house, &[NAMES_ONLY, "--check"]).expect(1);
    assert!(outcome.errors().contains(&rule.to_owned()));
}

#[test]
fn what_verify_would_refuse_is_refused() {
    refused(
        |house| std::os::unix::fs::symlink(WHEEL, house.wheel("x-1-py3-none-any.whl")).unwrap(),
        "symlink",
    );
    refused(
        |house| fifo(&house.wheel("x-1-py3-none-any.whl")),
        "special-file",
    );
    refused(
        |house| std::fs::create_dir(house.wheel("x-9.0.tar.gz")).unwrap(),
        "unexpected-directory",
    );
    refused(
        |house| {
            use std::os::unix::ffi::OsStrExt;
            let name = std::ffi::OsStr::from_bytes(b"x-\xff-py3-none-any.whl");
            std::fs::write(house.wheel(name), "").unwrap();
        },
        "name-not-utf8",
    );
    refused(
        |house| {
            let twin = house.wheel("Wheelproof.example_units-0.3.00.tar.gz");
            std::fs::write(twin, "").unwrap();
        },
        "manifest-name-twin",
    );
    refused(
        |house| {
            let pointer = format!(
                "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1\n",
                "0".repeat(64)
            );
            std::fs::write(house.wheel(WHEEL), pointer).unwrap();
        },
        "lfs-pointer",
    );
}

#[test]
fn a_wheel_or_sdist_that_verify_would_refuse_is_refused() {
    for (name, rule) in [
        ("x-1-py3-none-any.whl", "archive-unreadable"),
        ("x-1.tar.gz", "archive-unreadable"),
    ] {
        let house = House::new();
        house.write("sha256sums.txt", "# old\n");
        std::fs::write(house.wheel(name), "no archive").unwrap();
        let outcome = manifest_json(&house, &[]).expect(1);
        assert_eq!(outcome.errors(), [rule]);
        assert_eq!(read(&house), b"# old\n");
        // Who has asked not to look does not hear of it, as under verify.
        let report = manifest_json(&house, &["--shallow"]).expect(0).json();
        assert_eq!(report["depth"], "shallow");
    }
}

#[test]
fn what_is_neither_wheel_nor_sdist_is_refused_with_advice() {
    for name in [
        ".x.html",
        "index.html.gz",
        "README",
        ".empty",
        "a\nb-1.0.tar.gz",
        "nodash.whl",
        "_x-1.0.tar.gz",
        "-t",
    ] {
        refused(
            |house| std::fs::write(house.wheel(name), "").unwrap(),
            "file-no-distribution",
        );
    }
    // The innocent neighbours: a name that the policy allows, and it is not
    // listed.
    let house = House::new();
    std::fs::write(house.wheel(".empty"), "").unwrap();
    run(&mut command(&house, &["--allow-unlisted", ".empty"])).expect(0);
    assert_eq!(read(&house), House::lines().into_bytes());
    house.write(
        "wheelproof.toml",
        "[wheelhouse]\nallow-unlisted = [\".empty\"]\n",
    );
    run(&mut command(&house, &["--check"])).expect(0);
}

#[test]
fn nothing_at_all_is_neither_a_pass_nor_a_manifest() {
    let house = House::new();
    for name in FILES {
        std::fs::remove_file(house.wheel(name)).unwrap();
    }
    house.remove("sha256sums.txt");
    run(&mut command(&house, &[])).expect(4);
    run(&mut command(&house, &["--check"])).expect(4);
    assert!(!house.at("sha256sums.txt").exists());
    // A manifest of files that are gone is something to check.
    house.write("sha256sums.txt", House::lines());
    run(&mut command(&house, &["--check"])).expect(1);
}

#[test]
fn a_link_or_a_fifo_in_place_of_the_manifest_is_not_replaced() {
    let house = House::new();
    house.remove("sha256sums.txt");
    house.write("elsewhere", "as it was");
    std::os::unix::fs::symlink("elsewhere", house.at("sha256sums.txt")).unwrap();
    run(&mut command(&house, &[])).expect(3);
    assert_eq!(std::fs::read(house.at("elsewhere")).unwrap(), b"as it was");
    house.remove("sha256sums.txt");
    fifo(&house.at("sha256sums.txt"));
    run(&mut command(&house, &[])).expect(3);
}

// Whether it is current.

#[test]
fn check_names_what_is_missing_extra_and_changed() {
    let house = House::new();
    run(&mut command(&house, &["--check"])).expect(0);
    let before = read(&house);
    std::fs::remove_file(house.wheel(FILES[0])).unwrap();
    std::fs::write(house.wheel("new-1.0.tar.gz"), "new").unwrap();
    std::fs::write(house.wheel(FILES[4]), "changed").unwrap();
    let outcome = manifest_json(&house, &[NAMES_ONLY, "--check"]).expect(1);
    assert_eq!(outcome.errors(), ["manifest-not-current"; 3]);
    let findings = outcome.json()["findings"].as_array().unwrap().clone();
    let says = |number: usize, key: &str| findings[number][key].as_str().unwrap().to_owned();
    assert!(says(0, "found").contains("no line for new-1.0.tar.gz"));
    assert!(says(1, "expected").contains(&format!("no line for {}", FILES[0])));
    assert!(says(2, "expected").ends_with(FILES[4]) && says(2, "found").ends_with(FILES[4]));
    assert_eq!(read(&house), before, "--check writes nothing");
}

#[test]
fn another_form_of_a_current_manifest_is_a_note() {
    let house = House::new();
    let mut lines: Vec<String> = House::lines().lines().map(str::to_owned).collect();
    lines.reverse();
    house.write("sha256sums.txt", lines.join("\n"));
    let outcome = manifest_json(&house, &["--check"]).expect(0);
    assert_eq!(
        outcome.rules(),
        [("manifest-not-canonical".to_owned(), "note".to_owned())]
    );
}

#[test]
fn check_without_a_manifest_and_of_a_broken_one_fails() {
    let house = House::new();
    house.write("sha256sums.txt", format!("{}junk\n", House::lines()));
    let outcome = manifest_json(&house, &["--check"]).expect(1);
    assert_eq!(outcome.errors(), ["manifest-line-malformed"]);
    house.remove("sha256sums.txt");
    let outcome = manifest_json(&house, &["--check"]).expect(1);
    assert_eq!(outcome.errors(), ["manifest-missing"]);
}

// What goes wrong.

#[test]
fn a_run_that_is_killed_leaves_the_old_manifest_or_the_new_one() {
    let house = House::new();
    // Large, so that writing it takes a while.
    let comments = "# a line that was there before and is to stay\n".repeat(20_000);
    let old = format!("{comments}junk\n").into_bytes();
    let new = format!("{comments}{}", House::lines()).into_bytes();
    let is_whole = |now: &[u8]| now == old || now == new;
    // How long a run takes to its end; meanwhile whoever looks sees what a kill
    // at that moment would leave.
    house.write("sha256sums.txt", &old);
    let begun = Instant::now();
    let mut child = start(&mut command(&house, &["--quiet"]));
    while child.try_wait().unwrap().is_none() {
        assert!(is_whole(&read(&house)));
    }
    let takes = begun.elapsed();
    assert!(read(&house) == new);
    let mut ends = [0, 0];
    for round in 0..25 {
        house.write("sha256sums.txt", &old);
        let child = start(&mut command(&house, &["--quiet"]));
        // The first at once, the others spread over the time a run takes.
        std::thread::sleep(takes * round / 25);
        send(&child, rustix::process::Signal::KILL);
        wait(child);
        let now = read(&house);
        assert!(is_whole(&now), "{} bytes", now.len());
        ends[usize::from(now == new)] += 1;
    }
    assert!(ends[0] > 0, "no run was killed before its end: {ends:?}");
    // And the next run puts everything right.
    run(&mut command(&house, &[])).expect(0);
    assert!(read(&house) == new);
    assert!(leftovers(&house).is_empty());
}

#[test]
fn a_file_that_may_not_grow_leaves_the_old_manifest() {
    let house = House::new();
    house.write("sha256sums.txt", "# old\n");
    let mut shell = Command::new("sh");
    shell
        .current_dir(house.at(""))
        // Nothing at all may be written to files.
        .args(["-c", "ulimit -f 0; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_wheelproof"))
        .args(["manifest", "."]);
    let outcome = run(&mut shell).expect(3);
    assert!(outcome.out().contains("cannot write"), "{}", outcome.out());
    assert_eq!(read(&house), b"# old\n");
    assert!(leftovers(&house).is_empty());
    run(&mut command(&house, &[])).expect(0);
}

#[test]
fn a_directory_that_cannot_be_written_to_leaves_the_old_manifest() {
    let house = House::new();
    house.write("sha256sums.txt", "# old\n");
    let mut command = command(&house, &[]);
    if !as_ordinary_user(&mut command) {
        return;
    }
    house.mode("", 0o555);
    let outcome = run(&mut command).expect(3);
    house.mode("", 0o755);
    assert!(outcome.out().contains("cannot write"), "{}", outcome.out());
    assert_eq!(read(&house), b"# old\n");
    assert!(leftovers(&house).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    // sha256sum reads what is written here, and agrees with this program about
    // what is there, whatever happened to one of the files.
    #[test]
    fn a_written_manifest_is_to_sha256sum_what_it_is_here(
        contents in proptest::collection::btree_map(
            "[A-Za-z]([a-z0-9_.]{0,4}[a-z0-9])?-[0-9](\\.[0-9]){0,2}(\\+[a-z][0-9]?)?\
             (\\.tar\\.gz|\\.zip|(-[0-9])?-(py2\\.)?py3-none-any\\.whl)",
            proptest::collection::vec(any::<u8>(), 0..40),
            1..6,
        ),
        changed in proptest::option::of(any::<proptest::sample::Index>()),
        change in proptest::sample::select(vec!["longer", "other", "gone"]),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let wheels = root.join("wheels");
        std::fs::create_dir(&wheels).unwrap();
        for (name, bytes) in &contents {
            std::fs::write(wheels.join(name), bytes).unwrap();
        }
        let program = |flags: &[&str]| {
            run(wheelproof().current_dir(root).args(["manifest", "."]).args(flags))
        };
        let written = program(&[NAMES_ONLY]);
        let names: Vec<_> = contents
            .keys()
            .map(|name| wheelproof::relpath::RelPath::parse(name).unwrap())
            .collect();
        let has_twins = !manifest::twins(names.iter()).is_empty();
        prop_assert_eq!(written.code, Some(if has_twins { 1 } else { 0 }));
        if has_twins {
            return Ok(());
        }
        if let Some(index) = changed {
            let name = contents.keys().nth(index.index(contents.len())).unwrap();
            let mut bytes = contents[name].clone();
            match (change, bytes.last_mut()) {
                ("gone", _) => std::fs::remove_file(wheels.join(name)).unwrap(),
                ("other", Some(last)) => *last ^= 1,
                _ => bytes.push(b'!'),
            }
            if change != "gone" {
                std::fs::write(wheels.join(name), bytes).unwrap();
            }
        }
        let theirs = Command::new("sha256sum")
            .args(["--check", "--strict", "--status", "../sha256sums.txt"])
            .current_dir(&wheels)
            .status()
            .unwrap();
        let ours = program(&[NAMES_ONLY, "--check"]);
        prop_assert_eq!(theirs.success(), changed.is_none());
        // What the manifest lists and is not there makes it stale, also when nothing is left.
        let code = i32::from(changed.is_some());
        prop_assert_eq!(ours.code, Some(code));
    }

    // sha256sum writes such names with an escape, and reads them again. Here they are
    // no names of wheels or sdists: nothing is written, so there is nothing to agree on.
    #[test]
    fn a_name_that_sha256sum_escapes_is_refused(
        before in "[a-z]{1,4}",
        odd in proptest::sample::select(vec!['\n', '\r', '\\']),
        after in "[a-z]{0,4}-1(\\.tar\\.gz|\\.zip|-py3-none-any\\.whl)",
    ) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let wheels = root.join("wheels");
        std::fs::create_dir(&wheels).unwrap();
        std::fs::write(wheels.join(format!("{before}{odd}{after}")), "x").unwrap();
        std::fs::write(wheels.join("good-1.zip"), "x").unwrap();
        prop_assert_eq!(oracle(&wheels).iter().filter(|byte| **byte == b'\\').count() > 1, true);
        let mut command = wheelproof();
        command.current_dir(root).args(["manifest", ".", NAMES_ONLY, "--format", "json"]);
        let outcome = run(&mut command);
        prop_assert_eq!(outcome.code, Some(1));
        prop_assert_eq!(outcome.errors(), ["file-no-distribution"]);
        prop_assert!(!root.join("sha256sums.txt").exists());
    }
}
