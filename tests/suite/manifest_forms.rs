//! The forms a manifest may have and the places it may lie in, held against
//! `sha256sum --check`.

use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use crate::common::{FILES, House, Outcome, has_program, run, wheelproof};
use crate::signing::Signer;

// Digests of "abc" and of nothing, from FIPS 180-4 and `sha256sum </dev/null`.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Returns what `sha256sum` says in `wheels/`.
fn sha256sum_in(house: &House, arguments: &[&str]) -> Outcome {
    run(Command::new("sha256sum")
        .current_dir(house.at("wheels"))
        .env("LC_ALL", "C")
        .args(arguments)
        .stdin(Stdio::null()))
}

#[test]
fn every_form_that_sha256sum_writes_is_read() {
    let house = House::new();
    for flags in [
        &["--text"][..],
        &["--binary"],
        &["--tag"],
        &["--tag", "--binary"],
    ] {
        let mut arguments = flags.to_vec();
        arguments.extend(FILES);
        let written = sha256sum_in(&house, &arguments).expect(0).out();
        house.sign(&written);
        let report = house.check(&[]).expect(0).json();
        assert_eq!(report["manifest"]["entries"], 6, "{flags:?}");
        // All of them in one manifest are as good.
        let mixed: String = written.lines().take(3).map(|l| format!("{l}\n")).collect();
        let rest: String = House::lines()
            .lines()
            .skip(3)
            .map(|l| format!("{l}\n"))
            .collect();
        house.sign(mixed + &rest);
        house.check(&[]).expect(0);
    }
}

/// The program and `sha256sum --check --strict` are given the same line about a
/// file. Whatever we take, sha256sum takes, and reads as the same name and digest;
/// what only it takes is listed here with our rule.
#[test]
fn what_we_accept_sha256sum_accepts_and_the_other_way_only_as_listed() {
    if !has_program("sha256sum") {
        return;
    }
    let upper = ABC.to_uppercase();
    let cases: &[(&str, String, &str)] = &[
        ("a", format!("{ABC}  a"), ""),
        ("a", format!("{ABC} *a"), ""),
        ("a", format!("{upper}  a"), ""),
        (" a", format!("{ABC}   a"), ""),
        ("*a", format!("{ABC}  *a"), ""),
        ("a b", format!("{ABC}  a b"), ""),
        ("é", format!("{ABC}  é"), ""),
        ("a) = b", format!("SHA256 (a) = b) = {ABC}"), ""),
        ("a", format!("SHA256 (a) = {ABC}"), ""),
        ("a", format!("SHA256 (a) = {upper}"), ""),
        ("a", format!("\\{ABC}  a"), ""),
        ("a", format!("\\SHA256 (a) = {ABC}"), ""),
        ("a", format!("{EMPTY}  a"), "hash-mismatch"),
        ("a", format!("SHA256 (a) = {EMPTY}"), "hash-mismatch"),
        ("a", format!("\\{ABC}  a\\tb"), "manifest-line-malformed"),
        ("a", format!("\\{ABC}  a\\"), "manifest-line-malformed"),
        (
            "a",
            format!("SHA512 (a) = {ABC}"),
            "manifest-line-malformed",
        ),
        (
            "a",
            format!("MD5 (a) = {}", &ABC[..32]),
            "manifest-line-malformed",
        ),
        (
            "a",
            format!("SHA256 (a) = {}", &ABC[1..]),
            "manifest-line-malformed",
        ),
        (
            "a",
            format!("SHA256 [a] = {ABC}"),
            "manifest-line-malformed",
        ),
        ("a", format!("{}  a", &ABC[1..]), "manifest-line-malformed"),
        // Only sha256sum takes these.
        ("a", format!("  {ABC}  a"), "manifest-line-malformed"),
        ("a", format!("{ABC}\t a"), "manifest-line-malformed"),
        ("a", format!("SHA256(a)= {ABC}"), "manifest-line-malformed"),
        (
            "a",
            format!("SHA256 (a)  =  {ABC}"),
            "manifest-line-malformed",
        ),
        ("a\nb", format!("\\{ABC}  a\\nb"), "manifest-name-unsafe"),
        ("a\\b", format!("\\{ABC}  a\\\\b"), "manifest-name-unsafe"),
        ("a\\b", format!("{ABC}  a\\b"), "manifest-name-unsafe"),
        (
            "a\nb",
            format!("\\SHA256 (a\\nb) = {ABC}"),
            "manifest-name-unsafe",
        ),
        (
            "../wheels/a",
            format!("{ABC}  ../wheels/a"),
            "manifest-name-unsafe",
        ),
    ];
    for (name, line, rule) in cases {
        let house = House::new();
        for file in FILES {
            house.remove(&format!("wheels/{file}"));
        }
        std::fs::write(house.wheel(name), "abc").unwrap();
        house.sign(format!("{line}\n"));
        let ours = house.check(&[]);
        let theirs = sha256sum_in(&house, &["--check", "--strict", "../sha256sums.txt"]);
        if rule.is_empty() {
            ours.expect(0);
            theirs.expect(0);
        } else {
            assert_eq!(ours.expect(1).errors()[0], *rule, "{line:?}");
            let only_theirs = !matches!(*rule, "hash-mismatch")
                && (line.starts_with([' ', '\\', 'S']) || line.contains(['\t', '\\', '.']));
            assert!(theirs.code != Some(0) || only_theirs, "{line:?}");
        }
    }
}

