//! Clearsigned manifests, held against gpg and sq.

use std::process::{Command, Stdio};

use sequoia_openpgp::armor;
use sequoia_openpgp::types::{HashAlgorithm, SignatureType};

use crate::common::{FILES, House, Outcome, WHEEL, has_program, run};
use crate::gnupg::Gpg;
use crate::signing::{SIGNED, Signer, Wish, armored, plan, wish};

/// A wish for the signature of a clearsigned document.
fn over_text() -> Wish {
    Wish {
        kind: SignatureType::Text,
        ..wish()
    }
}

/// Returns what is hashed for a text: its lines without blanks at the end, CR LF
/// between them and none after the last (RFC 9580, section 7).
fn hashed(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.trim_end_matches([' ', '\t']))
        .collect();
    lines.join("\r\n")
}

/// Returns a document with these header lines.
fn framed(headers: &str, text: &str, signatures: &[Vec<u8>]) -> String {
    let body: String = text
        .lines()
        .map(|line| match line.starts_with('-') {
            true => format!("- {line}\n"),
            false => format!("{line}\n"),
        })
        .collect();
    let armor = armored(armor::Kind::Signature, &signatures.concat());
    let armor = String::from_utf8(armor).unwrap();
    format!("-----BEGIN PGP SIGNED MESSAGE-----\n{headers}\n{body}{armor}")
}

/// Returns a document with one signature.
fn clearsign(signer: &Signer, text: &str) -> String {
    let signature = signer.sign_binary(over_text(), hashed(text).as_bytes());
    framed("Hash: SHA512\n", text, &[signature])
}

/// Returns a house whose only manifest is this clearsigned one.
fn house_with(document: impl AsRef<[u8]>) -> House {
    let house = House::new();
    house.remove("sha256sums.txt");
    house.write("sha256sums.txt.asc", document);
    house
}

/// Returns a house with an ordinary document.
fn house() -> House {
    house_with(clearsign(&Signer::ordinary(1), &House::lines()))
}

/// Returns whether sq counts the document as good; `None` where it is not there.
fn sq_says(house: &House, name: &str) -> Option<bool> {
    if !has_program("sq") {
        return None;
    }
    // The flag had another name up to version 0.28.
    let help = run(Command::new("sq").args(["verify", "--help"]));
    let flag = match help.out().contains("--signer-cert") {
        true => "--signer-cert",
        false => "--signer-file",
    };
    let output = Command::new("sq")
        .args(["verify", flag])
        .arg(house.at("keys/signer.asc"))
        .arg(house.at(name))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Some(output.status.success())
}

/// Returns whether gpg counts the document as good; `None` where it is not there.
fn gpg_says(house: &House, name: &str) -> Option<bool> {
    if !has_program("gpg") {
        return None;
    }
    let home = tempfile::tempdir().unwrap();
    let gpg = |arguments: &[&str]| {
        run(Command::new("gpg")
            .arg("--homedir")
            .arg(home.path())
            .args(["--batch", "--quiet", "--no-tty", "--no-autostart"])
            .args(["--trust-model", "always"])
            .args(arguments)
            .stdin(Stdio::null()))
    };
    let certificate = house.at("keys/signer.asc");
    gpg(&["--import", certificate.to_str().unwrap()]).expect(0);
    let document = house.at(name);
    Some(gpg(&["--verify", document.to_str().unwrap()]).code == Some(0))
}

#[test]
fn a_clearsigned_manifest_alone_is_manifest_and_signature() {
    let house = house();
    let outcome = house.check(&[]).expect(0);
    let report = outcome.json();
    assert_eq!(report["manifest"]["path"], "./sha256sums.txt.asc");
    assert_eq!(report["manifest"]["entries"], 6);
    assert_eq!(report["signatures"][0]["path"], "./sha256sums.txt.asc");
    assert_eq!(report["signatures"][0]["created"], SIGNED);
    assert_ne!(sq_says(&house, "sha256sums.txt.asc"), Some(false));
    assert_ne!(gpg_says(&house, "sha256sums.txt.asc"), Some(false));
    // Under the plain name, under another one, and among the files.
    for name in ["sha256sums.txt", "SHA256SUMS.asc", "wheels/SHA256SUMS"] {
        let to = house.at(name);
        std::fs::rename(house.at("sha256sums.txt.asc"), &to).unwrap();
        house.check(&[]).expect(0);
        std::fs::rename(&to, house.at("sha256sums.txt.asc")).unwrap();
    }
    std::fs::rename(house.at("sha256sums.txt.asc"), house.at("list")).unwrap();
    assert_eq!(house.check(&[]).expect(1).errors(), ["manifest-missing"]);
    house.check(&["--manifest", "list"]).expect(0);
}

