//! Reports as JUnit XML, which continuous integration shows beside its own tests.
//!
//! A suite for each step, a case for each thing that was judged. A finding of
//! severity error and a wheel that differs are failures; what could not be done is an
//! error; what was not selected or does not count is skipped. Attributes and elements
//! are those that the common schemas have (`testsuites`, `testsuite`, `testcase`,
//! `failure`, `error`, `skipped`, `system-out`). There are times only where the report
//! has durations: else equal input would not give equal bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::certificates::state_word;
use super::markup::Markup;
use super::text::{finding_lines, place, verdict_word};
use super::{ComparisonReport, EnvironmentReport, FileKind, RebuildOutcome, RebuildSummary};
use super::{Report, Verdict};
use crate::compare::Difference;
use crate::explain::{Attributed, Cause, Proof, Unexplained};
use crate::finding::{Finding, Severity};
use crate::openpgp::SignatureVerdict;

/// How many lines of text one case has at most.
const LINES: usize = 200;

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Judged {
    Passed,
    Failed(String),
    Error(String),
    Skipped(String),
}

/// One thing that was judged.
#[derive(Debug, Clone)]
struct Case {
    name: String,
    result: Judged,
    /// What there is to read about it.
    lines: Vec<String>,
    seconds: Option<f64>,
}

impl Case {
    fn new(name: impl Into<String>, result: Judged) -> Self {
        Self {
            name: name.into(),
            result,
            lines: Vec::new(),
            seconds: None,
        }
    }

    fn lines(mut self, lines: Vec<String>) -> Self {
        self.lines = lines;
        self
    }
}

/// The cases of one step.
#[derive(Debug)]
struct Suite {
    name: &'static str,
    cases: Vec<Case>,
}

impl Report {
    /// Returns the report as JUnit XML.
    pub fn to_junit(&self) -> String {
        let mut suites = vec![
            self.policy_suite(),
            self.signatures_suite(),
            self.files_suite(),
            self.requirements_suite(),
            self.certificates_suite(),
            self.findings_suite(),
            self.rebuilds_suite(),
            Suite {
                name: "update",
                cases: self
                    .update
                    .iter()
                    .flat_map(|update| update.lines())
                    .map(|(word, text)| Case::new(format!("{word} {text}"), Judged::Passed))
                    .collect(),
            },
            Suite {
                name: "errors",
                cases: self
                    .errors
                    .iter()
                    .map(|error| {
                        Case::new(&error.message, Judged::Error(error.message.clone()))
                            .lines(vec![format!("next: {}", error.next)])
                    })
                    .collect(),
            },
        ];
        // The verdict is a case of its own, so that no verdict but a pass is green.
        let sentence = self.sentence();
        let verdict = match self.verdict {
            Verdict::Pass => Judged::Passed,
            Verdict::Fail => Judged::Failed(sentence.to_owned()),
            Verdict::Error | Verdict::Empty => Judged::Error(sentence.to_owned()),
        };
        let line = format!("{}: {sentence}", self.verdict.word());
        suites.push(Suite {
            name: "verdict",
            cases: vec![Case::new("verdict", verdict).lines(vec![line])],
        });
        write(&format!("{} {}", self.tool.name, self.command), suites)
    }

    /// Returns what is said of the policy; nothing in it is judged.
    fn policy_suite(&self) -> Suite {
        let lines = self.policy_lines().into_iter();
        let cases = lines.map(|(word, line)| Case::new(word, Judged::Passed).lines(vec![line]));
        Suite {
            name: "policy",
            cases: cases.collect(),
        }
    }

    fn signatures_suite(&self) -> Suite {
        let cases = self.signatures.iter().map(|fact| {
            let word = verdict_word(fact.verdict);
            let name = format!("{} number {}", fact.path, fact.number);
            let who = match (&fact.user_id, &fact.signer, &fact.key) {
                (Some(user_id), Some(signer), _) => format!("{user_id} {signer}"),
                (_, _, Some(key)) => format!("key {key}"),
                _ => "a key it does not name".to_owned(),
            };
            // Whether one that does not count matters is for the findings to say.
            let result = match fact.verdict {
                SignatureVerdict::Good => Judged::Passed,
                _ => Judged::Skipped(format!("does not count: {word}")),
            };
            Case::new(name, result).lines(vec![format!("{word}: {who}: {}", fact.reason)])
        });
        Suite {
            name: "signatures",
            cases: cases.collect(),
        }
    }