#[test]
fn what_sha256sum_escapes_is_refused_as_a_name_and_its_neighbour_is_not() {
    for (name, is_plain) in [("a\nb", false), ("a\\b", false), ("a b", true)] {
        let house = House::new();
        std::fs::write(house.wheel(name), "abc").unwrap();
        for flags in [&["--"][..], &["--tag", "--"]] {
            let mut arguments = flags.to_vec();
            arguments.push(name);
            let line = sha256sum_in(&house, &arguments).expect(0).out();
            assert_eq!(line.starts_with('\\'), !is_plain, "{line}");
            house.sign(House::lines() + &line);
            let errors = house.check(&[]).errors();
            match is_plain {
                true => assert!(errors.is_empty(), "{errors:?}"),
                false => assert_eq!(errors, ["manifest-name-unsafe", "file-unlisted"]),
            }
        }
    }
}

#[test]
fn crlf_line_ends_are_refused_unless_policy_or_flag_accepts_them() {
    let house = House::new();
    house.sign(House::lines().replace('\n', "\r\n"));
    let errors = house.check(&[]).expect(1).errors();
    assert_eq!(&errors[..6], ["manifest-line-malformed"; 6]);
    house.check(&["--crlf", "accept"]).expect(0);
    house.write("wheelproof.toml", "[wheelhouse]\ncrlf = \"accept\"\n");
    house.check_by_policy(&[]).expect(0);
    house.check(&["--crlf", "refuse"]).expect(1);
    house.check(&["--crlf", "perhaps"]).expect(2);
    // Accepting them accepts no CR anywhere else.
    house.sign(House::lines().replace('\n', "\r\r\n"));
    let errors = house.check_by_policy(&[]).expect(1).errors();
    assert_eq!(errors[0], "manifest-name-unsafe");
}

#[test]
fn a_repeated_name_is_refused_unless_policy_or_flag_accepts_the_same_digest() {
    let house = House::new();
    let lines = House::lines();
    let again = lines.lines().next().unwrap();
    house.sign(format!("{lines}{again}\n"));
    let errors = house.check(&[]).expect(1).errors();
    assert_eq!(errors, ["manifest-name-repeated"]);
    house.check(&["--repeated-names", "accept"]).expect(0);
    house.write(
        "wheelproof.toml",
        "[wheelhouse]\nrepeated-names = \"accept\"\n",
    );
    house.check_by_policy(&[]).expect(0);
    house.check(&["--repeated-names", "refuse"]).expect(1);
    // Another digest is refused all the same, and so is a twin.
    for line in [
        format!("{EMPTY}  {}", FILES[0]),
        format!("{}  {}", &again[..64], FILES[0].to_uppercase()),
    ] {
        house.sign(format!("{lines}{line}\n"));
        house.check_by_policy(&[]).expect(1);
    }
}

