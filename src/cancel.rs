//! A flag that says "stop now".
//!
//! Set by `cli` when a signal arrives, looked at wherever work takes long. Who
//! sees it returns early, so that temporary directories are removed on the way.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// What the flag holds when nobody named a signal.
const NO_SIGNAL: usize = usize::MAX;

/// A shared request to stop.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    signal: Arc<AtomicUsize>,
    until: Option<Instant>,
}

impl Cancel {
    /// Returns a request nobody has made yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a clone that asks to stop at a moment by itself.
    pub fn until(&self, moment: Instant) -> Self {
        Self {
            signal: Arc::clone(&self.signal),
            until: Some(self.until.map_or(moment, |earlier| earlier.min(moment))),
        }
    }

    /// Asks everybody who holds a clone to stop.
    pub fn request(&self) {
        self.signal.store(NO_SIGNAL, Ordering::SeqCst);
    }

    /// Returns whether somebody asked to stop, or the moment to stop has come.
    pub fn is_requested(&self) -> bool {
        self.signal.load(Ordering::SeqCst) != 0
            || self.until.is_some_and(|moment| Instant::now() >= moment)
    }

    /// Returns the signal that asked to stop, if it was one.
    pub fn signal(&self) -> Option<i32> {
        match self.signal.load(Ordering::SeqCst) {
            0 | NO_SIGNAL => None,
            signal => i32::try_from(signal).ok(),
        }
    }

    /// Takes the signal that asked to stop, so that nobody else sees it.
    pub fn take_signal(&self) -> Option<i32> {
        match self.signal.load(Ordering::SeqCst) {
            0 | NO_SIGNAL => None,
            _ => i32::try_from(self.signal.swap(0, Ordering::SeqCst)).ok(),
        }
    }

    /// Asks everybody to stop in the name of a signal.
    pub fn request_by(&self, signal: i32) {
        let number = usize::try_from(signal).unwrap_or(NO_SIGNAL);
        self.signal.store(number, Ordering::SeqCst);
    }

    /// Returns the flag itself: a signal handler stores the signal's number.
    pub fn flag(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.signal)
    }

    /// Returns an error when somebody asked to stop.
    ///
    /// # Errors
    ///
    /// An error of kind [`io::ErrorKind::Other`] with the text "interrupted".
    pub fn check(&self) -> io::Result<()> {
        if self.is_requested() {
            Err(io::Error::other("interrupted"))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_moment_stops_its_clone_and_a_request_stops_both() {
        let cancel = Cancel::new();
        let later = cancel.until(Instant::now() + Duration::from_secs(3600));
        let past = later.until(Instant::now());
        assert!(past.is_requested() && past.check().is_err());
        assert!(!later.is_requested() && !cancel.is_requested());
        // The earlier of two moments counts.
        assert!(
            past.until(Instant::now() + Duration::from_secs(60))
                .is_requested()
        );
        cancel.request_by(15);
        assert!(later.is_requested());
        assert_eq!((later.signal(), past.signal()), (Some(15), Some(15)));
    }
}
