//! Certificates, and nothing else.

use super::Request;
use super::trouble;
use crate::audit;
use crate::openpgp::Certificates;
use crate::report::Report;

/// Says what the trusted certificates are worth now, and which lapse in the days
/// that the policy says.
pub fn certs(request: &Request) -> Report {
    let mut report = request.judging_report("certs");
    let trust = &request.policy.trust;
    let certificates = match Certificates::load(&trust.certificates) {
        Ok(certificates) => certificates,
        Err(error) => {
            let next = "name the signers' certificates with --certs or in the policy";
            report.errors.push(trouble(&error, next));
            return report;
        }
    };
    report.certificates = certificates.summaries(&trust.signers, request.reference_time);
    report
        .findings
        .extend(audit::certificates(&certificates, trust));
    report.findings.extend(audit::revocations(
        &certificates,
        trust,
        request.reference_time,
    ));
    report.findings.extend(audit::certificate_states(
        &report.certificates,
        trust.lapse_warning_days,
        request.reference_time,
    ));
    report.is_empty = certificates.is_empty() && report.findings.is_empty();
    report
}
