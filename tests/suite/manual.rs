//! The pages of the manual held against the program and against each other.

use std::path::{Path, PathBuf};

use wheelproof::policy::{Epoch, Policy, SandboxPolicy};

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

pub(crate) fn page(name: &str) -> String {
    std::fs::read_to_string(top().join(name)).unwrap()
}

/// Returns what stands in the fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    text.split(&format!("\n```{language}\n"))
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_policy_in_the_manual_is_one() {
    for name in ["README.md", "docs/policy.md", "docs/debian.md"] {
        let examples = blocks(&page(name), "toml");
        assert!(!examples.is_empty(), "{name} shows no policy");
        for example in examples {
            if let Err(error) = Policy::parse(Path::new(name), &example) {
                panic!("{error}\n{example}");
            }
        }
    }
}

#[test]
fn the_example_of_the_policy_page_means_what_the_page_says() {
    let example = blocks(&page("docs/policy.md"), "toml").remove(0);
    let policy = Policy::parse(Path::new("dir/wheelproof.toml"), &example).unwrap();
    assert_eq!(policy.trust.threshold.get(), 2);
    assert_eq!(policy.trust.signers.len(), 2);
    assert_eq!(policy.trust.certificates, [PathBuf::from("dir/keys")]);
    assert_eq!(policy.rebuild.sandbox, SandboxPolicy::Require);
    let (name, own) = policy.rebuild.projects.first_key_value().unwrap();
    assert_eq!(name.as_str(), "zope-interface");
    let recipe = own.or(&policy.rebuild.recipe);
    assert_eq!(recipe.source_date_epoch, Some(Epoch::Unset));
    assert_eq!(recipe.umask, Some(0o022));
}

/// Every key that the tables of the policy page name, in its section, with a
/// value of the right type, is taken by the program.
#[test]
fn every_key_of_the_policy_page_is_taken() {
    let text = page("docs/policy.md");
    let mut section = String::new();
    let mut keys = 0;
    for line in text.lines() {
        if line.starts_with('#') {
            let heading = line.trim_start_matches(['#', ' ']).trim_matches('`');
            section = heading.replace(".NAME", ".six");
            continue;
        }
        let Some(cells) = line
            .strip_prefix("| `")
            .filter(|_| section.starts_with('['))
        else {
            continue;
        };
        let (key, cells) = cells.split_once("` | ").unwrap();
        let value = match key {
            "key-validity" => "\"now\"",
            "not-before" => "\"2026-01-01T00:00:00Z\"",
            "depth" => "\"shallow\"",
            "sandbox" => "\"auto\"",
            "crlf" | "repeated-names" | "bad-signatures" => "\"accept\"",
            "umask" => "\"022\"",
            "platform" => "\"windows\"",
            "source-modes" => "\"archive\"",
            "build-path" => "\"/build/{sdist}-{name}-{version}\"",
            "manifest" | "directory" | "project" | "state" => "\"a\"",
            "source-date-epoch" | "clock" | "source-times" => "1309379017",
            "time-zone" => "\"Europe/Berlin\"",
            "records" => "\"ignore\"",
            "sysconfig" | "prefix-map" => "\"/build\"",
            "distutils" => "{ bdist_wheel = { universal = \"1\" } }",
            "clock-steps" => "{ \".whl\" = 1309379019 }\nclock = 1309379017",
            "inputs" => "{ \"/a\" = \"b\" }",
            "interpreter" => "\"python3\"",
            "environment" => "{ A = \"b\" }",
            "exact" => "true",
            _ if cells.starts_with("list of") => "[]",
            _ => "7",
        };
        let policy = format!("{section}\n{key} = {value}\n");
        if let Err(error) = Policy::parse(Path::new("page"), &policy) {
            panic!("{error}\n{policy}");
        }
        keys += 1;
    }
    assert!(keys > 20, "only {keys} keys were found");
}

