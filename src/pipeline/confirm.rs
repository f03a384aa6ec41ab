//! Before anything is handed on: are the selected wheels what their sdists give?

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::earlier::{Earlier, Said};
use super::rebuild::{Surroundings, rebuild_pairs};
use super::trouble;
use super::{Progress, Request, Verification};
use crate::audit;
use crate::cancel::Cancel;
use crate::finding::Finding;
use crate::gnupg;
use crate::report::{Confirmation, RebuildOutcome, RebuildSummary, RebuiltBy, Trouble};
use crate::selection::{self, Pair, Selection, Selector};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Which wheels have to be rebuilt before they are handed on, and how it is shown.
#[derive(Debug, Clone)]
pub struct RebuiltWish {
    /// The wheels.
    pub selectors: Vec<Selector>,
    /// Who shows it.
    pub shown_by: ShownBy,
}

/// Who shows that wheels were rebuilt.
#[derive(Debug, Clone)]
pub enum ShownBy {
    /// An audit now.
    Audit(Box<Surroundings>),
    /// Reports of earlier audits.
    Reports {
        /// The files.
        paths: Vec<PathBuf>,
        /// How old they may be.
        max_age_days: u32,
    },
}

/// What came of it, and what it speaks for.
#[derive(Debug, Default)]
struct Confirmed {
    /// The wheels that were rebuilt, by their names, with who did it and when.
    wheels: BTreeMap<String, Confirmation>,
    /// The rebuilds of an audit now.
    rebuilds: Vec<RebuildSummary>,
    findings: Vec<Finding>,
    errors: Vec<Trouble>,
}

impl Verification {
    /// Requires that the selected wheels among those handed on were rebuilt, and adds to
    /// the report what came of it. Nothing is rebuilt where something speaks against the
    /// directory already.
    pub fn confirm(
        &mut self,
        request: &Request,
        wish: &RebuiltWish,
        cancel: &Cancel,
        progress: &dyn Progress,
    ) -> BTreeMap<String, Confirmation> {
        let pairs = match self.to_confirm(request, wish) {
            Ok(pairs) => pairs,
            Err(troubles) => {
                self.report.errors.extend(troubles);
                return BTreeMap::new();
            }
        };
        let confirmed = match &wish.shown_by {
            ShownBy::Audit(around) => self.by_audit(request, &pairs, around, (cancel, progress)),
            ShownBy::Reports {
                paths,
                max_age_days,
            } => self.by_reports(request, &pairs, paths, *max_age_days),
        };
        self.report.rebuilds.extend(confirmed.rebuilds);
        self.report.findings.extend(confirmed.findings);
        self.report.errors.extend(confirmed.errors);
        confirmed.wheels
    }

    /// Returns the selected wheels among those that are handed on.
    fn to_confirm(&self, request: &Request, wish: &RebuiltWish) -> Result<Vec<Pair>, Vec<Trouble>> {
        let (Some(verified), Some(manifest)) = (self.complete(), &self.manifest) else {
            return Ok(Vec::new());
        };
        let hand_on = self
            .hand_on(request, &verified)
            .map_err(|trouble| vec![trouble])?;
        let selected = selection::select(manifest, &Selection::Some(wish.selectors.clone()));
        let next = "select by project, project==version, or a pattern of the file name";
        let mut troubles: Vec<Trouble> = selected
            .unmatched
            .iter()
            .map(|word| Trouble {
                message: format!("no wheel of the manifest matches '{}'", word.escape_debug()),
                next: next.to_owned(),
            })
            .collect();
        let mut pairs = selected.pairs;
        let is_selected = !pairs.is_empty();
        pairs.retain(|pair| hand_on.includes(&pair.wheel.path));
        if is_selected && pairs.is_empty() {
            troubles.push(Trouble {
                message: "none of the wheels that have to be rebuilt is handed on".to_owned(),
                next: "select wheels that the requirements admit".to_owned(),
            });
        }
        match troubles.is_empty() {
            true => Ok(pairs),
            false => Err(troubles),
        }
    }