// Names and places.

/// Moves the manifest and its signature.
fn rename(house: &House, to: &str) {
    for ending in ["", ".asc"] {
        std::fs::rename(
            house.at(format!("sha256sums.txt{ending}")),
            house.at(format!("{to}{ending}")),
        )
        .unwrap();
    }
}

#[test]
fn the_usual_names_of_manifests_are_found() {
    for name in [
        "sha256sums",
        "sha256sum.txt",
        "SHA256SUMS",
        "SHA256SUMS.txt",
        "SHASUMS256.txt",
        "checksums.txt",
        "hashes.txt",
    ] {
        let house = House::new();
        rename(&house, name);
        let path = house.check(&[]).expect(0).json()["manifest"]["path"].clone();
        assert_eq!(path, format!("./{name}"));
    }
    let house = House::new();
    rename(&house, "list.txt");
    assert_eq!(house.check(&[]).expect(1).errors(), ["manifest-missing"]);
    house.check(&["--manifest", "list.txt"]).expect(0);
}

#[test]
fn a_manifest_is_found_beside_inside_and_above_the_files() {
    let house = House::new();
    let path = |outcome: Outcome| outcome.json()["manifest"]["path"].clone();
    assert_eq!(path(house.check(&[]).expect(0)), "./sha256sums.txt");
    // Above: the directory of the files itself is named.
    let mut command = wheelproof();
    command
        .current_dir(house.at("wheels"))
        .args(["verify", ".", "--time", crate::signing::TODAY])
        .args(["--certs", "../keys", "--format", "json"]);
    assert_eq!(path(run(&mut command).expect(0)), "./../sha256sums.txt");
    // A directory without packages lies below a wheelhouse by chance.
    let mut elsewhere = wheelproof();
    elsewhere
        .current_dir(house.at("keys"))
        .args(["verify", ".", "--certs", ".", "--format", "json"]);
    assert_eq!(run(&mut elsewhere).expect(1).errors(), ["manifest-missing"]);
    // Inside: among the files, in the named directory and below it.
    rename(&house, "wheels/sha256sums.txt");
    assert_eq!(path(house.check(&[]).expect(0)), "./wheels/sha256sums.txt");
    assert_eq!(path(run(&mut command).expect(0)), "./sha256sums.txt");
}

#[test]
fn the_nearest_manifest_is_taken_and_one_among_the_files_is_unlisted_then() {
    let house = House::new();
    house.write("wheels/SHA256SUMS", House::lines());
    let outcome = house.check(&[]).expect(1);
    assert_eq!(outcome.errors(), ["file-unlisted"]);
    assert_eq!(outcome.json()["manifest"]["path"], "./sha256sums.txt");
}

#[test]
fn several_manifests_in_one_directory_are_never_chosen_from() {
    let house = House::new();
    house.write("SHA256SUMS", "");
    let error = house.text(&[]).expect(2).err();
    for name in ["./sha256sums.txt", "./SHA256SUMS", "--manifest"] {
        assert!(error.contains(name), "{error}");
    }
    let report = house.check(&[]).expect(2).json();
    assert_eq!(report["verdict"], "error");
    // A dangling link of such a name is one more.
    house.remove("SHA256SUMS");
    symlink("nowhere", house.at("SHA256SUMS")).unwrap();
    house.check(&[]).expect(2);
    // Saying which one is enough.
    house.check(&["--manifest", "sha256sums.txt"]).expect(0);
    // So is it for the directories below and above.
    house.remove("SHA256SUMS");
    rename(&house, "wheels/sha256sums.txt");
    house.check(&[]).expect(0);
    house.write("wheels/hashes.txt", "");
    house.check(&[]).expect(2);
}