/// Returns every page of the manual, from the top of the checkout.
pub(crate) fn pages() -> Vec<PathBuf> {
    let mut pages = vec![
        PathBuf::from("README.md"),
        PathBuf::from("CHANGELOG.md"),
        PathBuf::from("CONTRIBUTING.md"),
        PathBuf::from("benches/README.md"),
        PathBuf::from("examples/debian/README.md"),
        PathBuf::from("fixtures/README.md"),
    ];
    for entry in std::fs::read_dir(top().join("docs")).unwrap() {
        pages.push(Path::new("docs").join(entry.unwrap().file_name()));
    }
    pages
}

/// Returns the words of a command line as a shell divides it, up to where another
/// command or a redirection begins.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '#') if word.is_none() => break,
            (None, '|' | '>' | ';' | '&') => break,
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Fails unless the program takes a command line. What stands for a value that has
/// to have a form gets one that does.
#[track_caller]
fn parses(place: &str, line: &str) {
    let line = line
        .replace("SHA256", &"0".repeat(64))
        .replace("FINGERPRINT", &"0".repeat(40));
    if let Err(error) = wheelproof::cli::command().try_get_matches_from(words(&line)) {
        use clap::error::ErrorKind;
        let is_help = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion].contains(&error.kind());
        assert!(is_help, "{place}: {line}\n{error}");
    }
}

/// Returns the command lines of a block.
pub(crate) fn command_lines(block: &str) -> Vec<String> {
    let lines = block.lines().map(|line| {
        let line = line.trim();
        match line.strip_prefix("cargo run --release -- ") {
            Some(arguments) => format!("wheelproof {arguments}"),
            None => line.to_owned(),
        }
    });
    lines
        .filter(|line| line.starts_with("wheelproof "))
        .collect()
}

#[test]
fn every_command_line_of_the_pages_is_one() {
    let mut found = 0;
    for name in pages() {
        let text = page(name.to_str().unwrap());
        let place = name.display().to_string();
        // Every second part stands inside a fence.
        for block in text.split("```").skip(1).step_by(2) {
            for line in command_lines(block) {
                parses(&place, &line);
                found += 1;
            }
        }
    }
    assert!(found > 30, "only {found} command lines were found");
    // The tables of this page are what it is for.
    let migrating = page("docs/migrating.md");
    let inline: Vec<&str> = migrating
        .split('`')
        .filter(|part| part.starts_with("wheelproof ") && part.contains("PROJECT"))
        .collect();
    assert!(inline.len() > 5, "{inline:?}");
    for line in inline {
        parses("docs/migrating.md", line);
    }
}

#[test]
fn every_example_of_the_help_is_a_command_line() {
    fn check(command: &clap::Command, found: &mut usize) {
        let help = command.get_after_help().map(ToString::to_string);
        for line in help.unwrap_or_default().lines() {
            if let Some(example) = line.strip_prefix("  ") {
                parses(command.get_name(), example);
                *found += 1;
            }
        }
        for below in command.get_subcommands() {
            check(below, found);
        }
    }
    let mut found = 0;
    check(&wheelproof::cli::command(), &mut found);
    assert!(found > 15, "only {found} examples were found");
}

#[test]
fn every_page_stands_in_the_table_of_contents() {
    let summary = page("docs/SUMMARY.md");
    for name in pages() {
        let Ok(name) = name.strip_prefix("docs") else {
            continue;
        };
        let name = name.to_str().unwrap();
        assert!(
            name == "SUMMARY.md" || summary.contains(&format!("({name})")),
            "docs/SUMMARY.md does not list {name}"
        );
    }
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let pages = pages();
    for name in pages {
        let text = page(name.to_str().unwrap());
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let to = top().join(name.parent().unwrap()).join(target);
            assert!(
                to.exists(),
                "{}: {target} leads nowhere",
                name.to_str().unwrap()
            );
        }
    }
}

#[test]
fn the_record_of_the_record_page_is_one() {
    let record = blocks(&page("docs/build-record.md"), "json").remove(0);
    let record = wheelproof::recipe::BuildRecord::parse(record.as_bytes()).unwrap();
    assert_eq!(record.sdist.to_string(), "x-1.0.tar.gz");
    assert_eq!(record.recipe.source_date_epoch, Some(1_309_379_017));
}