    fn files_suite(&self) -> Suite {
        let mut about = self.by_file();
        let cases = self.files.iter().map(|file| {
            let findings = about.remove(file.path.as_str()).unwrap_or_default();
            let mut case = self.judged(&file.path, &findings);
            if case.result == Judged::Passed && !matches!(file.status, "ok" | "allowed") {
                case.lines.push(format!("status: {}", file.status));
            }
            case
        });
        Suite {
            name: "files",
            cases: cases.collect(),
        }
    }

    fn requirements_suite(&self) -> Suite {
        let cases = self.requirements.iter().map(|file| {
            let of_file = |finding: &&Finding| finding.subject.path.as_ref() == Some(&file.path);
            let findings: Vec<&Finding> = self.findings.iter().filter(of_file).collect();
            let mut case = self.judged(&file.path, &findings);
            let met = format!("{} of {} met by signed files", file.met, file.requirements);
            case.lines.push(met);
            case
        });
        Suite {
            name: "requirements",
            cases: cases.collect(),
        }
    }

    /// Returns the trusted certificates; what is wrong with one is a finding.
    fn certificates_suite(&self) -> Suite {
        let cases = self.certificates.iter().map(|certificate| {
            let user_id = certificate.user_ids.first().map_or("", String::as_str);
            let name = format!("{} {user_id}", certificate.fingerprint);
            let line = state_word(certificate.state).to_owned();
            Case::new(name, Judged::Passed).lines(vec![line])
        });
        Suite {
            name: "certificates",
            cases: cases.collect(),
        }
    }

    /// Returns the findings that are about none of the files.
    fn findings_suite(&self) -> Suite {
        let named: BTreeSet<&str> = self.files.iter().map(|file| file.path.as_str()).collect();
        let read: BTreeSet<&str> = self
            .requirements
            .iter()
            .map(|one| one.path.as_str())
            .collect();
        let rest = self.findings.iter().filter(|finding| {
            let path = finding.subject.path.as_deref();
            file_of(finding, &named).is_none() && path.is_none_or(|path| !read.contains(path))
        });
        let cases = rest.map(|finding| {
            let name = match place(&finding.subject) {
                Some(place) => format!("{} in {place}", finding.rule.name),
                None => finding.rule.name.to_owned(),
            };
            self.judged(&name, &[finding])
        });
        Suite {
            name: "findings",
            cases: cases.collect(),
        }
    }

    /// Returns the findings by the file they are about.
    fn by_file(&self) -> BTreeMap<&str, Vec<&Finding>> {
        let named: BTreeSet<&str> = self.files.iter().map(|file| file.path.as_str()).collect();
        let mut about: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in &self.findings {
            if let Some(file) = file_of(finding, &named) {
                about.entry(file).or_default().push(finding);
            }
        }
        about
    }

    /// Returns a case with what the findings about it make of it.
    fn judged(&self, name: &str, findings: &[&Finding]) -> Case {
        let against = findings.iter().find(|finding| match finding.severity {
            Severity::Error => true,
            Severity::Warning => self.strict,
            Severity::Note => false,
        });
        let result = match against {
            Some(finding) => Judged::Failed(format!("{}: {}", finding.rule.name, finding.message)),
            None => Judged::Passed,
        };
        let lines = findings.iter().flat_map(|finding| finding_lines(finding));
        Case::new(name, result).lines(lines.collect())
    }

    fn rebuilds_suite(&self) -> Suite {
        let mut cases: Vec<Case> = self.rebuilds.iter().map(rebuild_case).collect();
        if !cases.is_empty() {
            let selected: BTreeSet<&str> =
                self.rebuilds.iter().map(|one| one.wheel.as_str()).collect();
            let wheels = self
                .files
                .iter()
                .filter(|file| file.kind == FileKind::Wheel);
            let others = wheels.filter(|file| !selected.contains(file.path.as_str()));
            cases.extend(
                others
                    .map(|file| Case::new(&file.path, Judged::Skipped("not selected".to_owned()))),
            );
        }
        Suite {
            name: "rebuilds",
            cases,
        }
    }
}

/// Returns the file below the directory that a finding is about: the longest name
/// that ends its path.
fn file_of<'a>(finding: &'a Finding, named: &BTreeSet<&'a str>) -> Option<&'a str> {
    let path = finding.subject.path.as_deref()?;
    let mut rest = Some(path);
    while let Some(name) = rest {
        if let Some(found) = named.get(name) {
            return Some(found);
        }
        rest = name.split_once('/').map(|(_, behind)| behind);
    }
    None
}

