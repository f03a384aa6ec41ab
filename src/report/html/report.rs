//! The page of a report: the verdict, what to do, then wheel by wheel and file by
//! file.

use std::collections::BTreeMap;

use super::rebuilds;
use super::words::{counted, entry, sentence_case};
use super::{Banner, Cell, Part, Step, Tone, badge, details, is_full, left_out, next, page, table};
use crate::finding::{Finding, Severity};
use crate::openpgp::{KeyState, SignatureVerdict};
use crate::policy::Depth;
use crate::report::certificates::state_word;
use crate::report::markup::Markup;
use crate::report::text::{place, plural, size, verdict_word};
use crate::report::{Change, FileSummary, RebuildOutcome, Report, Verdict};

/// How many findings of one rule are written out.
const FINDINGS_A_RULE: usize = 200;

/// How many files are listed.
const FILES: usize = 5_000;

/// How many first steps there are at most.
const STEPS: usize = 4;

impl Report {
    /// Returns the report as one HTML page.
    pub fn to_html(&self) -> String {
        let headline = format!("{}: {}", self.verdict.word(), self.sentence());
        let what = format!("{} {}", self.tool.name, self.command);
        let title = format!("{}: {what}", self.verdict.word());
        let banner = Banner {
            tone: Tone::from(self.verdict),
            what: &what,
            headline: &headline,
            subject: &self.subject(),
            tiles: self.tiles(),
            steps: self.steps(),
        };
        page(&title, &banner, self.parts(), self.proves())
    }

    fn subject(&self) -> String {
        let mut parts = Vec::new();
        if let Some(manifest) = &self.manifest {
            parts.push(match manifest.entries {
                Some(entries) => {
                    let entries = counted(usize::try_from(entries).unwrap_or(usize::MAX), "file");
                    format!("Manifest {}, {entries}", manifest.path)
                }
                None => format!("Manifest {}, not read", manifest.path),
            });
        }
        parts.push(match self.time_is_chosen {
            true => format!("judged as of {} (chosen)", self.time),
            false => format!("judged as of {}", self.time),
        });
        parts.join("; ")
    }