    fn by_audit(
        &self,
        request: &Request,
        pairs: &[Pair],
        around: &Surroundings,
        (cancel, progress): (&Cancel, &dyn Progress),
    ) -> Confirmed {
        let mut confirmed = Confirmed::default();
        if pairs.is_empty() {
            return confirmed;
        }
        let (rebuilds, findings) =
            match rebuild_pairs(request, self, pairs, around, (cancel, progress)) {
                Ok(rebuilt) => rebuilt,
                Err(trouble) => {
                    confirmed.errors.push(trouble);
                    return confirmed;
                }
            };
        confirmed.findings = findings;
        for rebuild in &rebuilds {
            if rebuild.outcome == RebuildOutcome::Reproduced && !rebuild.reused {
                let confirmation = Confirmation::now(self.report.time, rebuild);
                confirmed.wheels.insert(rebuild.wheel.clone(), confirmation);
                continue;
            }
            let reason = match (&rebuild.reason, rebuild.reused) {
                (_, true) => ": an earlier run built it".to_owned(),
                (Some(reason), false) => format!(": {reason}"),
                (None, false) => String::new(),
            };
            let found = format!("{}{reason}", rebuild.outcome.word());
            let finding = audit::not_rebuilt(&rebuild.wheel, &found, &command(request, None));
            confirmed.findings.push(finding);
        }
        confirmed.rebuilds = rebuilds;
        confirmed
    }

    fn by_reports(
        &self,
        request: &Request,
        pairs: &[Pair],
        paths: &[PathBuf],
        max_age_days: u32,
    ) -> Confirmed {
        let mut confirmed = Confirmed::default();
        let mut reports = Vec::new();
        for path in paths {
            match Earlier::read(path) {
                Ok(report) => reports.push(report),
                Err(error) => {
                    let next = "name a file that 'wheelproof audit --report FILE.json' wrote";
                    confirmed.errors.push(trouble(&error, next));
                }
            }
        }
        if !confirmed.errors.is_empty() {
            return confirmed;
        }
        for pair in pairs {
            let wheel = pair.wheel.path.as_str();
            match self.shown(pair, &reports, max_age_days) {
                Ok(confirmation) => {
                    confirmed.wheels.insert(wheel.to_owned(), confirmation);
                }
                Err(found) => {
                    let command = command(request, paths.first());
                    let finding = audit::not_rebuilt(wheel, &found, &command);
                    confirmed.findings.push(finding);
                }
            }
        }
        confirmed
    }

    /// Returns who rebuilt a wheel, or what the reports say instead. One that has it
    /// otherwise outweighs all that have it as reproduced.
    fn shown(
        &self,
        pair: &Pair,
        reports: &[Earlier],
        max_age_days: u32,
    ) -> Result<Confirmation, String> {
        let mut shown = None;
        let mut short = Vec::new();
        for report in reports {
            if let Some(why) = self.cannot_vouch(report, max_age_days) {
                short.push(format!("{} {why}", report.path));
                continue;
            }
            match report.says(pair.wheel.path.as_str(), pair.wheel.sha256) {
                Said::Reproduced(rebuild) => {
                    shown.get_or_insert_with(|| Confirmation {
                        by: RebuiltBy::Report {
                            path: report.path.clone(),
                            sha256: report.sha256,
                            tool: report.tool.clone(),
                        },
                        time: report.time,
                        python: rebuild.python.clone(),
                        sandbox: rebuild.sandbox.clone(),
                    });
                }
                Said::Different => return Err(format!("different, as {} has it", report.path)),
                Said::Nothing(why) => short.push(format!("{} {why}", report.path)),
            }
        }
        shown.ok_or_else(|| short.join("; "))
    }

    /// Returns why a report says nothing of this directory under this policy at this time.
    fn cannot_vouch(&self, report: &Earlier, max_age_days: u32) -> Option<String> {
        let own = self.report.manifest.as_ref().map(|it| it.sha256);
        if own.is_none() || report.manifest != own {
            let of = report
                .manifest
                .map_or("no manifest".to_owned(), |digest| digest.to_string());
            return Some(format!("is of another manifest: {of}"));
        }
        let policy = self.report.policy.as_ref().map(|it| it.sha256);
        if report.policy != policy {
            let under = report
                .policy
                .map_or("no policy file".to_owned(), |digest| digest.to_string());
            return Some(format!("was made under another policy: {under}"));
        }
        let age = self
            .report
            .time
            .unix_seconds()
            .saturating_sub(report.time.unix_seconds());
        if age < 0 {
            return Some(format!("is dated in the future: {}", report.time));
        }
        (age > i64::from(max_age_days).saturating_mul(DAY)).then(|| {
            format!(
                "is of {}, which is more than {max_age_days} days ago",
                report.time
            )
        })
    }
}

/// Returns the command that shows what became of a rebuild.
fn command(request: &Request, report: Option<&PathBuf>) -> String {
    let quoted = |path: &std::path::Path| gnupg::quoted(&path.display().to_string());
    let root = quoted(&request.root);
    match report {
        Some(report) => format!("wheelproof audit {root} --report {}", quoted(report)),
        None => format!("wheelproof audit {root}"),
    }
}