fn rebuild_case(rebuild: &RebuildSummary) -> Case {
    let reason = || {
        rebuild
            .reason
            .clone()
            .unwrap_or_else(|| "no reason is known".to_owned())
    };
    let result = match rebuild.outcome {
        RebuildOutcome::Reproduced | RebuildOutcome::ReproducedWithWitness => Judged::Passed,
        RebuildOutcome::Different => {
            Judged::Failed(headline(&rebuild.causes, &rebuild.unexplained))
        }
        RebuildOutcome::BuildFailed => Judged::Error(format!("build failed: {}", reason())),
        RebuildOutcome::TimedOut => Judged::Error(format!("timed out: {}", reason())),
        RebuildOutcome::NotAttempted => Judged::Error(format!("not attempted: {}", reason())),
    };
    let mut lines = Vec::new();
    if rebuild.outcome == RebuildOutcome::ReproducedWithWitness {
        lines.push("reproduced with witness".to_owned());
        lines.extend(
            rebuild
                .witness
                .sentences
                .iter()
                .map(|edit| format!("edit: {edit}")),
        );
    } else {
        lines.extend(why(
            &rebuild.causes,
            &rebuild.attributed,
            &rebuild.unexplained,
            &rebuild.differences,
        ));
    }
    lines.extend(rebuild.notes.iter().map(|note| format!("note: {note}")));
    if let Some(log) = &rebuild.log {
        lines.push("the end of the log:".to_owned());
        let all: Vec<&str> = log.lines().collect();
        let skipped = all.len().saturating_sub(LINES / 2);
        lines.extend(all.into_iter().skip(skipped).map(str::to_owned));
    }
    Case {
        seconds: rebuild.seconds,
        ..Case::new(&rebuild.wheel, result).lines(lines)
    }
}

/// Returns in one line why two wheels differ.
fn headline(causes: &[Cause], unexplained: &[Unexplained]) -> String {
    if let Some(found) = unexplained.iter().find(|one| one.is_alarming) {
        return format!("UNEXPLAINED: {} {}", found.member, found.what);
    }
    match (causes.first(), unexplained.len()) {
        (Some(cause), 0) => format!("different: {}", cause.sentence),
        (Some(cause), more) => format!("different, {more} unexplained: {}", cause.sentence),
        (None, _) => "different, and no cause is known".to_owned(),
    }
}

/// Returns why two wheels differ, line by line.
fn why(
    causes: &[Cause],
    attributed: &[Attributed],
    unexplained: &[Unexplained],
    differences: &[Difference],
) -> Vec<String> {
    let mut lines = Vec::new();
    for found in unexplained {
        let word = if found.is_alarming {
            "UNEXPLAINED"
        } else {
            "unexplained"
        };
        lines.push(format!("{word}: {} {}", found.member, found.what));
    }
    for cause in causes {
        let proof = match cause.proof {
            Proof::Counterfactual => " (proved)",
            Proof::Pattern => "",
        };
        lines.push(format!("cause[{}]{proof}: {}", cause.cause, cause.sentence));
        lines.push(format!("  seen: {}", cause.evidence.join("; ")));
        lines.push(format!("  next: {}", cause.advice));
        let own = attributed.iter().filter(|one| one.cause == cause.cause);
        for found in own {
            lines.push(format!(
                "  attributed, not derived: {} {}",
                found.member, found.what
            ));
        }
    }
    let differences = differences.iter();
    lines.extend(differences.map(|one| format!("differs: {}", one.line().render(str::to_owned))));
    lines
}

impl ComparisonReport {
    /// Returns the report as JUnit XML.
    pub fn to_junit(&self) -> String {
        let name = format!("{} → {}", self.published.path, self.rebuilt.path);
        let result = match self.verdict {
            Verdict::Pass => Judged::Passed,
            Verdict::Fail => Judged::Failed(headline(&self.causes, &self.unexplained)),
            Verdict::Error | Verdict::Empty => {
                let error = self.errors.first();
                Judged::Error(error.map_or_else(String::new, |error| error.message.clone()))
            }
        };
        let mut lines: Vec<String> = Vec::new();
        lines.extend(
            self.errors
                .iter()
                .map(|error| format!("next: {}", error.next)),
        );
        if self.verdict == Verdict::Pass {
            lines.push("Identical, byte for byte".to_owned());
        }
        lines.extend(why(
            &self.causes,
            &self.attributed,
            &self.unexplained,
            &self.differences,
        ));
        let suite = Suite {
            name: "explain",
            cases: vec![Case::new(name, result).lines(lines)],
        };
        write("wheelproof explain", vec![suite])
    }
}

