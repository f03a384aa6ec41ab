//! `wheelproof rule [RULE]`.

use clap::Args;

use super::output::Output;
use super::{Usage, Voice};
use crate::finding::rules;
use crate::spelling;

/// The page of the manual that has a paragraph for each rule; a test compares the two.
const PAGE: &str = include_str!("../../docs/rules.md");

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof rule\n  \
    wheelproof rule hash-mismatch\n  \
    wheelproof rule 'error[hash-mismatch]:'\n\n\
    A finding names its rule: 'error[RULE]: …'. Without RULE, all are listed.")]
pub(super) struct RuleArgs {
    /// The rule, as a finding names it
    rule: Option<String>,
}

pub(super) fn run(voice: Voice, args: &RuleArgs) -> u8 {
    let output = Output::plain(voice);
    let text = match &args.rule {
        None => list(),
        Some(word) => match paragraph(name_in(word)) {
            Some(text) => text,
            None => return output.usage("rule", &unknown(name_in(word))),
        },
    };
    match output.plainly(&text) {
        Ok(()) => 0,
        Err(error) => output.trouble(&format!("cannot write it: {error}")),
    }
}

/// Returns the name in what somebody copied from a report.
fn name_in(word: &str) -> &str {
    let inside = word.split_once('[').map_or(word, |(_, after)| after);
    inside.split(']').next().unwrap_or(inside).trim()
}

fn list() -> String {
    let longest = rules::ALL
        .iter()
        .map(|rule| rule.name.len())
        .max()
        .unwrap_or(0);
    rules::ALL
        .iter()
        .map(|rule| {
            let severity = rule.severity.as_str();
            format!("{:<longest$}  {severity:<7}  {}\n", rule.name, rule.title)
        })
        .collect()
}

/// Returns what the manual says about a rule, and the advice of its findings.
fn paragraph(name: &str) -> Option<String> {
    let rule = rules::ALL.iter().find(|rule| rule.name == name)?;
    let (_, after) = PAGE.split_once(&format!("### `{name}`\n\n"))?;
    let text = after.split("\n#").next().unwrap_or(after).trim_end();
    Some(format!(
        "{}[{}]: {}\n\n{text}\n\n  next:     {}\n",
        rule.severity, rule.name, rule.title, rule.next
    ))
}

fn unknown(name: &str) -> Usage {
    let names = rules::ALL.iter().map(|rule| rule.name);
    let near = spelling::all_near(name, names);
    let next = match near.get(..near.len().min(3)) {
        Some(near) if !near.is_empty() => format!("did you mean {}?", near.join(" or ")),
        _ => "'wheelproof rule' lists them all".to_owned(),
    };
    Usage::new(format!("there is no rule '{name}'"), next)
}