#[test]
fn what_gpg_clearsigns_we_accept_and_what_is_changed_in_it_we_do_not() {
    for algorithm in ["ed25519", "rsa2048"] {
        let Some(gpg) = Gpg::new(algorithm) else {
            return;
        };
        let plain = House::lines();
        for text in [
            plain.clone(),
            plain.trim_end().to_owned(),
            format!("# blanks at the end  \t\n{plain}"),
            format!("{plain}\n"),
            format!("{plain}# end"),
            format!("\n{plain}"),
        ] {
            let house = House::new();
            house.write("keys/signer.asc", gpg.export());
            house.write("text", &text);
            house.remove("sha256sums.txt");
            house.remove("sha256sums.txt.asc");
            let (from, to) = (house.at("text"), house.at("sha256sums.txt.asc"));
            let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
            gpg.run("20240601T000000", &["--output", to, "--clearsign", from])
                .expect(0);
            let report = house.check(&[]).expect(0).json();
            assert_eq!(report["manifest"]["entries"], 6);
            assert_ne!(sq_says(&house, "sha256sums.txt.asc"), Some(false));
            // Every digit of every line counts.
            let document = std::fs::read_to_string(to).unwrap();
            let digit = document.find(&plain[..64]).unwrap();
            let other = match &document[digit..=digit] {
                "0" => "1",
                _ => "0",
            };
            let mut changed = document.clone();
            changed.replace_range(digit..=digit, other);
            house.write("sha256sums.txt.asc", &changed);
            assert_eq!(house.check(&[]).expect(1).errors()[0], "signature-bad");
            assert_eq!(gpg.run("20240601T000000", &["--verify", to]).code, Some(1));
        }
    }
}

#[test]
fn lines_that_gpg_escapes_are_read_as_they_were_before() {
    let Some(gpg) = Gpg::new("ed25519") else {
        return;
    };
    for line in ["-x", "- x", "-----BEGIN PGP SIGNATURE-----", "From x"] {
        let house = house_with("");
        house.write("keys/signer.asc", gpg.export());
        house.write("text", format!("{}{line}\n", House::lines()));
        let (from, to) = (house.at("text"), house.at("sha256sums.txt.asc"));
        let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
        gpg.run("20240601T000000", &["--output", to, "--clearsign", from])
            .expect(0);
        // The signature holds over it, and it is no entry.
        let outcome = house.check(&[]).expect(1);
        assert_eq!(outcome.errors(), ["manifest-line-malformed"], "{line}");
        assert_eq!(outcome.json()["signatures"][0]["verdict"], "good");
    }
}

#[test]
fn blanks_at_line_ends_are_neither_signed_nor_handed_on() {
    // Blanks at line ends are not signed: they may come and go on the way, and are
    // not handed on.
    let house = house();
    let document = std::fs::read_to_string(house.at("sha256sums.txt.asc")).unwrap();
    house.write(
        "sha256sums.txt.asc",
        document.replace(".whl\n", ".whl \t\n"),
    );
    house.check(&[]).expect(0);
    assert_ne!(sq_says(&house, "sha256sums.txt.asc"), Some(false));
    assert_ne!(gpg_says(&house, "sha256sums.txt.asc"), Some(false));
    // Other blanks are signed: a no-break space is a part of the name.
    house.write(
        "sha256sums.txt.asc",
        document.replace(".whl\n", ".whl\u{a0}\n"),
    );
    assert_eq!(house.check(&[]).expect(1).errors()[0], "signature-bad");
    assert_ne!(gpg_says(&house, "sha256sums.txt.asc"), Some(true));
}

