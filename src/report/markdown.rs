//! Reports as Markdown, for a comment on a change.
//!
//! The flavour is that of GitHub and its like (GFM). What comes from the input stands
//! in code, where nothing has a meaning, or is prose in which every character that
//! could have one is escaped. A comment has room for 65,536 characters; what comes
//! first is what decides, and a sentence says how much was left out.

use super::certificates::state_word;
use super::text::{escape, place, plural, verdict_word};
use super::{ComparisonReport, EnvironmentReport, RebuildOutcome, RebuildSummary};
use super::{Report, Verdict};
use crate::compare::{ContentDiff, Detail, Difference, Kind};
use crate::explain::{Attributed, Cause, Proof, Unexplained};
use crate::finding::{Finding, Severity};
use crate::openpgp::SignatureVerdict;

/// The most bytes of a comment; no character has less than one.
const ROOM: usize = 65_000;

/// The most bytes that diffs take, so that other things have room.
const DIFFS: usize = 40_000;

/// The longest text in one place, in characters.
const LONGEST: usize = 300;

/// How many lines of one diff are written out.
const DIFF_LINES: usize = 60;

/// How many lines of a log are written out.
const LOG_LINES: usize = 30;

/// How many differences of two wheels are listed.
const DIFFERENCES: usize = 100;

/// A comment that is being written, block by block.
#[derive(Debug, Default)]
struct Comment {
    text: String,
    left_out: usize,
}

impl Comment {
    /// Adds a block, which is a whole thing in itself, or counts it as left out.
    fn block(&mut self, block: &str) {
        self.within(block, ROOM);
    }

    fn within(&mut self, block: &str, room: usize) {
        if self.text.len() + block.len() + 2 > room {
            self.left_out += 1;
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(block);
        if !block.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Adds a table; rows that have no room are counted.
    fn table(&mut self, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
        let mut table = line(&columns);
        table.push_str(&line(&vec!["---".to_owned(); columns.len()]));
        for row in rows {
            let row = line(&row);
            if self.text.len() + table.len() + row.len() + 2 > ROOM {
                self.left_out += 1;
            } else {
                table.push_str(&row);
            }
        }
        self.block(&table);
    }

    fn finish(mut self) -> String {
        if self.left_out > 0 {
            let blocks = match self.left_out {
                1 => "1 block is".to_owned(),
                count => format!("{count} blocks are"),
            };
            self.text.push_str(&format!(
                "\n*{blocks} left out here, because a comment holds no more. The JSON and HTML \
                 reports have everything.*\n"
            ));
        }
        self.text
    }
}

/// Returns the text as everybody may see it, cut when it is long.
fn plain(text: &str) -> String {
    let mut shown = escape(text);
    if let Some((end, _)) = shown.char_indices().nth(LONGEST) {
        let characters = shown.chars().count();
        shown.truncate(end);
        shown.push_str(&format!("… (cut; {characters} characters)"));
    }
    shown
}

/// Returns a text as code in a line, where no character has a meaning.
fn code(text: &str) -> String {
    let text = plain(text);
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // One space at both ends is taken away again (CommonMark, code spans).
    let space = match text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        true => " ",
        false => "",
    };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Returns a text as code in a cell of a table, where a pipe would end the cell
/// whatever stands around it.
fn cell(text: &str) -> String {
    code(&text.replace('|', "\\u{7c}"))
}

/// Returns a sentence in which no character has a meaning: nothing is set in another
/// type, nobody is mentioned, nothing becomes a link.
fn prose(text: &str) -> String {
    let mut safe = String::new();
    let shown = plain(text);
    for character in shown.chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // These are looked for in what is shown, after all escapes. A comment in
            // between parts them and is not shown itself.
            '@' | '#' => {
                safe.push('\\');
                safe.push(character);
                safe.push_str("<!-- -->");
            }
            ':' => safe.push_str(":<!-- -->"),
            '.' if safe.ends_with(['w', 'W']) => safe.push_str("<!-- -->."),
            '|' => safe.push_str("&#124;"),
            // The rest of punctuation means something only where a line begins.
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '$' | '!' => {
                safe.push('\\');
                safe.push(character);
            }
            other => safe.push(other),
        }
    }
    safe
}

