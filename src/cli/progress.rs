//! Progress on a terminal; nothing in a pipe.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::count::counted;
use crate::pipeline::Progress;
use crate::report::escape;

/// Progress bars on standard error.
#[derive(Debug)]
pub(super) struct Bars {
    bar: ProgressBar,
    building: Mutex<Vec<String>>,
}

impl Bars {
    pub(super) fn new(quiet: bool) -> Self {
        let bar = ProgressBar::hidden();
        if !quiet {
            // Draws only when standard error is a terminal.
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(15));
        }
        Self {
            bar,
            building: Mutex::new(Vec::new()),
        }
    }

    /// Takes the bar off the screen.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn style(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
    }

    fn show_building(&self, change: impl FnOnce(&mut Vec<String>)) {
        if let Ok(mut building) = self.building.lock() {
            change(&mut building);
            self.bar.set_message(building.join(", "));
        }
    }
}

impl Progress for Bars {
    fn hashing(&self, files: u64, bytes: u64) {
        self.style("hashing {msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}");
        self.bar.set_length(bytes);
        self.bar.set_message(counted(files, "file", "files"));
    }

    fn read(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn hashed(&self) {
        self.bar.reset();
    }

    fn inspecting(&self, files: u64, bytes: u64) {
        self.style("looking into {msg} {spinner} {bytes} unpacked, {bytes_per_sec}");
        self.bar.set_length(bytes);
        self.bar.set_message(counted(files, "file", "files"));
    }

    fn asking(&self, projects: u64) {
        self.style("asking the index [{bar:30}] {pos}/{len} {wide_msg}");
        self.bar.set_length(projects);
        self.bar.set_position(0);
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    fn answered(&self, project: &str) {
        self.bar.set_message(escape(project));
        self.bar.inc(1);
    }

    fn rebuilding(&self, wheels: u64) {
        self.style("rebuilding [{bar:30}] {pos}/{len} {wide_msg}");
        self.bar.set_length(wheels);
        self.bar.set_position(0);
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    fn building(&self, wheel: &str) {
        self.show_building(|building| building.push(escape(wheel)));
    }

    fn rebuilt(&self, wheel: &str) {
        let wheel = escape(wheel);
        self.show_building(|building| building.retain(|other| *other != wheel));
        self.bar.inc(1);
    }
}
