//! Signals: the first asks to stop, the second stops.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::{SigId, flag, low_level};

use crate::cancel::Cancel;

/// The signals that are watched.
#[derive(Debug)]
pub(super) struct Watched {
    /// What ends the program when a signal comes again.
    at_once: Vec<SigId>,
}

/// Lets the signals that end programs set the flag. A second one ends the
/// program at once.
pub(super) fn watch(cancel: &Cancel) -> Watched {
    let again = Arc::new(AtomicBool::new(false));
    let mut at_once = Vec::new();
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
        // The order matters: the first signal finds `again` unset and sets it.
        at_once.extend(flag::register_conditional_default(
            signal,
            Arc::clone(&again),
        ));
        let _ = flag::register(signal, Arc::clone(&again));
        let number = usize::try_from(signal).unwrap_or(usize::MAX);
        let _ = flag::register_usize(signal, cancel.flag(), number);
    }
    // A file beyond the limit of `ulimit -f` is then an error of the write, and
    // what was begun can be removed. Being ignored would be inherited by commands;
    // being caught is not.
    let _ = flag::register(SIGXFSZ, Arc::default());
    Watched { at_once }
}

impl Watched {
    /// Lets no signal end the program from now on: a command runs, and what it
    /// was given has to be removed after it.
    pub(super) fn only_note(&self) {
        for id in &self.at_once {
            low_level::unregister(*id);
        }
    }
}

/// Ends the program as the signal would have, so that a shell that waits knows.
pub(super) fn die_of(signal: i32) {
    let _ = low_level::emulate_default_handler(signal);
}