/// Returns lines as a block of code of a language.
fn fenced<'a>(language: &'static str, lines: impl IntoIterator<Item = &'a str>) -> String {
    let lines: Vec<String> = lines.into_iter().map(plain).collect();
    let longest = lines.iter().map(|line| longest_run(line)).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// Returns how many backticks follow each other at most.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|character| character != '`');
    runs.map(str::len).max().unwrap_or(0)
}

/// Returns a block that is folded away; `summary` is ours.
fn folded(summary: &str, body: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{body}\n</details>\n")
}

fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::Error | Verdict::Empty => "⚠️",
    }
}

fn outcome(outcome: RebuildOutcome) -> &'static str {
    match outcome {
        RebuildOutcome::Reproduced => "✅ reproduced",
        RebuildOutcome::ReproducedWithWitness => "✅ reproduced with witness",
        RebuildOutcome::Different => "❌ **different**",
        RebuildOutcome::BuildFailed => "⚠️ build failed",
        RebuildOutcome::TimedOut => "⚠️ timed out",
        RebuildOutcome::NotAttempted => "⚠️ not attempted",
    }
}

impl Report {
    /// Returns the report as Markdown.
    pub fn to_markdown(&self) -> String {
        let mut comment = Comment::default();
        comment.block(&format!(
            "### {} {} {}: {}\n",
            sign(self.verdict),
            self.tool.name,
            self.verdict.word(),
            self.sentence()
        ));
        comment.block(&format!("{}\n", self.counts().join(", ")));
        self.policy_blocks(&mut comment);
        for error in &self.errors {
            let next = match error.next.is_empty() {
                true => String::new(),
                false => format!("\n  **Next:** {}", prose(&error.next)),
            };
            comment.block(&format!("- ⚠️ **error** {}{next}\n", prose(&error.message)));
        }
        let mut findings: Vec<&Finding> = self.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        for finding in findings {
            comment.block(&finding_block(finding));
        }
        if let Some(update) = &self.update {
            let rows = update.lines().into_iter();
            comment.table(
                &["Step", "Of what"],
                rows.map(|(word, text)| vec![word.to_owned(), cell(&text)]),
            );
        }
        for file in &self.written {
            comment.block(&format!(
                "- wrote {}: {}\n",
                code(&file.path),
                code(&file.sha256.to_string())
            ));
        }
        for certificate in &self.certificates {
            let user_id = certificate.user_ids.first().map_or("", String::as_str);
            comment.block(&format!(
                "- {} {} {}\n",
                state_word(certificate.state),
                code(&certificate.fingerprint.to_string()),
                code(user_id)
            ));
        }
        for file in &self.requirements {
            let met = format!("{} of {}", file.met, file.requirements);
            comment.block(&format!(
                "- {}: {met} met by signed files\n",
                code(&file.path)
            ));
        }
        self.rebuild_blocks(&mut comment);
        self.signature_blocks(&mut comment);
        self.file_blocks(&mut comment);
        comment.finish()
    }

    fn policy_blocks(&self, comment: &mut Comment) {
        if let Some(policy) = &self.policy {
            // The path last: it is cut when it is long.
            let lies = match policy.in_checked_directory {
                true => " **in the checked directory**",
                false => "",
            };
            let sha256 = code(&policy.sha256.to_string());
            let path = code(&policy.path);
            comment.block(&format!("- policy{lies}, sha256 {sha256}: {path}\n"));
        }
        if let Some(sentence) = self.believed() {
            comment.block(&format!("- trust: {}\n", prose(&sentence)));
        }
    }

    fn counts(&self) -> Vec<String> {
        let mut parts = vec![format!("`{} {}`", self.tool.name, self.command)];
        for (severity, one, many) in [
            (Severity::Error, "error", "errors"),
            (Severity::Warning, "warning", "warnings"),
            (Severity::Note, "note", "notes"),
        ] {
            let count = self.count(severity);
            if count > 0 {
                parts.push(format!("{count} {}", plural(count, one, many)));
            }
        }
        if let Some(threshold) = &self.threshold {
            let met = threshold.met_by.len();
            parts.push(format!("{met} of {} required signers", threshold.required));
        }
        if let Some(manifest) = &self.manifest {
            parts.push(format!("manifest {}", code(&manifest.path)));
        }
        parts.push(format!("judged as of {}", self.time));
        parts
    }