    /// Returns what the verdict leaves open; no reader should take it for more.
    fn proves(&self) -> &'static str {
        match self.verdict {
            Verdict::Pass => {
                "A pass holds for the bytes that were read and for what the policy asks; it does \
                 not show that the code in the wheels does no harm."
            }
            _ => "What is not reported here was either in order or not asked for.",
        }
    }

    fn tiles(&self) -> Vec<(String, String)> {
        let mut tiles = Vec::new();
        for (severity, one, many) in [
            (Severity::Error, "error", "errors"),
            (Severity::Warning, "warning", "warnings"),
            (Severity::Note, "note", "notes"),
        ] {
            let count = self.count(severity);
            if count > 0 {
                tiles.push((count.to_string(), plural(count, one, many).to_owned()));
            }
        }
        if !self.rebuilds.is_empty() {
            let good = self.count_rebuilds(RebuildOutcome::Reproduced)
                + self.count_rebuilds(RebuildOutcome::ReproducedWithWitness);
            tiles.push((
                format!("{good} of {}", self.rebuilds.len()),
                "wheels reproduced".to_owned(),
            ));
        }
        if let Some(threshold) = &self.threshold {
            tiles.push((
                format!("{} of {}", threshold.met_by.len(), threshold.required),
                "required signers".to_owned(),
            ));
        }
        if !self.files.is_empty() {
            let good = self.files.iter().filter(|file| is_good(file)).count();
            tiles.push((
                format!("{good} of {}", self.files.len()),
                "files in order".to_owned(),
            ));
        }
        tiles
    }

    /// Returns what to do first: errors, then findings, then wheels that differ.
    fn steps(&self) -> Vec<Step> {
        let errors = self.errors.iter();
        let mut steps: Vec<Step> = errors
            .map(|error| Step::new(&error.message, &error.next))
            .collect();
        let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in &self.findings {
            if finding.severity == Severity::Error && finding.follows.is_none() {
                *rules.entry(finding.rule.name).or_default() += 1;
            }
        }
        for finding in self.findings.iter().filter(|one| one.follows.is_none()) {
            // Of each rule the first; the part about findings has the others.
            if let Some(count) = rules.remove(finding.rule.name) {
                let at = place(&finding.subject).map_or_else(String::new, |at| format!(": {at}"));
                let more = match count {
                    1 => String::new(),
                    _ => format!(", and {} more like it", count - 1),
                };
                let matter = format!("{}{at}{more}", sentence_case(finding.message));
                steps.push(Step::new(matter, &finding.next));
            }
        }
        steps.extend(self.rebuilds.iter().filter_map(rebuilds::step));
        let more = steps.len().saturating_sub(STEPS);
        if more > 0 {
            steps.truncate(STEPS - 1);
            steps.push(Step::new(format!("{} more below.", more + 1), ""));
        }
        steps
    }

    fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        if !self.errors.is_empty() {
            parts.push(Part::new("errors", "Errors", |m| self.write_errors(m)));
        }
        if !self.findings.is_empty() {
            parts.push(Part::new("findings", "Findings", |m| {
                write_findings(m, &self.findings);
            }));
        }
        if !self.rebuilds.is_empty() {
            parts.push(Part::new("rebuilds", "Rebuilds", |m| {
                rebuilds::write(m, &self.rebuilds);
            }));
        }
        if let Some(update) = &self.update {
            parts.push(Part::new("update", "Update", |m| {
                let rows = update.lines().into_iter().take(FILES);
                let rows =
                    rows.map(|(word, text)| vec![Cell::Text(word.to_owned()), Cell::Text(text)]);
                table(
                    m,
                    "What becomes of the wheelhouse",
                    &["Step", "Of what"],
                    rows,
                );
                left_out(m, update.lines().len().saturating_sub(FILES), "steps are");
            }));
        }
        if self.policy.is_some() {
            parts.push(Part::new("policy", "Policy", |m| {
                let lines = self.policy_lines().into_iter();
                let rows =
                    lines.map(|(word, text)| vec![Cell::Text(word.to_owned()), Cell::Text(text)]);
                table(m, "Which policy decided", &["What", "Which"], rows);
            }));
        }
        if !self.signatures.is_empty() {
            parts.push(Part::new("signatures", "Signatures", |m| {
                self.write_signatures_part(m);
            }));
        }
        if !self.certificates.is_empty() {
            parts.push(Part::new("certificates", "Certificates", |m| {
                self.write_certificates_part(m);
            }));
        }
        if !self.requirements.is_empty() {
            parts.push(Part::new("requirements", "Requirements", |m| {
                self.write_requirements_part(m);
            }));
        }
        if !self.files.is_empty() || self.manifest.is_some() {
            parts.push(Part::new("files", "Files", |m| self.write_files_part(m)));
        }
        if !self.written.is_empty() {
            parts.push(Part::new("written", "Written files", |m| {
                self.write_written_part(m);
            }));
        }
        parts
    }

    fn write_errors(&self, markup: &mut Markup) {
        for error in &self.errors {
            markup.element("article", &[("class", "bad")], |markup| {
                markup.element("h3", &[], |markup| {
                    badge(markup, Tone::Bad, "error");
                    markup.ours(" ");
                    markup.text(&error.message);
                });
                if !error.next.is_empty() {
                    next(markup, &error.next);
                }
            });
        }
    }

    fn write_signatures_part(&self, markup: &mut Markup) {
        if let Some(threshold) = &self.threshold {
            let met = threshold.met_by.len();
            let counts = plural(met, "signer counts", "signers count");
            let sentence = format!("{met} {counts}, {} required.", threshold.required);
            markup.with_text("p", &[], sentence);
        }
        for fact in &self.signatures {
            let tone = match fact.verdict {
                SignatureVerdict::Good => Tone::Good,
                SignatureVerdict::UnknownKey | SignatureVerdict::NotPinned => Tone::Note,
                _ => Tone::Bad,
            };
            markup.element("article", &[("class", tone.class())], |markup| {
                markup.element("h3", &[], |markup| {
                    badge(markup, tone, verdict_word(fact.verdict));
                    markup.ours(" ");
                    let who = fact.user_id.as_deref();
                    markup.text(who.unwrap_or("by a key that no trusted certificate holds"));
                });
                markup.element("dl", &[], |markup| {
                    if let Some(signer) = &fact.signer {
                        entry(markup, "signer", &signer.to_string(), true);
                    }
                    if let Some(key) = &fact.key {
                        entry(markup, "key", key, true);
                    }
                    let created = fact
                        .created
                        .map_or_else(|| "undated".to_owned(), |time| time.to_string());
                    entry(
                        markup,
                        "signed",
                        &format!("{created}, {}", fact.hash),
                        false,
                    );
                    entry(markup, "why", &fact.reason, false);
                    let at = format!("{}, number {}", fact.path, fact.number);
                    entry(markup, "in", &at, true);
                });
            });
        }
    }

    fn write_certificates_part(&self, markup: &mut Markup) {
        for certificate in &self.certificates {
            let tone = match certificate.state {
                KeyState::Valid => Tone::Good,
                _ => Tone::Bad,
            };
            markup.element("article", &[("class", tone.class())], |markup| {
                markup.element("h3", &[], |markup| {
                    badge(markup, tone, state_word(certificate.state));
                    markup.ours(" ");
                    let user_id = certificate.user_ids.first();
                    markup.text(user_id.map_or("no user ID", String::as_str));
                });
                markup.element("dl", &[], |markup| {
                    entry(
                        markup,
                        "fingerprint",
                        &certificate.fingerprint.to_string(),
                        true,
                    );
                    let pinned = if certificate.pinned { "yes" } else { "no" };
                    entry(markup, "named as a signer", pinned, false);
                    if let Some(lapses) = certificate.lapses {
                        entry(markup, "lapses", &lapses.to_string(), false);
                    }
                    for key in &certificate.keys {
                        entry(markup, "key", &key.fingerprint.to_string(), true);
                        let expires = key
                            .expires
                            .map_or_else(String::new, |time| format!(", expires {time}"));
                        let line = format!("{}{expires}; now {}", key.algorithm, key.reason);
                        entry(markup, "is", &line, false);
                    }
                });
            });
        }
    }

    fn write_requirements_part(&self, markup: &mut Markup) {
        let rows = self.requirements.iter().map(|file| {
            vec![
                Cell::Code(file.path.clone()),
                Cell::Text(file.format.to_owned()),
                Cell::Text(format!("{} of {}", file.met, file.requirements)),
            ]
        });
        let columns = ["File", "Format", "Met by signed files"];
        table(markup, "Files of requirements", &columns, rows);
    }

    fn write_files_part(&self, markup: &mut Markup) {
        if let Some(manifest) = &self.manifest {
            markup.element("dl", &[], |markup| {
                entry(markup, "manifest", &manifest.path, true);
                entry(markup, "SHA-256", &manifest.sha256.to_string(), true);
                if let Some(project) = &manifest.project {
                    entry(markup, "of project", &project.to_string(), false);
                }
            });
        }
        if self.depth == Some(Depth::Shallow) && !self.files.is_empty() {
            let sentence = "The files were not looked into: digests only, no RECORD and no \
                            headers of archives. --deep looks.";
            markup.with_text("p", &[], sentence);
        }
        let columns = ["File", "Status", "Size", "SHA-256 in the manifest"];
        let row = |file: &FileSummary| {
            let tone = match is_good(file) {
                true => Tone::Good,
                false => Tone::Bad,
            };
            vec![
                Cell::Code(file.path.clone()),
                Cell::Badge(tone, file.status.to_owned()),
                Cell::Text(file.size.map_or_else(String::new, size)),
                Cell::Code(
                    file.sha256
                        .map_or_else(String::new, |digest| digest.to_string()),
                ),
            ]
        };
        let (good, other): (Vec<_>, Vec<_>) = self.files.iter().partition(|file| is_good(file));
        if !other.is_empty() {
            let rows = other.iter().take(FILES).map(|file| row(file));
            table(markup, "Files that are not in order", &columns, rows);
            left_out(markup, other.len().saturating_sub(FILES), "files are");
        }
        if !good.is_empty() {
            let summary = format!("{} in order", counted(good.len(), "file"));
            details(
                markup,
                good.len() <= 10,
                |markup| markup.text(summary),
                |markup| {
                    let rows = good.iter().take(FILES).map(|file| row(file));
                    table(markup, "Files in order", &columns, rows);
                    left_out(markup, good.len().saturating_sub(FILES), "files are");
                },
            );
        }
    }

    fn write_written_part(&self, markup: &mut Markup) {
        let rows = self.written.iter().map(|file| {
            let change = match file.change {
                Change::Created => "created",
                Change::Replaced => "replaced",
                Change::Unchanged => "unchanged",
            };
            vec![
                Cell::Code(file.path.clone()),
                Cell::Text(change.to_owned()),
                Cell::Code(file.sha256.to_string()),
            ]
        });
        let columns = ["File", "Change", "SHA-256"];
        table(markup, "Files that the command wrote", &columns, rows);
    }
}

