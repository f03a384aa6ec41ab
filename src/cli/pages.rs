//! Pages of the manual and completions, made of the command line as it is defined.
//!
//! `wheelproof man` and `wheelproof completions` print one; packages write them all with
//! `examples/make-pages.rs`.

use std::io;
use std::path::Path;

use clap::{Args, Command};
use clap_complete::{Shell, generate, generate_to};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::output::Output;
use super::{Usage, Voice};
use crate::spelling;

/// What the exit codes of a command mean.
const CODES: &[(&str, &str)] = &[
    ("0", "Everything asked for holds."),
    ("1", "There are findings: do not use this wheelhouse."),
    ("2", "The command line or the policy is wrong."),
    ("3", "The work could not be done."),
    ("4", "There is nothing to check; never a pass."),
];

/// What those of `run` mean besides.
const CODES_OF_RUN: &[(&str, &str)] = &[
    (
        "125",
        "Not everything held, and the command was not started.",
    ),
    ("126", "The command could not be started."),
    ("127", "The command was not found."),
    ("other", "What the command ended with."),
];

/// What those of `explain` mean.
const CODES_OF_EXPLAIN: &[(&str, &str)] = &[
    ("0", "The two are identical."),
    ("1", "They differ."),
    ("2", "The command line is wrong."),
    ("3", "The work could not be done."),
];

/// What a command's help says after its options: commands to try, and the rest.
fn afterwards(command: &Command) -> (Vec<String>, Vec<String>) {
    let text = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let (mut examples, mut notes) = (Vec::new(), Vec::new());
    for line in text.lines() {
        match line.strip_prefix("  ") {
            Some(example) => examples.push(example.to_owned()),
            None if line.is_empty() || line.ends_with("xamples:") => {}
            None if line.starts_with("Exit codes:") || line.starts_with("'run' exits") => {}
            None => notes.push(line.to_owned()),
        }
    }
    (examples, notes)
}

fn list(roff: &mut Roff, entries: &[(&str, &str)]) {
    for (name, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*meaning)]);
    }
}

fn page(command: &Command, siblings: &[String], to: &mut Vec<u8>) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let version = concat!("wheelproof ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone())
        .title(name)
        .source(version)
        .manual("wheelproof");
    man.render_title(to)?;
    man.render_name_section(to)?;
    // The usage, and not every option once more.
    let mut usage = Roff::default();
    usage.control("SH", ["SYNOPSIS"]);
    let line = command.clone().render_usage().to_string();
    usage.text([roman(line.trim_start_matches("Usage: ").trim())]);
    usage.to_writer(to)?;
    man.render_description_section(to)?;
    let (examples, notes) = afterwards(command);
    let mut roff = Roff::default();
    for note in notes {
        roff.control("PP", []);
        roff.text([roman(note)]);
    }
    roff.to_writer(to)?;
    man.render_options_section(to)?;
    if command.has_subcommands() {
        man.render_subcommands_section(to)?;
    }
    let mut roff = Roff::default();
    if !examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
        for example in examples {
            roff.control("PP", []);
            roff.control("nf", []);
            roff.control("RS", ["4"]);
            roff.text([roman(example)]);
            roff.control("RE", []);
            roff.control("fi", []);
        }
    }
    roff.control("SH", ["EXIT STATUS"]);
    match name {
        "wheelproof-explain" => list(&mut roff, CODES_OF_EXPLAIN),
        "wheelproof-run" => list(&mut roff, CODES_OF_RUN),
        _ => list(&mut roff, CODES),
    }
    roff.control("SH", ["SEE ALSO"]);
    let others: Vec<String> = siblings
        .iter()
        .filter(|sibling| *sibling != name)
        .map(|sibling| format!("{sibling}(1)"))
        .collect();
    roff.text([roman(others.join(", "))]);
    roff.control("PP", []);
    roff.text([roman(
        "The manual, with the format of the policy, the report and every rule, is in \
         /usr/share/doc/wheelproof where a package installed this page.",
    )]);
    roff.to_writer(to)
}