    fn rebuild_blocks(&self, comment: &mut Comment) {
        if self.rebuilds.is_empty() {
            return;
        }
        let good = self.rebuilds.iter().filter(|one| is_good(one)).count();
        comment.block(&format!(
            "#### Rebuilds: {good} of {} reproduced\n",
            self.rebuilds.len()
        ));
        let (good, bad): (Vec<_>, Vec<_>) = self.rebuilds.iter().partition(|one| is_good(one));
        let row = |rebuild: &&RebuildSummary| {
            vec![
                cell(&rebuild.wheel),
                outcome(rebuild.outcome).to_owned(),
                why(rebuild),
            ]
        };
        let columns = ["Wheel", "Outcome", "Why"];
        comment.table(&columns, bad.iter().chain(&good).map(row));
        for rebuild in &bad {
            if !rebuild.differences.is_empty() || !rebuild.causes.is_empty() {
                comment.block(&format!("**{}**\n", code(&rebuild.wheel)));
                explain(
                    comment,
                    &rebuild.causes,
                    &rebuild.attributed,
                    &rebuild.unexplained,
                    &rebuild.differences,
                );
            }
            if let Some(log) = &rebuild.log {
                let lines: Vec<&str> = log.lines().collect();
                let skipped = lines.len().saturating_sub(LOG_LINES);
                let body = format!(
                    "{}\n{}",
                    code(&rebuild.wheel),
                    fenced("text", lines.into_iter().skip(skipped))
                );
                comment.within(&folded("The end of the log of a build", &body), DIFFS);
            }
        }
    }

    fn signature_blocks(&self, comment: &mut Comment) {
        if self.signatures.is_empty() {
            return;
        }
        let rows = self.signatures.iter().map(|fact| {
            let sign = match fact.verdict {
                SignatureVerdict::Good => "✅",
                SignatureVerdict::UnknownKey | SignatureVerdict::NotPinned => "➖",
                _ => "❌",
            };
            let who = match (&fact.user_id, &fact.key) {
                (Some(user_id), _) => cell(user_id),
                (None, Some(key)) => format!("key {}", cell(key)),
                (None, None) => String::new(),
            };
            let signer = fact.signer.as_ref();
            vec![
                format!("{sign} {}", verdict_word(fact.verdict)),
                who,
                signer.map_or_else(String::new, |signer| cell(&signer.to_string())),
            ]
        });
        let mut table = Comment::default();
        table.table(&["Signature", "Who", "Certificate"], rows);
        let count = self.signatures.len();
        let summary = format!("{count} {}", plural(count, "signature", "signatures"));
        comment.block(&folded(&summary, &table.text));
    }

    fn file_blocks(&self, comment: &mut Comment) {
        if self.files.is_empty() {
            return;
        }
        let row = |file: &super::FileSummary| vec![cell(&file.path), file.status.to_owned()];
        let mut table = Comment {
            text: String::new(),
            // What is left for a table inside of another block.
            left_out: 0,
        };
        let room = ROOM.saturating_sub(comment.text.len() + 500);
        let mut used = 0;
        let mut cut = 0;
        let rows: Vec<Vec<String>> = self
            .files
            .iter()
            .map(row)
            .filter(|row| {
                used += row.iter().map(|cell| cell.len() + 3).sum::<usize>() + 2;
                let fits = used < room;
                cut += usize::from(!fits);
                fits
            })
            .collect();
        table.table(&["File", "Status"], rows);
        if cut > 0 {
            table.block(&format!("*{cut} more files are left out here.*\n"));
        }
        let count = self.files.len();
        let summary = format!("{count} {}", plural(count, "file", "files"));
        comment.block(&folded(&summary, &table.text));
    }
}

fn is_good(rebuild: &RebuildSummary) -> bool {
    matches!(
        rebuild.outcome,
        RebuildOutcome::Reproduced | RebuildOutcome::ReproducedWithWitness
    )
}

fn why(rebuild: &RebuildSummary) -> String {
    let alarming = rebuild.unexplained.iter().filter(|one| one.is_alarming);
    let alarming = alarming.count();
    if alarming > 0 {
        return format!("**UNEXPLAINED: {alarming} without source**");
    }
    match (rebuild.causes.first(), &rebuild.reason) {
        (Some(cause), _) => format!("`{}`: {}", cause.cause, prose(&cause.sentence)),
        (None, Some(reason)) => prose(reason),
        (None, None) if rebuild.unexplained.is_empty() => String::new(),
        (None, None) => "no cause is known".to_owned(),
    }
}

