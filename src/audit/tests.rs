use super::*;

use crate::openpgp::Cryptography;

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
