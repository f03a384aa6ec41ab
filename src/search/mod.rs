//! What a search for a recipe tries, and in which order.
//!
//! In: evidence, and the days between which the wheel was built. Out: sets of tools
//! that write different bytes, the likely ones first, and the variations of times
//! and modes of a wheel that was built with one of them. Pure; builds are for others to
//! start.
//!
//! The oracle of a search is the signed digest alone, so it works where the
//! published wheel is not at hand. A match shows that these tools give the signed
//! bytes, not that the builder had them.

mod sets;
mod variations;

pub use sets::{ToolSet, tool_sets};
pub use variations::{Moments, Variation, Variations, epochs};