fn finding_block(finding: &Finding) -> String {
    let sign = match finding.severity {
        Severity::Error => "❌",
        Severity::Warning => "⚠️",
        Severity::Note => "ℹ️",
    };
    let mut block = format!(
        "- {sign} **{}** `{}`: {}\n",
        finding.severity, finding.rule.name, finding.message
    );
    if let Some(place) = place(&finding.subject) {
        block.push_str(&format!("  where: {}\\\n", code(&place)));
    }
    if let Some(expected) = &finding.expected {
        block.push_str(&format!("  expected: {}\\\n", code(expected)));
    }
    if let Some(found) = &finding.found {
        block.push_str(&format!("  found: {}\\\n", code(found)));
    }
    if let Some(rule) = finding.follows {
        block.push_str(&format!("  follows: {}\\\n", code(rule.name)));
    }
    block.push_str(&format!("  **Next:** {}\n", prose(&finding.next)));
    block
}

/// Adds why two wheels differ: what has no cause, causes, what differs.
fn explain(
    comment: &mut Comment,
    causes: &[Cause],
    attributed: &[Attributed],
    unexplained: &[Unexplained],
    differences: &[Difference],
) {
    for found in unexplained {
        let word = match found.is_alarming {
            true => "🚨 **UNEXPLAINED, no source has it**",
            false => "❓ **unexplained**",
        };
        let what = match found.what.is_empty() {
            false => code(&found.what),
            true => String::new(),
        };
        let member = match (found.member.is_empty(), found.what.is_empty()) {
            (true, true) => differences
                .get(found.difference)
                .map_or_else(String::new, |one| code(&one.line().render(str::to_owned))),
            _ => code(&found.member),
        };
        comment.block(&format!("- {word} {member} {what}\n"));
    }
    for (index, cause) in causes.iter().enumerate() {
        let first = match (index, causes.len()) {
            (0, 2..) => "deciding cause",
            _ => "cause",
        };
        let proof = match cause.proof {
            Proof::Counterfactual => ", proved by rebuilding",
            Proof::Pattern => "",
        };
        let own = attributed.iter().filter(|one| one.cause == cause.cause);
        let underived = match own.count() {
            0 => String::new(),
            count => format!("\\\n  **Attributed, not derived:** {count}"),
        };
        comment.block(&format!(
            "- **{first}** `{}`{proof}: {}{underived}\\\n  **Next:** {}\n",
            cause.cause,
            prose(&cause.sentence),
            prose(&cause.advice)
        ));
    }
    if differences.is_empty() {
        return;
    }
    let mut body = String::new();
    for difference in differences.iter().take(DIFFERENCES) {
        let line = difference.line().render(str::to_owned);
        body.push_str(&format!("- {}\n", code(&line)));
    }
    let more = differences.len().saturating_sub(DIFFERENCES);
    if more > 0 {
        body.push_str(&format!("\n*{more} more are left out here.*\n"));
    }
    let count = differences.len();
    let summary = format!("{count} {}", plural(count, "difference", "differences"));
    comment.within(&folded(&summary, &body), DIFFS);
    for difference in differences {
        if let Some(block) = diff_block(difference) {
            comment.within(&block, DIFFS);
        }
    }
}

/// Returns the changed lines of a member, or the parts of a shared object.
fn diff_block(difference: &Difference) -> Option<String> {
    let Kind::Contents { diff, detail, .. } = &difference.kind else {
        return None;
    };
    if difference.consequence.is_some() {
        return None;
    }
    let mut lines: Vec<String> = Vec::new();
    let mut omitted = 0;
    if let Some(Detail::Elf { parts }) = detail {
        for part in parts {
            let name = super::text::word_of(part.part);
            for (values, sign) in [(&part.published, '-'), (&part.rebuilt, '+')] {
                if !values.is_empty() {
                    lines.push(format!("{sign} {name}: {}", values.join(" ")));
                }
            }
        }
    }
    if let ContentDiff::Text {
        hunks,
        omitted_lines,
    } = diff
    {
        for hunk in hunks {
            lines.push(hunk.header());
            let all = hunk.lines.iter();
            lines.extend(all.map(|line| format!("{}{}", line.side.sign(), line.text)));
        }
        omitted = usize::try_from(*omitted_lines).unwrap_or(usize::MAX);
    }
    if lines.is_empty() {
        return None;
    }
    let more = omitted.saturating_add(lines.len().saturating_sub(DIFF_LINES));
    let member = difference.member.as_ref().map(ToString::to_string);
    let mut body = format!(
        "{}\n\n{}",
        code(&member.unwrap_or_default()),
        fenced("diff", lines.iter().take(DIFF_LINES).map(String::as_str))
    );
    if more > 0 {
        body.push_str(&format!("\n*{more} more lines are left out here.*\n"));
    }
    Some(folded("The changed lines of a member", &body))
}