#[test]
fn every_ending_of_a_signature_is_found() {
    for ending in ["asc", "sig", "gpg", "sign"] {
        let house = House::new();
        let to = house.at(format!("sha256sums.txt.{ending}"));
        std::fs::rename(house.at("sha256sums.txt.asc"), to).unwrap();
        house.check(&[]).expect(0);
    }
    let house = House::new();
    std::fs::rename(house.at("sha256sums.txt.asc"), house.at("sha256sums.asc")).unwrap();
    assert_eq!(house.check(&[]).expect(1).errors(), ["signature-missing"]);
}

#[test]
fn bad_signatures_are_let_through_by_policy_or_flag() {
    let house = House::new();
    let other = Signer::ordinary(2);
    house.write("keys/other.asc", other.certificate());
    house.write(
        "sha256sums.txt.sig",
        other.sign_plainly(b"another manifest"),
    );
    assert_eq!(house.check(&[]).expect(1).errors(), ["signature-bad"]);
    house.check(&["--bad-signatures", "accept"]).expect(0);
    house.write("wheelproof.toml", "[trust]\nbad-signatures = \"accept\"\n");
    let rules = house.check_by_policy(&[]).expect(0).rules();
    assert_eq!(rules, [("signature-bad".to_owned(), "note".to_owned())]);
    house.check(&["--bad-signatures", "refuse"]).expect(1);
    house.check_by_policy(&["--threshold", "2"]).expect(1);
}

#[test]
fn a_byte_order_mark_is_refused_and_a_list_of_comments_lists_nothing() {
    let house = House::new();
    house.sign(format!("\u{feff}{}", House::lines()));
    assert_eq!(
        house.check(&[]).expect(1).errors(),
        ["manifest-line-malformed"]
    );
    for manifest in [
        "",
        "# No files\n",
        "#\n\n\n",
        "# wheelproof: project=example\n",
    ] {
        house.sign(manifest);
        let errors = house.check(&[]).expect(1).errors();
        assert_eq!(errors[0], "manifest-empty", "{manifest:?}");
        assert_eq!(errors.len(), 1 + FILES.len());
    }
}

/// Returns what the program says under `ulimit -v`: half a gibibyte of addresses.
fn in_little_memory(house: &House, arguments: &str) -> Outcome {
    let script = format!("ulimit -v 524288; {arguments}");
    run(Command::new("bash")
        .current_dir(house.at(""))
        .args(["-c", &script, env!("CARGO_BIN_EXE_wheelproof")])
        .stdin(Stdio::null()))
}

#[test]
fn ten_million_lines_and_an_endless_pipe_take_bounded_memory() {
    let house = House::new();
    let verify = "\"$0\" verify . --certs keys --format json --time 2025-01-01T00:00:00Z";
    let lines = 10_000_000;
    house.sign(format!("{}{}", "#\n".repeat(lines), House::lines()));
    in_little_memory(&house, verify).expect(0);
    // Lines that are none: told a hundred times, and once that there are more.
    house.sign("x\n".repeat(lines));
    let outcome = in_little_memory(&house, verify).expect(1);
    let told = outcome.errors();
    let malformed = told
        .iter()
        .filter(|rule| *rule == "manifest-line-malformed");
    assert_eq!(malformed.count(), 101);
    for endless in ["manifest", "signature"] {
        let pipe = format!("yes | {verify} --{endless} /dev/stdin");
        let outcome = in_little_memory(&house, &pipe);
        assert!(
            matches!(outcome.code, Some(1 | 3)),
            "{endless}: {outcome:?}"
        );
        assert!(outcome.out().contains("is not a regular file"));
    }
}
