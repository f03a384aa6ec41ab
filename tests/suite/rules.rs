//! The rules held against the manual.

use std::collections::BTreeSet;
use std::path::Path;

use wheelproof::finding::rules::ALL;

use crate::kit::format::cases;

/// Returns the rule names that stand as headings in the manual, in its order.
fn headings() -> Vec<String> {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let text = std::fs::read_to_string(manual).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_rule_has_a_paragraph_and_every_paragraph_a_rule() {
    let rules: BTreeSet<&str> = ALL.iter().map(|rule| rule.name).collect();
    let headings = headings();
    let manual: BTreeSet<&str> = headings.iter().map(String::as_str).collect();
    let missing: Vec<_> = rules.difference(&manual).collect();
    let unknown: Vec<_> = manual.difference(&rules).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "docs/rules.md lacks {missing:?}, and has {unknown:?}, which are no rules"
    );
    assert_eq!(
        headings.len(),
        manual.len(),
        "docs/rules.md has a rule twice"
    );
}

#[test]
fn the_manual_states_the_severity_of_every_rule() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let text = std::fs::read_to_string(manual).unwrap();
    for rule in ALL {
        let heading = format!("### `{}`\n\n", rule.name);
        let (_, after) = text.split_once(&heading).unwrap();
        let word = rule.severity.as_str();
        let says = format!("*{}{}.* ", word[..1].to_uppercase(), &word[1..]);
        assert!(
            after.starts_with(&says),
            "{} has to begin with {says:?}",
            rule.name
        );
    }
}

#[test]
fn names_are_kebab_case_and_stand_for_one_rule_each() {
    let mut seen = BTreeSet::new();
    for rule in ALL {
        let is_kebab_case = rule.name.split('-').all(|word| {
            !word.is_empty()
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        });
        assert!(is_kebab_case, "{}", rule.name);
        assert!(seen.insert(rule.name), "{} stands twice", rule.name);
    }
}

#[test]
fn titles_and_advice_begin_in_lower_case_and_end_without_a_stop() {
    for rule in ALL {
        for text in [rule.title, rule.next] {
            let first = text.chars().next().unwrap();
            assert!(!first.is_uppercase(), "{}: {text}", rule.name);
            assert!(!text.ends_with('.'), "{}: {text}", rule.name);
        }
    }
}

#[test]
fn every_rule_has_a_firing_case() {
    let cases = cases().unwrap_or_else(|wrong| panic!("{}", wrong.join("\n")));
    let raised: BTreeSet<&str> = cases
        .iter()
        .flat_map(|case| [&case.fault.errors, &case.fault.warnings, &case.fault.notes])
        .flatten()
        .map(String::as_str)
        .collect();
    let missing: Vec<&str> = ALL
        .iter()
        .map(|rule| rule.name)
        .filter(|name| !raised.contains(name))
        .collect();
    assert!(missing.is_empty(), "no case raises {missing:?}");
    let unknown: Vec<&&str> = raised
        .iter()
        .filter(|name| !ALL.iter().any(|rule| rule.name == **name))
        .collect();
    assert!(unknown.is_empty(), "there are no rules {unknown:?}");
}
