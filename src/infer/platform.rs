//! The system that the build wrote for: Windows, or one like this.

use super::Inference;
use crate::evidence::WheelEvidence;
use crate::policy::Platform;

pub(super) fn infer(inference: &mut Inference, wheel: &WheelEvidence) {
    // Python's zipfile writes 0 on Windows and 3 everywhere else. One header that
    // says something else was written by another program.
    let is_windows = |creator: u8| creator == 0;
    let all = wheel.members.len();
    if all == 0 || !wheel.members.iter().all(|it| is_windows(it.creator_system)) {
        return;
    }
    inference.because(
        "platform",
        Platform::Windows.as_str(),
        format!("the headers of all {all} members name MS-DOS or Windows as their creator"),
    );
    inference.platform = Some(Platform::Windows);
}
