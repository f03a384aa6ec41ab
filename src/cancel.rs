//! A flag that says "stop now".
//!
//! Set by `cli` when a signal arrives, looked at wherever work takes long. Who
//! sees it returns early, so that temporary directories are removed on the way.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the flag holds when nobody named a signal.
const NO_SIGNAL: usize = usize::MAX;

/// A shared request to stop.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicUsize>);

impl Cancel {
    /// Returns a request nobody has made yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everybody who holds a clone to stop.
    pub fn request(&self) {
        self.0.store(NO_SIGNAL, Ordering::SeqCst);
    }

    /// Returns whether somebody asked to stop.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst) != 0
    }

    /// Returns the signal that asked to stop, if it was one.
    pub fn signal(&self) -> Option<i32> {
        match self.0.load(Ordering::SeqCst) {
            0 | NO_SIGNAL => None,
            signal => i32::try_from(signal).ok(),
        }
    }

    /// Takes the signal that asked to stop, so that nobody else sees it.
    pub fn take_signal(&self) -> Option<i32> {
        match self.0.load(Ordering::SeqCst) {
            0 | NO_SIGNAL => None,
            _ => i32::try_from(self.0.swap(0, Ordering::SeqCst)).ok(),
        }
    }

    /// Asks everybody to stop in the name of a signal.
    pub fn request_by(&self, signal: i32) {
        let number = usize::try_from(signal).unwrap_or(NO_SIGNAL);
        self.0.store(number, Ordering::SeqCst);
    }

    /// Returns the flag itself: a signal handler stores the signal's number.
    pub fn flag(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
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
