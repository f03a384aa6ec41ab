//! What the lives of certificates mean.

use std::collections::BTreeSet;

use crate::finding::{Finding, Severity, Subject, rules};
use crate::fingerprint::Fingerprint;
use crate::openpgp::{CertificateSummary, Certificates, KeyState, SignatureFact, SignatureVerdict};
use crate::policy::Trust;
use crate::time::UtcTime;

const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// Returns which revocations by designated revokers could not be checked. Where the
/// policy names signers, only theirs are looked at.
pub fn revocations(certificates: &Certificates, trust: &Trust, now: UtcTime) -> Vec<Finding> {
    certificates
        .unchecked_revocations(now)
        .into_iter()
        .filter(|unchecked| {
            trust.signers.is_empty() || trust.signers.contains(&unchecked.certificate)
        })
        .map(|unchecked| {
            let what = match unchecked.key == unchecked.certificate {
                true => format!("certificate {}", unchecked.certificate),
                false => format!(
                    "key {} of certificate {}",
                    unchecked.key, unchecked.certificate
                ),
            };
            let revoker = &unchecked.revoker;
            let finding = Finding::new(&rules::REVOCATION_UNCHECKED, Subject::default());
            match unchecked.is_at_hand {
                true => finding
                    .found(format!(
                        "{what}: a revocation by {revoker}, of an algorithm that cannot be \
                         checked here"
                    ))
                    .next("check it with another program, and ask the signer"),
                false => finding.found(format!(
                    "{what}: a revocation that says it is by {revoker}, whose certificate is not \
                     there"
                )),
            }
        })
        .collect()
}

/// Returns which certificates cannot sign now, or will not be able to in so many
/// days. Where the policy names signers, only they are looked at.
pub fn certificate_states(
    certificates: &[CertificateSummary],
    days: u32,
    now: UtcTime,
) -> Vec<Finding> {
    let any_pinned = certificates.iter().any(|certificate| certificate.pinned);
    certificates
        .iter()
        .filter(|certificate| certificate.pinned || !any_pinned)
        .filter_map(|certificate| {
            if certificate.state != KeyState::Valid {
                let reasons: Vec<String> = certificate
                    .keys
                    .iter()
                    .map(|key| format!("{} is {}", key.fingerprint, key.reason))
                    .collect();
                return Some(
                    Finding::new(&rules::CERTIFICATE_UNUSABLE, Subject::default()).found(format!(
                        "certificate {}: {}",
                        certificate.fingerprint,
                        reasons.join("; ")
                    )),
                );
            }
            let lapses = certificate.lapses?;
            let left = days_until(lapses, now);
            (left < i64::from(days)).then(|| {
                Finding::new(&rules::CERTIFICATE_LAPSES_SOON, Subject::default())
                    .severity(Severity::Error)
                    .found(format!(
                        "certificate {}: good until {lapses}, {}",
                        certificate.fingerprint,
                        in_days(left)
                    ))
            })
        })
        .collect()
}

/// Returns which keys that made a signature which counts will expire in so many
/// days. The signature will not count from then on, unless the key is extended.
pub fn lapsing_signers(
    certificates: &[CertificateSummary],
    facts: &[SignatureFact],
    days: u32,
    now: UtcTime,
) -> Vec<Finding> {
    let mut told: BTreeSet<&Fingerprint> = BTreeSet::new();
    let mut findings = Vec::new();
    for fact in facts {
        if fact.verdict != SignatureVerdict::Good {
            continue;
        }
        let key = certificates
            .iter()
            .filter(|certificate| Some(&certificate.fingerprint) == fact.signer.as_ref())
            .flat_map(|certificate| &certificate.keys)
            .find(|key| Some(key.fingerprint.as_str()) == fact.key.as_deref());
        let Some((key, expires)) = key.and_then(|key| Some((key, key.expires?))) else {
            continue;
        };
        let left = days_until(expires, now);
        // A key that has expired already is told by the signature, or the policy
        // does not care.
        if key.state == KeyState::Valid && left < i64::from(days) && told.insert(&key.fingerprint) {
            findings.push(
                Finding::new(&rules::CERTIFICATE_LAPSES_SOON, Subject::default()).found(format!(
                    "key {} of certificate {}: good until {expires}, {}",
                    key.fingerprint,
                    fact.signer.as_ref().map_or("", Fingerprint::as_str),
                    in_days(left)
                )),
            );
        }
    }
    findings
}

/// Returns how many whole days are left.
fn days_until(time: UtcTime, now: UtcTime) -> i64 {
    time.unix_seconds()
        .saturating_sub(now.unix_seconds())
        .div_euclid(SECONDS_A_DAY)
}

fn in_days(days: i64) -> String {
    match days {
        0 => "less than a day away".to_owned(),
        1 => "1 day away".to_owned(),
        _ => format!("{days} days away"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_as_people_say_them() {
        for (days, words) in [
            (0, "less than a day away"),
            (1, "1 day away"),
            (2, "2 days away"),
            (-1, "-1 days away"),
        ] {
            assert_eq!(in_days(days), words);
        }
    }
}