#[test]
fn several_signatures_in_the_one_block_all_count() {
    let text = House::lines();
    let (one, two) = (Signer::ordinary(1), Signer::ordinary(2));
    let by = |signer: &Signer, hash| {
        signer.sign_binary(
            Wish {
                hash,
                ..over_text()
            },
            hashed(&text).as_bytes(),
        )
    };
    let signatures = [
        by(&one, HashAlgorithm::SHA512),
        by(&two, HashAlgorithm::SHA256),
    ];
    for headers in [
        "Hash: SHA512,SHA256\n",
        "Hash: SHA256\nHash: SHA512\n",
        "Hash: SHA512, SHA256\n",
    ] {
        let house = house_with(framed(headers, &text, &signatures));
        house.write("keys/two.asc", two.certificate());
        let report = house.check(&["--threshold", "2"]).expect(0).json();
        assert_eq!(report["signatures"].as_array().unwrap().len(), 2);
        house.check(&["--threshold", "3"]).expect(1);
    }
    // One who signs twice is one.
    let twice = [signatures[0].clone(), signatures[0].clone()];
    let house = house_with(framed("Hash: SHA512\n", &text, &twice));
    assert_eq!(
        house.check(&["--threshold", "2"]).expect(1).errors(),
        ["threshold-not-met"]
    );
}

#[test]
fn a_signature_of_version_6_needs_no_header() {
    let signer = Signer::new(crate::signing::Plan {
        version: 6,
        ..plan(1)
    });
    let text = House::lines();
    let signature = signer.sign_binary(over_text(), hashed(&text).as_bytes());
    let house = house_with(framed("", &text, &[signature]));
    house.write("keys/signer.asc", signer.certificate());
    house.check(&[]).expect(0);
}

#[test]
fn every_break_of_the_frame_is_refused_with_its_line() {
    let good = clearsign(&Signer::ordinary(1), &House::lines());
    let other = clearsign(&Signer::ordinary(1), "# another\n");
    let entry = format!("{}  extra\n", &House::lines()[..64]);
    let header = |line: &str| good.replace("Hash: SHA512\n", line);
    for (name, document, line, says) in [
        ("an entry before", format!("{entry}{good}"), 1, "before"),
        ("an empty line before", format!("\n{good}"), 1, "before"),
        ("a byte order mark", format!("\u{feff}{good}"), 1, "before"),
        (
            "more on the first line",
            good.replacen("MESSAGE-----", "MESSAGE----- ", 1),
            1,
            "before",
        ),
        ("an entry after", format!("{good}{entry}"), 18, "after"),
        ("two documents", format!("{good}{other}"), 18, "second"),
        (
            "one in the other",
            good.replacen(&House::lines(), &format!("{}{other}", House::lines()), 1),
            10,
            "second",
        ),
        ("no header", header(""), 9, "SHA512"),
        ("another header", header("Hash: SHA256\n"), 10, "SHA512"),
        (
            "one header too many",
            header("Hash: SHA512,SHA256\n"),
            10,
            "SHA256",
        ),
        (
            "a weak header too",
            header("Hash: SHA512\nHash: MD5\n"),
            11,
            "MD5",
        ),
        ("no hash", header("Hash: \n"), 2, "''"),
        ("an unknown hash", header("Hash: SHA513\n"), 2, "SHA513"),
        (
            "a comment",
            header("Hash: SHA512\nComment: x\n"),
            3,
            "Comment",
        ),
        (
            "an entry among the headers",
            header(&format!("Hash: SHA512\n{entry}")),
            3,
            "no Hash header",
        ),
        (
            "a blank line that is not empty",
            good.replacen("SHA512\n\n", "SHA512\n \n\n", 1),
            3,
            "no Hash header",
        ),
        (
            "NotDashEscaped",
            header("Hash: SHA512\nNotDashEscaped: You need GnuPG\n"),
            3,
            "NotDashEscaped",
        ),
        (
            "a hyphen",
            good.replacen("SHA512\n\n", "SHA512\n\n-x\n", 1),
            4,
            "hyphen",
        ),
        (
            "a CR in a line",
            good.replacen(".whl\n", ".whl\rx\n", 1),
            4,
            "CR",
        ),
        (
            "CR LF in some lines",
            good.replace(".whl\n", ".whl\r\n"),
            4,
            "CR LF",
        ),
        (
            "no signature",
            good.split("-----BEGIN PGP SIGNATURE")
                .next()
                .unwrap()
                .to_owned(),
            9,
            "text",
        ),
        (
            "half a signature",
            good.split("-----END PGP").next().unwrap().to_owned(),
            16,
            "signature",
        ),
        (
            "the end of another",
            good.replace(
                "-----END PGP SIGNATURE-----",
                "-----END PGP SIGNATURE----- ",
            ),
            17,
            "signature",
        ),
    ] {
        let house = house_with(&document);
        let outcome = house.check(&[]).expect(1);
        assert_eq!(outcome.errors(), ["clearsigned-malformed"], "{name}");
        let report = outcome.json();
        let finding = &report["findings"][0];
        assert_eq!(finding["subject"]["line"], line, "{name}: {finding}");
        let found = finding["found"].as_str().unwrap();
        assert!(found.contains(says), "{name}: {found}");
        // Nothing in it is believed.
        assert_eq!(report["files"], serde_json::json!([]), "{name}");
        assert_eq!(report["manifest"]["entries"], serde_json::Value::Null);
    }
    // Innocent neighbours: an empty line at the end, CR LF at every end, as OpenPGP.js
    // and rnp write it, and in some lines where it is accepted.
    house_with(format!("{good}\n")).check(&[]).expect(0);
    let house = house_with(good.replace(".whl\n", ".whl\r\n"));
    house.check(&["--crlf", "accept"]).expect(0);
    let house = house_with(good.replace('\n', "\r\n"));
    house.check(&[]).expect(0);
    assert_ne!(sq_says(&house, "sha256sums.txt.asc"), Some(false));
}

