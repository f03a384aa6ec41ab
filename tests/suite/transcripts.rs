//! What a release manager reads late at night, word for word. Change a transcript
//! only after reading it as they would.

use std::os::unix::fs::symlink;

use crate::common::{FILES, House, run};
use crate::signing::Signer;

/// Compares a report with what it has to say; shows both whole.
#[track_caller]
fn reads(found: &str, expected: &str) {
    assert_eq!(
        found, expected,
        "\n--- found\n{found}\n--- expected\n{expected}"
    );
}

#[test]
fn a_pass_says_who_signed_when_and_how_many_files() {
    let house = House::new();
    reads(
        &house.text(&[]).expect(0).out(),
        "\
signatures
  good           78715D842D226170679FA002AAAB3798BBD72B23  Signer 1 <test-only@wheelproof.invalid>
                 signed 2024-06-01T00:00:00Z, SHA512; the key was valid then and is now
  1 signer counts, 1 required; judged as of 2025-01-01T00:00:00Z

manifest  ./sha256sums.txt, 6 files
files     6 ok (67.4 KiB)

PASS: everything asked for holds
",
    );
}

#[test]
fn a_failure_says_of_each_file_what_where_and_what_to_do() {
    let house = House::new();
    house.remove(&format!("wheels/{}", FILES[1]));
    house.write(&format!("wheels/{}", FILES[4]), "not a wheel\n");
    house.write("wheels/.x.html", "<a href=x>");
    symlink("/etc/passwd", house.wheel("link")).unwrap();
    reads(
        &house.text(&["--quiet"]).expect(1).out(),
        "\
error[file-unlisted]: a file is not in the signed manifest
  where:    ./wheels/.x.html
  next:     remove it; pip reads such a page and follows its links to other places

error[symlink]: a symbolic link stands in the wheelhouse
  where:    ./wheels/link
  next:     replace the link with the file itself

error[file-missing]: a file of the manifest is missing
  where:    ./wheels/wheelproof_example_count-2.1.0.tar.gz (./sha256sums.txt, line 2)
  expected: 5fe137a20bc1008279d7a5d66d565245285892a0c774c4a78b83097ef006b640
  next:     fetch the file; if it was dropped on purpose, sign a manifest without it

error[hash-mismatch]: a file differs from the signed manifest
  where:    ./wheels/wheelproof_example_units-0.3.0-py3-none-any.whl (./sha256sums.txt, line 5)
  expected: 8d7974dc7be60c60479ce0ba274c875f3641ac5324c4220604a0eb827b177565
  found:    CHANGED
  next:     fetch the file again; if the change is intended, sign a new manifest

FAIL: do not use this wheelhouse (4 errors)
"
        .replace("CHANGED", &crate::common::sha256sum(&house.wheel(FILES[4])))
        .as_str(),
    );
}

#[test]
fn a_signer_who_does_not_count_is_told_with_the_reason() {
    let house = House::new();
    let expired = Signer::new(crate::signing::Plan {
        expires: Some("2024-07-01T00:00:00Z"),
        ..crate::signing::plan(2)
    });
    house.write("keys/other.asc", expired.certificate());
    house.write(
        "sha256sums.txt.sig",
        expired.sign_plainly(House::lines().as_bytes()),
    );
    let policy = "[trust]\nthreshold = 2\n";
    house.write("wheelproof.toml", policy);
    let mut command = house.verify(&["--certs", "keys"]);
    reads(
        &run(&mut command).expect(1).out(),
        "\
signatures
  good           78715D842D226170679FA002AAAB3798BBD72B23  Signer 1 <test-only@wheelproof.invalid>
                 signed 2024-06-01T00:00:00Z, SHA512; the key was valid then and is now (./sha256sums.txt.asc)
  key expired    SECOND  Signer 2 <test-only@wheelproof.invalid>
                 signed 2024-06-01T00:00:00Z, SHA512; when it signed: valid; now: expired, the certificate was good until 2024-07-01T00:00:00Z (./sha256sums.txt.sig)
  1 signer counts, 2 required; judged as of 2025-01-01T00:00:00Z

policy    ./wheelproof.toml, sha256 DIGEST, which lies in the checked directory

manifest  ./sha256sums.txt, not read: not enough trusted signers

error[signer-expired-since]: the signer's key was valid when it signed and has expired since
  where:    ./sha256sums.txt.sig
  found:    signature 1 by SECOND: when it signed: valid; now: expired, the certificate was good until 2024-07-01T00:00:00Z
  next:     fetch the signer's current certificate; to audit old files set --time, or key-validity = \"at-signing\"

error[threshold-not-met]: fewer signers than the policy asks for
  where:    ./sha256sums.txt
  expected: 2 distinct signers
  found:    1 signer that counts in 2 signatures
  next:     collect the missing signatures; one signer counts once, however often it signed

FAIL: do not use this wheelhouse (2 errors)
"
        .replace("SECOND", &expired.fingerprint().to_string())
        .replace("DIGEST", &crate::common::sha256sum(&house.at("wheelproof.toml")))
        .as_str(),
    );
}

#[test]
fn a_manifest_without_a_signature_is_one_error() {
    let house = House::new();
    house.remove("sha256sums.txt.asc");
    reads(
        &house.text(&[]).expect(1).out(),
        "\
manifest  ./sha256sums.txt, not read: not enough trusted signers

error[signature-missing]: the manifest has no signature
  where:    ./sha256sums.txt.asc
  next:     fetch the signature file that was published with the manifest

FAIL: do not use this wheelhouse (1 error)
",
    );
}

#[test]
fn a_policy_error_says_where_and_what_would_be_right() {
    let house = House::new();
    house.write("wheelproof.toml", "[trust]\nkey-validity = \"always\"\n");
    let outcome = house.text(&[]).expect(2);
    reads(&outcome.out(), "");
    reads(
        &outcome.err(),
        "\
error: ./wheelproof.toml:2:16: 'always' is none of: at-signing, now, both
    |
  2 | key-validity = \"always\"
    |                ^^^^^^^^
  next:     see docs/policy.md for what a policy may say
",
    );
}

#[test]
fn nothing_at_all_is_told_as_nothing() {
    let house = House::new();
    std::fs::create_dir(house.at("empty")).unwrap();
    let outcome = run(crate::common::wheelproof()
        .current_dir(house.at(""))
        .args(["verify", "empty", "--certs", "keys"]))
    .expect(4);
    reads(
        &outcome.out(),
        "\
error[manifest-missing]: there is no manifest
  where:    empty
  next:     name it with --manifest, or put sha256sums.txt and its signature into the directory

EMPTY: there is nothing to check (1 error)
",
    );
}
