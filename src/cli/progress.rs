//! Progress on a terminal; nothing in a pipe.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Voice;
use crate::count::{self, counted};
use crate::pipeline::{Progress, Request};
use crate::report::escape;
use crate::threads;

/// Progress on standard error: bars on a terminal, or a line a step where somebody asked
/// for it.
#[derive(Debug)]
pub(super) struct Bars {
    bar: ProgressBar,
    building: Mutex<Vec<String>>,
    verbose: bool,
    begun: Instant,
}

impl Bars {
    pub(super) fn new(voice: Voice) -> Self {
        let bar = ProgressBar::hidden();
        if voice.progress {
            // Draws only when standard error is a terminal.
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(15));
        }
        Self {
            bar,
            building: Mutex::new(Vec::new()),
            verbose: voice.verbose,
            begun: Instant::now(),
        }
    }

    /// Says a step with the seconds since the beginning, where every step is asked for.
    fn step(&self, says: impl FnOnce() -> String) {
        if self.verbose {
            let seconds = self.begun.elapsed().as_secs_f64();
            let _ = writeln!(io::stderr(), "[{seconds:>8.3}s] {}", escape(&says()));
        }
    }

    /// Says what is read, where every step is asked for.
    pub(super) fn reading(&self, request: &Request) {
        let trust = &request.policy.trust;
        let listed = |paths: &[PathBuf]| {
            let names: Vec<_> = paths
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            match names.is_empty() {
                true => "none".to_owned(),
                false => names.join(", "),
            }
        };
        let policy: Vec<PathBuf> = request
            .policy_file
            .iter()
            .map(|file| file.path.clone())
            .collect();
        self.step(|| format!("policy: {}", listed(&policy)));
        self.step(|| format!("certificates: {}", listed(&trust.certificates)));
        let Ok(locations) = request.policy.wheelhouse.locate(&request.root) else {
            return;
        };
        self.step(|| format!("manifest: {}", listed(locations.manifest.as_slice())));
        self.step(|| format!("signatures: {}", listed(&locations.signatures)));
        self.step(|| format!("files: {}", locations.directory.display()));
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

    /// Lets the bar move by itself. That takes a thread, which the library that draws
    /// takes for granted.
    fn tick(&self) {
        if threads::is_one_more() {
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
    }

    fn many(&self, template: &str, wheels: u64) {
        self.style(template);
        self.bar.set_length(wheels);
        self.bar.set_position(0);
        self.tick();
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
        self.step(|| {
            format!(
                "hashing {}, {}",
                counted(files, "file", "files"),
                count::bytes(bytes)
            )
        });
        self.style("hashing {msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}");
        self.bar.set_length(bytes);
        self.bar.set_message(counted(files, "file", "files"));
    }

    fn read(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn hashed(&self) {
        self.step(|| "hashed".to_owned());
        self.bar.reset();
    }

    fn inspecting(&self, files: u64, bytes: u64) {
        self.step(|| {
            format!(
                "looking into {}, {}",
                counted(files, "file", "files"),
                count::bytes(bytes)
            )
        });
        self.style("looking into {msg} {spinner} {bytes} unpacked, {bytes_per_sec}");
        self.bar.set_length(bytes);
        self.bar.set_message(counted(files, "file", "files"));
    }

    fn asking(&self, projects: u64) {
        self.step(|| {
            format!(
                "asking the index for {}",
                counted(projects, "project", "projects")
            )
        });
        self.style("asking the index [{bar:30}] {pos}/{len} {wide_msg}");
        self.bar.set_length(projects);
        self.bar.set_position(0);
        self.tick();
    }

    fn answered(&self, project: &str) {
        self.step(|| format!("the index has answered for {project}"));
        self.bar.set_message(escape(project));
        self.bar.inc(1);
    }

    fn making_room(&self) {
        self.bar.finish_and_clear();
    }

    fn making(&self, wheels: u64) {
        self.many("building [{bar:30}] {pos}/{len} {wide_msg}", wheels);
    }

    fn rebuilding(&self, wheels: u64) {
        self.many("rebuilding [{bar:30}] {pos}/{len} {wide_msg}", wheels);
    }

    fn building(&self, wheel: &str) {
        self.step(|| format!("building {wheel}"));
        self.show_building(|building| building.push(escape(wheel)));
    }

    fn rebuilt(&self, wheel: &str) {
        self.step(|| format!("done with {wheel}"));
        let wheel = escape(wheel);
        self.show_building(|building| building.retain(|other| *other != wheel));
        self.bar.inc(1);
    }
}
