//! Signals: the first asks to stop, the second stops.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::{flag, low_level};

use crate::cancel::Cancel;

/// Lets the signals that end programs set the flag. A second one ends the
/// program at once.
pub(super) fn watch(cancel: &Cancel) {
    let again = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // The order matters: the first signal finds `again` unset and sets it.
        let _ = flag::register_conditional_default(signal, Arc::clone(&again));
        let _ = flag::register(signal, Arc::clone(&again));
        let number = usize::try_from(signal).unwrap_or(usize::MAX);
        let _ = flag::register_usize(signal, cancel.flag(), number);
    }
    // Writing beyond the limit of file sizes then fails with an error that can be
    // told, instead of ending the program.
    let _ = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// Ends the program as the signal would have, so that a shell that waits knows.
pub(super) fn die_of(signal: i32) {
    let _ = low_level::emulate_default_handler(signal);
}