#[test]
fn look_alikes_of_the_frame_are_no_frame() {
    let good = clearsign(&Signer::ordinary(1), &House::lines());
    // Hyphens and spaces that are none, in the first line: no document at all then.
    for document in [
        good.replacen("-----BEGIN", "\u{2010}----BEGIN", 1),
        good.replacen("BEGIN PGP", "BEGIN\u{a0}PGP", 1),
        good.replacen("SIGNED", "SI\u{200b}GNED", 1),
    ] {
        let house = house_with(&document);
        let errors = house.check(&[]).expect(1).errors();
        assert_eq!(errors, ["manifest-missing"]);
        let named = house.check(&["--manifest", "sha256sums.txt.asc"]).expect(1);
        assert_eq!(named.errors(), ["signature-missing"]);
    }
    // In the text such a line is a line of the text.
    let house = house_with(good.replacen(
        "-----BEGIN PGP SIGNATURE",
        "\u{2010}----BEGIN PGP SIGNATURE-----\n-----BEGIN PGP SIGNATURE",
        1,
    ));
    assert_eq!(house.check(&[]).expect(1).errors()[0], "signature-bad");
}

#[test]
fn only_signatures_over_the_text_itself_count() {
    let text = House::lines();
    let signer = Signer::ordinary(1);
    let document = |wish: Wish, data: &str| {
        framed(
            "Hash: SHA512\n",
            &text,
            &[signer.sign_binary(wish, data.as_bytes())],
        )
    };
    let with = |document: String| house_with(document).check(&[]).expect(1).errors();
    // Over bytes, as a detached signature is.
    for data in [hashed(&text), text.clone()] {
        assert_eq!(with(document(wish(), &data)), ["no-trusted-signature"]);
    }
    // Over the text with the line end that does not belong to it, or with others.
    for data in [
        format!("{}\r\n", hashed(&text)),
        text.clone(),
        text.trim_end().to_owned(),
    ] {
        assert_eq!(with(document(over_text(), &data))[0], "signature-bad");
    }
    house_with(document(over_text(), &hashed(&text)))
        .check(&[])
        .expect(0);
}