impl EnvironmentReport {
    /// Returns the report as JUnit XML.
    pub fn to_junit(&self) -> String {
        let cases = match self.differences.is_empty() {
            true => {
                let name = format!("{} → {}", self.published, self.rebuilt);
                vec![Case::new(name, Judged::Passed)]
            }
            false => self
                .differences
                .iter()
                .map(|one| {
                    let sentence = format!("can change {}", one.reach.as_str());
                    Case::new(&one.what, Judged::Failed(sentence)).lines(vec![
                        format!("only published: {}", one.published.join(" ")),
                        format!("only rebuilt: {}", one.rebuilt.join(" ")),
                    ])
                })
                .collect(),
        };
        let suite = Suite {
            name: "environments",
            cases,
        };
        write("wheelproof explain --environment", vec![suite])
    }
}

/// Returns a whole document; suites without cases are not in it.
fn write(name: &str, suites: Vec<Suite>) -> String {
    let mut markup = Markup::default();
    markup.ours("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let [tests, failures, errors, _] = counts(suites.iter().flat_map(|suite| &suite.cases));
    let attributes = [
        ("name", name),
        ("tests", &*tests),
        ("failures", &*failures),
        ("errors", &*errors),
    ];
    markup.element("testsuites", &attributes, |markup| {
        markup.ours("\n");
        for suite in suites.iter().filter(|suite| !suite.cases.is_empty()) {
            let [tests, failures, errors, skipped] = counts(suite.cases.iter());
            let seconds: Option<f64> = suite.cases.iter().map(|case| case.seconds).sum();
            let seconds = seconds.map(|seconds| format!("{seconds:.3}"));
            let mut attributes = vec![
                ("name", suite.name),
                ("tests", &*tests),
                ("failures", &*failures),
                ("errors", &*errors),
                ("skipped", &*skipped),
            ];
            attributes.extend(seconds.as_deref().map(|seconds| ("time", seconds)));
            markup.element("testsuite", &attributes, |markup| {
                markup.ours("\n");
                for case in &suite.cases {
                    write_case(markup, suite.name, case);
                }
            });
            markup.ours("\n");
        }
    });
    markup.ours("\n");
    markup.finish()
}

/// Returns how many cases there are, failed, in error and skipped.
fn counts<'a>(cases: impl Iterator<Item = &'a Case>) -> [String; 4] {
    let mut counts = [0_u64; 4];
    let [tests, failures, errors, skipped] = &mut counts;
    for case in cases {
        *tests += 1;
        match case.result {
            Judged::Passed => {}
            Judged::Failed(_) => *failures += 1,
            Judged::Error(_) => *errors += 1,
            Judged::Skipped(_) => *skipped += 1,
        }
    }
    counts.map(|count| count.to_string())
}

fn write_case(markup: &mut Markup, suite: &'static str, case: &Case) {
    let class = format!("wheelproof.{suite}");
    let seconds = case.seconds.map(|seconds| format!("{seconds:.3}"));
    let mut attributes = vec![("classname", &*class), ("name", &*case.name)];
    attributes.extend(seconds.as_deref().map(|seconds| ("time", seconds)));
    markup.element("testcase", &attributes, |markup| {
        let (element, message) = match &case.result {
            Judged::Passed => ("system-out", None),
            Judged::Failed(message) => ("failure", Some(message)),
            Judged::Error(message) => ("error", Some(message)),
            Judged::Skipped(message) => ("skipped", Some(message)),
        };
        if message.is_none() && case.lines.is_empty() {
            return;
        }
        let attributes: Vec<(&'static str, &str)> = message
            .iter()
            .map(|text| ("message", text.as_str()))
            .collect();
        markup.element(element, &attributes, |markup| {
            if !case.lines.is_empty() {
                markup.ours("\n");
            }
            markup.lines(case.lines.iter().take(LINES).map(String::as_str));
            let more = case.lines.len().saturating_sub(LINES);
            if more > 0 {
                let line = format!("{more} more lines are left out here; JSON has them all");
                markup.lines([line.as_str()]);
            }
        });
    });
    markup.ours("\n");
}