fn is_good(file: &FileSummary) -> bool {
    matches!(file.status, "ok" | "allowed")
}

fn write_findings(markup: &mut Markup, findings: &[Finding]) {
    let mut order: Vec<&Finding> = findings.iter().collect();
    // Stable: of one severity the order of the checks stays.
    order.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut by_rule: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
    let mut cut = 0;
    for finding in order {
        let seen = by_rule
            .entry((finding.rule.name, finding.severity))
            .or_default();
        *seen += 1;
        if *seen <= FINDINGS_A_RULE && !is_full(markup) {
            write_finding(markup, finding);
        } else {
            cut += 1;
        }
    }
    left_out(markup, cut, "findings are");
}

fn write_finding(markup: &mut Markup, finding: &Finding) {
    let tone = Tone::from(finding.severity);
    markup.element("article", &[("class", tone.class())], |markup| {
        markup.element("h3", &[], |markup| {
            badge(markup, tone, finding.severity.as_str());
            markup.ours(" ");
            markup.text(sentence_case(finding.message));
        });
        markup.element("dl", &[], |markup| {
            if let Some(place) = place(&finding.subject) {
                entry(markup, "where", &place, true);
            }
            if let Some(expected) = &finding.expected {
                entry(markup, "expected", expected, true);
            }
            if let Some(found) = &finding.found {
                entry(markup, "found", found, true);
            }
            entry(markup, "rule", finding.rule.name, true);
            if let Some(rule) = finding.follows {
                entry(markup, "follows", rule.name, true);
            }
        });
        next(markup, &finding.next);
    });
}