#[test]
fn verdicts_about_signatures_are_the_same_as_for_detached_ones() {
    let text = House::lines();
    let signer = Signer::ordinary(1);
    for (hash, header, rule) in [
        (HashAlgorithm::SHA1, "Hash: SHA1\n", "signature-weak-hash"),
        (HashAlgorithm::MD5, "Hash: MD5\n", "signature-weak-hash"),
    ] {
        let wish = Wish {
            hash,
            ..over_text()
        };
        let signature = signer.sign_binary(wish, hashed(&text).as_bytes());
        let house = house_with(framed(header, &text, &[signature]));
        assert_eq!(house.check(&[]).expect(1).errors()[0], rule);
    }
    let house = house();
    let errors = house
        .check(&["--not-before", "2024-07-01T00:00:00Z"])
        .expect(1)
        .errors();
    assert_eq!(errors[0], "signature-too-old");
    house.write("keys/signer.asc", Signer::ordinary(7).certificate());
    assert_eq!(
        house.check(&[]).expect(1).errors(),
        ["no-trusted-signature"]
    );
}

#[test]
fn line_numbers_are_those_of_the_file() {
    let text = format!("{}junk\n", House::lines());
    let house = house_with(clearsign(&Signer::ordinary(1), &text));
    let report = house.check(&[]).expect(1).json();
    // Three lines of the frame, six of the list.
    assert_eq!(report["findings"][0]["subject"]["line"], 10);
    let house = self::house();
    house.remove(&format!("wheels/{WHEEL}"));
    let report = house.check(&[]).expect(1).json();
    let place = FILES.iter().position(|name| *name == WHEEL).unwrap();
    assert_eq!(report["findings"][0]["subject"]["line"], 4 + place);
}

#[test]
fn a_clearsigned_document_and_signature_files_do_not_go_together() {
    // A clearsigned manifest with a signature beside it.
    let house = house();
    let document = std::fs::read(house.at("sha256sums.txt.asc")).unwrap();
    house.remove("sha256sums.txt.asc");
    house.write("sha256sums.txt", &document);
    house.check(&[]).expect(0);
    house.write(
        "sha256sums.txt.sig",
        Signer::ordinary(1).sign_plainly(&document),
    );
    let outcome = house.check(&[]).expect(1);
    assert_eq!(outcome.errors(), ["clearsigned-malformed"]);
    assert!(outcome.out().contains("sha256sums.txt.sig"));
    // A clearsigned copy beside the plain manifest.
    house.remove("sha256sums.txt.sig");
    house.write("sha256sums.txt", House::lines());
    house.write("sha256sums.txt.asc", &document);
    let outcome = house.check(&[]).expect(1);
    assert_eq!(
        outcome.errors(),
        ["signature-malformed", "no-trusted-signature"]
    );
    assert!(outcome.out().contains("--manifest"));
    house.check(&["--manifest", "sha256sums.txt.asc"]).expect(0);
}

/// Returns every rule of an outcome with severity "error".
fn errors_of(document: &[u8]) -> (Option<i32>, Vec<String>) {
    let outcome: Outcome = house_with(document).check(&[]);
    (outcome.code, outcome.errors())
}

#[test]
fn no_cut_and_no_changed_byte_of_the_text_passes() {
    let good = clearsign(&Signer::ordinary(1), &House::lines()).into_bytes();
    let text = good.windows(2).position(|two| two == b"\n\n").unwrap() + 2;
    let end = text + House::lines().len();
    // A step that is prime to the length of the lines, so that all parts are hit.
    for at in (text..end).step_by(37) {
        let mut changed = good.clone();
        changed[at] ^= 1;
        let (code, errors) = errors_of(&changed);
        assert_eq!(code, Some(1), "{at}: {errors:?}");
    }
    for length in (0..good.len() - 1).step_by(41) {
        let (code, errors) = errors_of(&good[..length]);
        assert_eq!(code, Some(1), "{length}: {errors:?}");
    }
}
