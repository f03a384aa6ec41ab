//! What a wheel and its sdist show of how the wheel was built.
//!
//! In: a published wheel, if it is at hand, and the sdist, both verified and both
//! foreign. Out: [`WheelEvidence`] and [`SdistEvidence`], facts only. What they
//! mean for a recipe is for `infer` to say.

mod build_system;
mod sdist;
mod wheel;

pub use build_system::BuildSystem;
pub use sdist::{SdistEvidence, SourceFile};
pub use wheel::{Builder, MemberEvidence, WheelEvidence, dos_seconds};

/// How much of a METADATA, WHEEL, setup.py or pyproject.toml is looked at.
const MAX_TEXT: u64 = 4 << 20;
