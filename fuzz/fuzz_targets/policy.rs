//! A policy that may be anything: it is refused with a place in it, or its values
//! are in their ranges; and a draft made of any words is a policy that says no more
//! than the draft.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use wheelproof::policy::{Draft, Policy, PolicyError, SuggestedSigner};

const SIGNER: &str = "0BC135125EB2FF9A0F88EE1CC65FF007C75766ED";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let path = Path::new("dir/wheelproof.toml");
    match Policy::parse(path, text) {
        Ok(policy) => {
            assert_eq!(Policy::parse(path, text).expect("the same text"), policy);
            let limits = policy.wheelhouse.limits;
            assert!(limits.members > 0 && limits.ratio > 0);
            assert!(limits.member_bytes > 0 && limits.total_bytes > 0);
            // An absolute path replaces the directory; nothing else leaves it.
            for certificates in &policy.trust.certificates {
                assert!(certificates.is_absolute() || certificates.starts_with("dir"));
            }
            // Each signer and each name that may be there is written out somewhere.
            let digits: String = text
                .to_uppercase()
                .chars()
                .filter(|c| c.is_ascii_hexdigit())
                .collect();
            for signer in &policy.trust.signers {
                assert!(digits.contains(signer.as_str()) || text.contains('\\'));
            }
        }
        Err(PolicyError::Invalid {
            line,
            column,
            message,
            ..
        }) => {
            assert!(line >= 1 && line <= text.lines().count() + 1, "line {line}");
            assert!(column >= 1);
            assert!(!message.is_empty());
        }
        Err(PolicyError::Read(error)) => panic!("nothing was read: {error}"),
    }

    let mut words = text.split('|').map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    let draft = Draft {
        certificates: vec![word()],
        signers: vec![SuggestedSigner {
            fingerprint: SIGNER.parse().expect("a fingerprint"),
            user_id: word(),
            objection: None,
        }],
        manifest: Some(word()),
        directory: Some(word()),
        signatures: vec![word(), word()],
        ..Draft::default()
    };
    let policy = Policy::parse(path, &draft.to_toml()).expect("a draft is a policy");
    let at = |name: &String| Path::new("dir").join(name);
    assert_eq!(policy.trust.certificates, [at(&draft.certificates[0])]);
    assert_eq!(
        policy
            .trust
            .signers
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [SIGNER]
    );
    assert_eq!(policy.trust.threshold.get(), 1);
    assert_eq!(policy.wheelhouse.manifest, draft.manifest.as_ref().map(at));
    assert_eq!(
        policy.wheelhouse.directory,
        draft.directory.as_ref().map(at)
    );
    assert_eq!(
        policy.wheelhouse.signatures,
        draft.signatures.iter().map(at).collect::<Vec<_>>()
    );
    assert!(policy.wheelhouse.allow_unlisted.is_empty());
});
