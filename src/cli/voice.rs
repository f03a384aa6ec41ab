//! How every command speaks: flags that stand before the command or after it.

use clap::{Args, ValueEnum};

use super::{Surroundings, Usage, environment};

/// Flags of all commands.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Everywhere")]
pub(super) struct GlobalArgs {
    /// Say nothing unless something is wrong
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say on standard error what is read, asked and done
    #[arg(long, short, global = true)]
    verbose: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    color: ColorWhen,
    /// Draw no progress bars [env: WHEELPROOF_NO_PROGRESS]
    #[arg(long, global = true)]
    no_progress: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorWhen {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How the program speaks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice {
    /// Whether a pass is worth no word.
    pub(super) quiet: bool,
    /// Whether every step is worth a line.
    pub(super) verbose: bool,
    /// Whether progress is drawn where there is a terminal.
    pub(super) progress: bool,
    /// When to use colours.
    pub(super) color: anstream::ColorChoice,
}

impl GlobalArgs {
    /// Returns how the program speaks, by its flags and by the environment.
    pub(super) fn voice(self, surroundings: &Surroundings) -> Result<Voice, Usage> {
        let silent =
            self.no_progress || environment::switch(surroundings, environment::NO_PROGRESS)?;
        Ok(Voice {
            quiet: self.quiet,
            verbose: self.verbose,
            progress: !self.quiet && !self.verbose && !silent,
            color: match self.color {
                ColorWhen::Auto => anstream::ColorChoice::Auto,
                ColorWhen::Always => anstream::ColorChoice::Always,
                ColorWhen::Never => anstream::ColorChoice::Never,
            },
        })
    }
}
