//! What is known of build backends: when which version was released, and what each
//! writes into a wheel.
//!
//! Two tables that are part of the program, each written by a script from an index and
//! from real builds. Nothing in them is a guess.

mod behaviours;
mod releases;

pub use behaviours::{Range, oldest, ranges, that_write};
pub use releases::{Release, releases, table};
