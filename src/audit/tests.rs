use super::*;

use crate::openpgp::{Cryptography, Threshold};

fn fact(verdict: SignatureVerdict, now: KeyState) -> SignatureFact {
    SignatureFact {
        path: "a.asc".to_owned(),
        number: 1,
        verdict,
        signer: None,
        user_id: None,
        key: None,
        created: None,
        hash: "SHA512".to_owned(),
        cryptography: Cryptography::Good,
        at_signing: KeyState::Unbound,
        now,
        reason: "a reason".to_owned(),
        advice: None,
    }
}

fn advice(verdict: SignatureVerdict, now: KeyState) -> String {
    let finding = signature(&fact(verdict, now), false, Tolerance::Refuse);
    finding.expect("it does not count").next.to_string()
}

#[test]
fn only_a_certificate_that_lost_its_bindings_is_to_be_had_in_an_older_copy() {
    use SignatureVerdict as V;
    assert!(advice(V::SignerUnbound, KeyState::Valid).contains("old self-signatures"));
    for (verdict, now) in [
        (V::SignerUnbound, KeyState::Unbound),
        (V::SignerUnbound, KeyState::Expired),
        (V::SignerExpiredWhenSigned, KeyState::Valid),
        (V::Bad, KeyState::Unbound),
    ] {
        assert!(
            !advice(verdict, now).contains("old self-signatures"),
            "{verdict:?} {now:?}"
        );
    }
}

#[test]
fn a_broken_frame_comes_with_the_advice_that_helps() {
    let advice = |kind| {
        clearsigned("a.asc", &ClearsignedFault { line: 2, kind })
            .next
            .to_string()
    };
    let detached = ClearsignedFaultKind::Detached {
        files: "a.sig".to_owned(),
    };
    assert!(advice(detached).contains("take the signature files away"));
    assert!(advice(ClearsignedFaultKind::CarriageReturn).contains("binary mode"));
    let other = advice(ClearsignedFaultKind::After);
    assert!(!other.contains("binary mode") && !other.contains("take the signature files"));
}

fn status(name: &str, status: Status) -> FileStatus {
    FileStatus {
        name: name.into(),
        line: (status != Status::Unlisted).then_some(3),
        expected: None,
        size: None,
        status,
    }
}

#[test]
fn another_spelling_of_a_listed_name_is_called_one() {
    // Both are the project `a-b` to installers (name normalization of the packaging
    // specifications).
    let listed = status("a_b-1.0-py3-none-any.whl", Status::Ok);
    let unlisted = |name| status(name, Status::Unlisted);
    let findings = files(
        Path::new("d"),
        "sha256sums.txt",
        &[
            listed.clone(),
            unlisted("A.B-1.0-py3-none-any.whl"),
            unlisted("c-1.0-py3-none-any.whl"),
        ],
        &[],
    );
    let found: Vec<_> = findings
        .iter()
        .map(|finding| finding.found.clone())
        .collect();
    let spelling = "'A.B-1.0-py3-none-any.whl', another spelling of 'a_b-1.0-py3-none-any.whl', which is listed";
    assert_eq!(found, [Some(spelling.to_owned()), None]);
    assert!(files(Path::new("d"), "sha256sums.txt", &[listed], &[]).is_empty());
}

#[test]
fn an_unlisted_page_comes_with_what_pip_does_with_pages() {
    for (name, expected) in [
        ("a.html", true),
        ("A.HTM", true),
        (".a.html.gz", true),
        ("a.htmlx", false),
        ("html", false),
    ] {
        let findings = files(Path::new("d"), "s", &[status(name, Status::Unlisted)], &[]);
        assert_eq!(findings[0].next == PAGE_ADVICE, expected, "{name}");
    }
}

#[test]
fn what_a_killed_run_of_ours_left_is_said_to_be_ours() {
    for (name, expected) in [
        (".sha256sums.txt.new", true),
        (".sha256sums.txt.asc.new", true),
        (".alice.sig.new", true),
        (".six-1.16.0-py2.py3-none-any.whl.new", false),
        ("sha256sums.txt.asc.new", false),
        (".sha256sums.txt.old", false),
        (".new", false),
    ] {
        let findings = files(
            Path::new("d"),
            "house/sha256sums.txt",
            &[status(name, Status::Unlisted)],
            &[],
        );
        let says_so = findings[0].next.contains("run that command again");
        assert_eq!(says_so, expected, "{name}");
        // It is a file that nobody signed all the same.
        assert_eq!(findings[0].rule.name, "file-unlisted");
    }
}

#[test]
fn a_document_in_the_place_of_a_signature_is_to_be_named_as_the_manifest() {
    let judgement = Judgement {
        facts: Vec::new(),
        threshold: Threshold {
            required: 1,
            met_by: Default::default(),
        },
        bad_signatures: Tolerance::Refuse,
        signed: None,
        authenticated: None,
    };
    for (bytes, expected) in [
        (&b"-----BEGIN PGP SIGNED MESSAGE-----\n"[..], true),
        (b"no signature", false),
    ] {
        let file = SignatureFile::parse("a.asc", bytes);
        let findings = signatures("a", &[file], &judgement);
        assert_eq!(
            findings[0].next.contains("--manifest"),
            expected,
            "{findings:?}"
        );
    }
}