/// Writes the page of a command and of every command below it.
fn write_pages_below(command: &Command, siblings: &[String], out: &Path) -> io::Result<()> {
    let mut bytes = Vec::new();
    page(command, siblings, &mut bytes)?;
    let name = command.get_display_name().unwrap_or(command.get_name());
    std::fs::write(out.join(format!("{name}.1")), bytes)?;
    for below in shown(command) {
        write_pages_below(below, siblings, out)?;
    }
    Ok(())
}

/// Returns the commands below one, without those that users do not type.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|below| !below.is_hide_set() && below.get_name() != "help")
}

/// Writes the page of every command into a directory, and completions for bash, zsh and
/// fish below it, under the names that these look for. Equal programs give equal files.
///
/// # Errors
///
/// What the directory says.
pub fn write_pages(out: &Path) -> io::Result<()> {
    let completions = out.join("completions");
    std::fs::create_dir_all(&completions)?;
    let mut command = super::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let written = generate_to(shell, &mut command, "wheelproof", &completions)?;
        if shell == Shell::Bash {
            // bash-completion looks for the name of the command.
            std::fs::rename(written, completions.join("wheelproof"))?;
        }
    }
    command.build();
    write_pages_below(&command, &siblings(&command), out)
}

/// Returns the names of the pages of all commands.
fn siblings(command: &Command) -> Vec<String> {
    std::iter::once("wheelproof".to_owned())
        .chain(shown(command).filter_map(|below| below.get_display_name().map(str::to_owned)))
        .collect()
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof completions bash > ~/.local/share/bash-completion/completions/wheelproof\n  \
    wheelproof completions zsh > _wheelproof\n  \
    wheelproof completions fish > ~/.config/fish/completions/wheelproof.fish\n\n\
    A new shell reads the file; packages install it where the shell looks.")]
pub(super) struct CompletionsArgs {
    /// The shell that reads them
    shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof man | man -l -\n  \
    wheelproof man verify | man -l -\n  \
    wheelproof man witness find > wheelproof-witness-find.1\n\n\
    The page is what man reads; 'wheelproof help COMMAND' is plain text.")]
pub(super) struct ManArgs {
    /// The command whose page is wanted [default: the program's own]
    command: Vec<String>,
}

/// Writes completions to standard output.
pub(super) fn completions(voice: Voice, args: &CompletionsArgs) -> u8 {
    let output = Output::plain(voice);
    let mut bytes = Vec::new();
    generate(args.shell, &mut super::command(), "wheelproof", &mut bytes);
    said(&output, &bytes)
}

/// Writes a page of the manual to standard output.
pub(super) fn man(voice: Voice, args: &ManArgs) -> u8 {
    let output = Output::plain(voice);
    let mut all = super::command();
    all.build();
    let mut command = &all;
    for word in &args.command {
        let below: Vec<&str> = shown(command).map(Command::get_name).collect();
        match shown(command).find(|one| one.get_name() == word) {
            Some(one) => command = one,
            None => {
                let next = match spelling::nearest(word, below.iter().copied()) {
                    Some(meant) => format!(
                        "did you mean '{meant}'? Else it is one of: {}",
                        below.join(", ")
                    ),
                    None if below.is_empty() => "leave it out".to_owned(),
                    None => format!("name one of: {}", below.join(", ")),
                };
                let name = command.get_display_name().unwrap_or(command.get_name());
                let message = format!("{} has no command '{word}'", name.replace('-', " "));
                return output.usage("man", &Usage::new(message, next));
            }
        }
    }
    let mut bytes = Vec::new();
    match page(command, &siblings(&all), &mut bytes) {
        Ok(()) => said(&output, &bytes),
        Err(error) => output.trouble(&format!("cannot make the page: {error}")),
    }
}

fn said(output: &Output, bytes: &[u8]) -> u8 {
    match output.plainly(&String::from_utf8_lossy(bytes)) {
        Ok(()) => 0,
        Err(error) => output.trouble(&format!("cannot write the page: {error}")),
    }
}