impl ComparisonReport {
    /// Returns the report as Markdown.
    pub fn to_markdown(&self) -> String {
        let mut comment = Comment::default();
        let unexplained = self.unexplained.len();
        let attributed = self.attributed.len();
        let headline = match self.verdict {
            Verdict::Pass => "✅ Identical, byte for byte".to_owned(),
            Verdict::Fail => format!(
                "❌ Different: {} {}, {} {}, {attributed} attributed, {unexplained} unexplained",
                self.differences.len(),
                plural(self.differences.len(), "difference", "differences"),
                self.causes.len(),
                plural(self.causes.len(), "cause", "causes"),
            ),
            Verdict::Error | Verdict::Empty => "⚠️ They could not be compared".to_owned(),
        };
        comment.block(&format!("### {headline}\n"));
        comment.block(&format!(
            "published {}, rebuilt {}\n",
            code(&self.published.path),
            code(&self.rebuilt.path)
        ));
        for error in &self.errors {
            comment.block(&format!(
                "- ⚠️ **error** {}\\\n  **Next:** {}\n",
                prose(&error.message),
                prose(&error.next)
            ));
        }
        explain(
            &mut comment,
            &self.causes,
            &self.attributed,
            &self.unexplained,
            &self.differences,
        );
        comment.finish()
    }
}

impl EnvironmentReport {
    /// Returns the report as Markdown.
    pub fn to_markdown(&self) -> String {
        let mut comment = Comment::default();
        let count = self.differences.len();
        comment.block(&match count {
            0 => "### ✅ The same environments\n".to_owned(),
            _ => format!(
                "### ⚠️ {count} {} of environments\n",
                plural(count, "difference", "differences")
            ),
        });
        comment.block(&format!(
            "published {}, rebuilt {}\n",
            code(&self.published),
            code(&self.rebuilt)
        ));
        let rows = self.differences.iter().map(|one| {
            vec![
                cell(&one.what),
                format!("can change {}", one.reach.as_str()),
                cell(&one.published.join(" ")),
                cell(&one.rebuilt.join(" ")),
            ]
        });
        if count > 0 {
            let columns = ["What", "Reach", "Only published", "Only rebuilt"];
            comment.table(&columns, rows);
        }
        comment.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_ends_where_it_is_meant_to() {
        for (text, written) in [
            ("plain", "`plain`"),
            ("a`b", "``a`b``"),
            ("``", "``` `` ```"),
            (" x ", "`  x  `"),
            ("a\nb", "`a\\nb`"),
        ] {
            assert_eq!(code(text), written);
        }
        assert_eq!(cell("a|b\\|c"), "`a\\u{7c}b\\\\u{7c}c`");
    }

    #[test]
    fn prose_mentions_nobody_and_links_nowhere() {
        assert_eq!(
            prose("@all #1 www.x https://y"),
            "\\@<!-- -->all \\#<!-- -->1 www<!-- -->.x https:<!-- -->//y"
        );
        assert_eq!(prose("<b>*_`[x](y)|"), "&lt;b&gt;\\*\\_\\`\\[x\\](y)&#124;");
    }

    #[test]
    fn a_comment_is_never_longer_than_its_room_and_says_what_is_missing() {
        let mut comment = Comment::default();
        for _ in 0..10_000 {
            comment.block("0123456789\n");
        }
        let text = comment.finish();
        assert!(text.len() < 65_536, "{}", text.len());
        assert!(text.contains("blocks are left out here"));
    }
}
