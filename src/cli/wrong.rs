//! A command line that could not be read: what is wrong with it, and what to type instead.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::output;
use super::{NOT_STARTED, Surroundings, USAGE, Usage, fold, terminal};
use crate::gnupg;
use crate::report::escape;
use crate::spelling;

/// Says what is wrong with a command line that could not be read, or gives the
/// help that was asked for; returns the code.
pub(super) fn say(error: &clap::Error, surroundings: &Surroundings) -> u8 {
    let asks_for_all = || {
        surroundings
            .arguments
            .iter()
            .any(|word| word == "--version")
    };
    if error.kind() == ErrorKind::DisplayVersion && asks_for_all() {
        let text = super::version::text(surroundings);
        let _ = io::stdout().write_all(escape_lines(&text).as_bytes());
        return 0;
    }
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Help and version are no errors; clap knows their stream.
        match help(error) {
            Some(help) => {
                let mut out = anstream::AutoStream::auto(io::stdout());
                let _ = out.write_all(help.as_bytes());
            }
            None => {
                let _ = error.print();
            }
        }
        return if error.use_stderr() { USAGE } else { 0 };
    }
    let place = command_of(&surroundings.arguments);
    let command = place.as_ref().map(|(_, name)| name.clone());
    let tip = tip(error, &surroundings.arguments, place);
    // Any other code than this one could be CMD's own.
    let code = match command.as_deref() {
        Some("run") => NOT_STARTED,
        _ => USAGE,
    };
    if code == USAGE && wants_json(&surroundings.arguments) {
        let message = error.to_string();
        let message = message.trim_start_matches("error: ");
        let message = message.split("\n\nUsage:").next().unwrap_or(message);
        let next = tip.as_deref().unwrap_or("see wheelproof --help");
        output::usage_as_json(command.as_deref(), &Usage::new(message.trim_end(), next));
    } else {
        write_escaped(error, tip.as_deref());
    }
    code
}

/// Says what is wrong with a variable of the environment; returns the code.
pub(super) fn environment(usage: &Usage, surroundings: &Surroundings) -> u8 {
    let command = command_of(&surroundings.arguments).map(|(_, name)| name);
    let is_run = command.as_deref() == Some("run");
    if !is_run && wants_json(&surroundings.arguments) {
        output::usage_as_json(command.as_deref(), usage);
    } else {
        output::say_usage(anstream::ColorChoice::Auto, usage);
    }
    if is_run { NOT_STARTED } else { USAGE }
}

/// Returns the subcommand with its place: the first word that is one, for a flag that
/// stands before it may have a value.
fn command_of(arguments: &[OsString]) -> Option<(usize, String)> {
    let names = names_below(&super::command());
    let mut words = arguments.iter().enumerate().skip(1);
    words.find_map(|(place, word)| {
        let word = word.to_str()?;
        names
            .iter()
            .any(|name| name == word)
            .then(|| (place, word.to_owned()))
    })
}

fn names_below(command: &clap::Command) -> Vec<String> {
    command
        .get_subcommands()
        .map(|below| below.get_name().to_owned())
        .collect()
}

fn wants_json(arguments: &[OsString]) -> bool {
    let words: Vec<_> = arguments.iter().filter_map(|word| word.to_str()).collect();
    words.contains(&"--format=json") || words.windows(2).any(|two| two == ["--format", "json"])
}

/// Returns what else would help, where clap does not know it.
fn tip(
    error: &clap::Error,
    arguments: &[OsString],
    place: Option<(usize, String)>,
) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand if error.get(ContextKind::SuggestedSubcommand).is_none() => {
            let names = names_below(&super::command());
            let wrong = text(ContextKind::InvalidSubcommand)?;
            let meant = spelling::nearest(wrong, names.iter().map(String::as_str))?;
            Some(format!("a similar subcommand exists: '{meant}'"))
        }
        ErrorKind::UnknownArgument => {
            let wrong = text(ContextKind::InvalidArg)?;
            let (at, name) = place?;
            let stands_before = || arguments.iter().take(at).any(|word| word == wrong);
            if wrong.starts_with('-') {
                stands_before().then(|| {
                    format!(
                        "flags of a command stand after it: 'wheelproof {name} {wrong}'; before it \
                         stand --quiet, --verbose, --color and --no-progress"
                    )
                })
            } else {
                (name == "run").then(|| with_dashes(arguments, at, wrong))
            }
        }
        _ => None,
    }
}

/// Returns the command line of 'run' with the '--' that was left out.
fn with_dashes(arguments: &[OsString], at: usize, wrong: &str) -> String {
    let (before, after) = arguments.split_at((at + 1).min(arguments.len()));
    let mut first = after.iter().position(|word| word == wrong).unwrap_or(0);
    // The first word is CMD, too, unless it is a directory.
    if first > 0
        && let Some(dir) = after.get(first - 1)
        && !dir.to_string_lossy().starts_with('-')
        && !Path::new(dir).is_dir()
    {
        first -= 1;
    }
    let (flags, command) = after.split_at(first);
    let dashes = OsString::from("--");
    let words = before
        .iter()
        .skip(1)
        .chain(flags)
        .chain([&dashes])
        .chain(command);
    let line: Vec<String> = words.map(|word| shell_word(word)).collect();
    format!(
        "put '--' before the command: 'wheelproof {}'",
        line.join(" ")
    )
}

fn shell_word(word: &OsStr) -> String {
    match word.to_str() {
        // A flag is one on purpose.
        Some(flag) if flag.starts_with('-') => flag.to_owned(),
        _ => gnupg::quoted(&word.to_string_lossy()),
    }
}

/// The widest that help is written, as for clap.
const HELP_WIDTH: usize = 100;

/// Returns help with its examples as a shell reads them: clap breaks lines inside quoted
/// words. `None` where there are no examples, or where something else is asked for.
fn help(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::DisplayHelp {
        return None;
    }
    let rendered = error.render().ansi().to_string();
    let (before, _) = rendered.split_once("\nExamples:\n")?;
    let usage = error.render().to_string();
    let usage = usage
        .lines()
        .find_map(|line| line.strip_prefix("Usage: wheelproof "))?;
    let commands = super::command();
    let mut command = &commands;
    for word in usage.split(' ') {
        match command.find_subcommand(word) {
            Some(below) => command = below,
            None => break,
        }
    }
    let width = terminal::width(io::stdout())
        .unwrap_or(HELP_WIDTH)
        .min(HELP_WIDTH);
    let after = command.get_after_help()?.to_string();
    let lines = after.lines().map(|line| match line.starts_with("  ") {
        true => fold::command(line, width),
        false => fold::text(line, width).replace("\n  ", "\n"),
    });
    let lines: Vec<String> = lines.collect();
    Some(format!("{before}\n{}\n", lines.join("\n")))
}

fn escape_lines(text: &str) -> String {
    text.lines()
        .map(|line| format!("{}\n", escape(line)))
        .collect()
}

/// Writes an error of the command line without what a terminal would obey: a
/// shell's pattern can turn hostile file names into arguments.
fn write_escaped(error: &clap::Error, tip: Option<&str>) {
    let mut err = io::stderr();
    let text = error.to_string();
    let mut tip = tip;
    for line in text.lines() {
        // Beside clap's own tips, which stand before the usage.
        if (line.starts_with("Usage:") || line.starts_with("For more information"))
            && let Some(tip) = tip.take()
        {
            let _ = writeln!(err, "  tip: {}\n", escape(tip));
        }
        let _ = writeln!(err, "{}", escape(line));
    }
}
