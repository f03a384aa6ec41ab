//! Builds that behave and builds that do not, with a backend in the sdist's own
//! tree: nothing but an interpreter is needed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::{Compression, write::GzEncoder};
use wheelproof::archive;
use wheelproof::cancel::Cancel;
use wheelproof::digest::Sha256Digest;
use wheelproof::filename::{SdistFilename, WheelFilename};
use wheelproof::rebuild::{
    Built, Cache, Candidate, Fetcher, Job, Outcome, RebuildError, ToolsError, Workshop,
};
use wheelproof::recipe::{Recipe, ToolWheel, Umask};
use wheelproof::requirements;
use wheelproof::sandbox::{Layer, Limits, Sandbox};

use crate::common::working_layers;

pub(crate) const PYTHON: &str = "/usr/bin/python3";
const WHEEL: &str = "small-1.0-py3-none-any.whl";

/// Writes what a wheel needs with fixed times, whatever the clock says.
pub(crate) const HONEST: &str = r#"
import os, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for member in ["small.py", "run.sh"]:
            info = zipfile.ZipInfo(member, (2011, 6, 29, 20, 23, 36))
            info.external_attr = os.stat(member).st_mode << 16
            wheel.writestr(info, open(member, "rb").read())
        for member, text in extra().items():
            wheel.writestr(zipfile.ZipInfo(member), text)
    return name
def extra():
    return {}
"#;

/// Everything one build needs, in a directory that every user may pass through.
pub(crate) struct Bench {
    pub(crate) directory: tempfile::TempDir,
    workshop: Workshop,
    tools: Vec<ToolWheel>,
    environment: BTreeMap<String, String>,
    umask: Umask,
    pub(crate) wheel: &'static str,
    interpreter: PathBuf,
    /// What the recipe of a test has besides.
    pub(crate) amend: Box<dyn Fn(&mut Recipe) + Sync>,
}

impl Bench {
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        Self::with_limits(
            sandbox,
            Limits {
                wall_time: Duration::from_secs(60),
                ..Limits::default()
            },
        )
    }

    pub(crate) fn with_limits(sandbox: Sandbox, limits: Limits) -> Self {
        let directory = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a directory");
        fs::create_dir(directory.path().join("tmp")).expect("creates");
        for path in [directory.path().to_owned(), directory.path().join("tmp")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("sets");
        }
        let cache = Cache::open(&directory.path().join("cache")).expect("a cache");
        let workshop = Workshop::new(
            sandbox,
            cache,
            limits,
            archive::Limits::default(),
            directory.path().join("tmp"),
        );
        Self {
            directory,
            workshop,
            tools: Vec::new(),
            environment: BTreeMap::new(),
            umask: Umask::DEFAULT,
            wheel: WHEEL,
            interpreter: PathBuf::from(PYTHON),
            amend: Box::new(|_| {}),
        }
    }

    pub(crate) fn recipe(&self) -> Recipe {
        let mut recipe = Recipe {
            tools: self.tools.clone(),
            source_date_epoch: Some(1_309_379_017),
            umask: self.umask,
            environment: self.environment.clone(),
            ..Recipe::new(
                self.interpreter.clone(),
                PathBuf::from("/tmp/pip-wheel-build/small-1.0"),
            )
        };
        (self.amend)(&mut recipe);
        recipe
    }

    pub(crate) fn build(&self, backend: &str) -> Result<Outcome, RebuildError> {
        self.build_archive(&sdist(backend, None), &Cancel::new())
    }

    pub(crate) fn build_archive(
        &self,
        archive: &[u8],
        cancel: &Cancel,
    ) -> Result<Outcome, RebuildError> {
        let sdist = self.directory.path().join("small-1.0.tar.gz");
        fs::write(&sdist, archive).expect("writes");
        let name = SdistFilename::parse("small-1.0.tar.gz").expect("a name");
        let wheel = WheelFilename::parse(self.wheel).expect("a name");
        let outcome = self.workshop.build(
            &Job {
                sdist: &sdist,
                sdist_name: &name,
                wheel: Some(&wheel),
                recipe: &self.recipe(),
                log: &self.log(),
            },
            cancel,
        );
        if !matches!(outcome, Ok(Outcome::Built(_))) {
            let left = self.left();
            assert_eq!(left, 0, "directories are left");
        }
        outcome
    }

    /// Returns how many directories of builds there are; copies of tools belong
    /// to the workshop and stay as long as it does.
    pub(crate) fn left(&self) -> usize {
        fs::read_dir(self.directory.path().join("tmp"))
            .expect("is there")
            .flatten()
            .filter(|entry| {
                !entry
                    .file_name()
                    .to_string_lossy()
                    .starts_with("wheelproof-tool-")
            })
            .count()
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.directory.path().join("log.txt")
    }

    pub(crate) fn built(&self, backend: &str) -> Built {
        match self.build(backend) {
            Ok(Outcome::Built(built)) => built,
            other => panic!("not built: {other:?}"),
        }
    }

    pub(crate) fn failed(&self, backend: &str) -> String {
        match self.build(backend) {
            Ok(Outcome::BuildFailed { reason, .. }) => reason,
            other => panic!("not a failed build: {other:?}"),
        }
    }
}

/// Returns an sdist of a small project with this backend.
pub(crate) fn sdist(backend: &str, project: Option<&str>) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let project = project.unwrap_or(
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
    );
    for (name, mode, text) in [
        ("pyproject.toml", 0o644, project),
        ("backend.py", 0o644, backend),
        ("small.py", 0o664, "answer = 42\n"),
        ("run.sh", 0o775, "#!/bin/sh\n"),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_mode(mode);
        header.set_mtime(1_300_000_000);
        header.set_size(text.len() as u64);
        builder
            .append_data(&mut header, format!("small-1.0/{name}"), text.as_bytes())
            .expect("appends");
    }
    builder
        .into_inner()
        .and_then(GzEncoder::finish)
        .expect("finishes")
}

/// An honest backend that runs some code first.
pub(crate) fn misbehaving(code: &str) -> String {
    let indented: String = code.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "{HONEST}\nhonest = build_wheel\ndef build_wheel(directory, *rest):\n{indented}    return honest(directory)\n"
    )
}

/// Reads a member of a wheel with Python, which knows nothing of us.
pub(crate) fn member(wheel: &Path, name: &str) -> String {
    let output = Command::new(PYTHON)
        .args(["-c", "import sys, zipfile; sys.stdout.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]).decode())"])
        .arg(wheel)
        .arg(name)
        .output()
        .expect("runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// Makes a tool wheel with one module.
fn tool_wheel(directory: &Path, name: &str, text: &str) -> ToolWheel {
    fs::create_dir_all(directory).expect("creates");
    let filename = WheelFilename::parse(&format!("{name}-1.0-py3-none-any.whl")).expect("a name");
    let path = directory.join(filename.to_string());
    let status = Command::new(PYTHON)
        .args(["-c", "import sys, zipfile\nw = zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED)\nw.writestr(sys.argv[2] + '.py', sys.argv[3])\nw.writestr(sys.argv[2] + '-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: ' + sys.argv[2] + '\\nVersion: 1.0\\n')\nw.close()"])
        .arg(&path)
        .args([name, text])
        .status()
        .expect("runs");
    assert!(status.success());
    ToolWheel {
        filename,
        sha256: Sha256Digest::of(&fs::read(&path).expect("reads")),
        path,
    }
}

#[test]
fn an_honest_build_gives_the_bytes_that_python_gives() {
    // The oracle: tar and the hook, with nothing of ours between them.
    let oracle = tempfile::tempdir().expect("a directory");
    let archive = oracle.path().join("small-1.0.tar.gz");
    fs::write(&archive, sdist(HONEST, None)).expect("writes");
    let status = Command::new("sh")
        .args(["-c", "umask 022; cd $1; tar -xzf $2 --no-same-permissions --no-same-owner; cd small-1.0; python3 -c 'import backend; backend.build_wheel(\"..\")'", "sh"])
        .arg(oracle.path())
        .arg(&archive)
        .env("PATH", "/usr/bin:/bin")
        .status()
        .expect("runs");
    assert!(status.success());
    let expected = Sha256Digest::of(&fs::read(oracle.path().join(WHEEL)).expect("a wheel"));
    for sandbox in working_layers() {
        let layer = sandbox.layer();
        let bench = Bench::new(sandbox);
        let built = bench.built(HONEST);
        assert_eq!(built.sha256, expected);
        let bytes = fs::read(&built.wheel).expect("reads");
        assert_eq!(Sha256Digest::of(&bytes), built.sha256);
        assert_eq!((bytes.len() as u64, built.layer), (built.size, layer));
        assert_eq!(
            fs::read_dir(built.directory()).expect("is there").count(),
            1
        );
        drop(built);
        let left = bench.left();
        assert_eq!(left, 0, "directories are left");
    }
}

#[test]
fn umask_and_modes_reach_the_source_and_the_build() {
    let backend = HONEST.replace(
        "return {}",
        "open('made', 'w').close(); return {'seen': ' '.join('%o' % (os.stat(n).st_mode & 0o7777) for n in ['small.py', 'run.sh', 'made'])}",
    );
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        for (umask, seen) in [
            ("022", "644 755 644"),
            ("002", "664 775 664"),
            ("077", "600 700 600"),
        ] {
            bench.umask = Umask::parse(umask).expect("a umask");
            assert_eq!(member(&bench.built(&backend).wheel, "seen"), seen);
        }
    }
}

#[test]
fn times_of_the_sdist_and_the_build_path_are_kept() {
    let backend = HONEST.replace(
        "return {}",
        "return {'seen': '%d %s' % (os.stat('small.py').st_mtime, os.getcwd())}",
    );
    for sandbox in working_layers() {
        let layer = sandbox.layer();
        let bench = Bench::new(sandbox);
        let built = bench.built(&backend);
        let seen = member(&built.wheel, "seen");
        match layer {
            Layer::Bubblewrap => {
                assert_eq!(seen, "1300000000 /tmp/pip-wheel-build/small-1.0");
                assert_eq!(built.notes, Vec::<String>::new());
            }
            _ => {
                assert!(seen.starts_with("1300000000 "), "{seen}");
                assert!(
                    built
                        .notes
                        .iter()
                        .any(|note| note.contains("another directory"))
                );
            }
        }
    }
}

#[test]
fn the_environment_is_the_recipes_and_nobody_elses() {
    let backend = HONEST.replace(
        "return {}",
        "return {'seen': '\\n'.join(sorted(os.environ)), 'values': ' '.join([os.environ[n] for n in ['LC_ALL', 'TZ', 'PYTHONHASHSEED', 'SOURCE_DATE_EPOCH', 'EXTRA']]), 'hash': str(hash('x'))}",
    );
    let hash = Command::new(PYTHON)
        .args(["-c", "print(hash('x'), end='')"])
        .env("PYTHONHASHSEED", "0")
        .output()
        .expect("runs");
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        bench
            .environment
            .insert("EXTRA".to_owned(), "this".to_owned());
        let built = bench.built(&backend);
        let names = member(&built.wheel, "seen");
        assert_eq!(
            names.lines().collect::<Vec<_>>(),
            [
                "EXTRA",
                "HOME",
                "LC_ALL",
                "PATH",
                "PYTHONDONTWRITEBYTECODE",
                "PYTHONHASHSEED",
                "PYTHONNOUSERSITE",
                "PYTHONPATH",
                "SOURCE_DATE_EPOCH",
                "TMPDIR",
                "TZ"
            ]
        );
        assert_eq!(
            member(&built.wheel, "values"),
            "C.UTF-8 UTC 0 1309379017 this"
        );
        assert_eq!(member(&built.wheel, "hash").as_bytes(), hash.stdout);
    }
}

#[test]
fn a_build_that_gives_no_wheel_says_so() {
    for sandbox in working_layers() {
        let bench = Bench::new(sandbox);
        let failed = |code: &str| bench.failed(&misbehaving(code));
        assert!(failed("os._exit(0)").contains("without a wheel"));
        assert!(failed("import sys; sys.exit(0)").contains("SystemExit: 0"));
        assert!(failed("os._exit(3)").contains("exit code 3"));
        assert!(failed("os.abort()").contains("signal 6"));
        assert!(failed("raise ValueError('of the build')").contains("ValueError: of the build"));
        assert!(failed("return 'x'").contains("without a wheel"));
        assert!(failed("name = honest(directory); os.rename(directory + '/' + name, directory + '/other-2.whl'); return 'other-2.whl'").contains("built other-2.whl, published small-1.0"));
        // Another name by its tags alone: as with an option that nobody wrote down.
        let tags = failed(
            "name = honest(directory); other = name.replace('py3', 'py2.py3'); os.rename(directory + '/' + name, directory + '/' + other); return other",
        );
        assert!(tags.contains("only the tags differ"), "{tags}");
        let other = failed(
            "name = honest(directory); os.rename(directory + '/' + name, directory + '/small-2.0-py3-none-any.whl'); return 'small-2.0-py3-none-any.whl'",
        );
        assert!(
            other.contains("built small-2.0") && !other.contains("tags"),
            "{other}"
        );
        assert!(failed("open(directory + '/second', 'w')").contains("2 files"));
        assert!(failed("honest(directory); return 'x'").contains("names its wheel 'x'"));
        assert!(failed("name = honest(directory); os.unlink(directory + '/' + name); os.symlink('/etc/passwd', directory + '/' + name); return name").contains("exit code 1"));
        assert!(failed("os.mkfifo(directory + '/small-1.0-py3-none-any.whl'); return 'small-1.0-py3-none-any.whl'").contains("exit code 1"));
        assert!(failed("for fd in range(3, 20):\n    try: os.write(fd, b'junk\\n')\n    except OSError: pass").contains("pipe for its result"));
    }
}

#[test]
fn the_log_is_kept_and_its_end_comes_along() {
    for sandbox in working_layers() {
        let layer = sandbox.layer();
        let bench = Bench::new(sandbox);
        let code = "print('by print'); os.system('echo by a child'); raise ValueError('the end')";
        match bench.build(&misbehaving(code)) {
            Ok(Outcome::BuildFailed { log_tail, .. }) => {
                let log = fs::read_to_string(bench.log()).expect("a log");
                match layer {
                    Layer::Bubblewrap => assert_eq!(log, log_tail),
                    // A path of this one build stands as the recipe's in reports.
                    _ => assert!(log.contains("wheelproof-scratch"), "{log}"),
                }
                assert_eq!(log_tail.lines().count(), log.lines().count());
                assert!(!log_tail.contains("wheelproof-scratch"), "{log_tail}");
                assert!(log_tail.contains("/tmp/pip-wheel-build/small-1.0/backend.py"));
                for text in ["by a child\n", "by print\n", "ValueError: the end\n"] {
                    assert!(log_tail.contains(text), "{log_tail}");
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_build_that_never_ends_is_timed_out() {
    for sandbox in working_layers() {
        let limits = Limits {
            wall_time: Duration::from_secs(1),
            ..Limits::default()
        };
        let bench = Bench::with_limits(sandbox, limits);
        let started = Instant::now();
        let outcome = bench.build(&misbehaving("import time; time.sleep(98771)"));
        assert!(
            matches!(outcome, Ok(Outcome::TimedOut { after, .. }) if after == limits.wall_time),
            "{outcome:?}"
        );
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_wheel_or_a_log_of_any_size_is_cut_off() {
    for sandbox in working_layers() {
        let limits = Limits {
            log_bytes: 1 << 20,
            output_bytes: 1 << 20,
            ..Limits::default()
        };
        let bench = Bench::with_limits(sandbox, limits);
        let reason = bench.failed(&misbehaving("while True: print('x' * 10000)"));
        assert!(reason.contains("printed more"), "{reason}");
        assert_eq!(fs::metadata(bench.log()).expect("a log").len(), 1 << 20);
        let large = HONEST.replace("return {}", "return {'large': bytes(2 << 20)}");
        let reason = bench.failed(&large);
        assert!(reason.contains("larger than"), "{reason}");
    }
}

#[test]
fn a_request_to_stop_leaves_nothing() {
    for sandbox in working_layers() {
        let bench = Bench::new(sandbox);
        let cancel = Cancel::new();
        let other = cancel.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            other.request();
        });
        let started = Instant::now();
        let archive = sdist(&misbehaving("import time; time.sleep(98772)"), None);
        let error = bench
            .build_archive(&archive, &cancel)
            .expect_err("interrupted");
        thread.join().expect("joins");
        assert!(matches!(error, RebuildError::Interrupted), "{error}");
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}

#[test]
fn directories_that_a_build_locks_are_removed_all_the_same() {
    for sandbox in working_layers() {
        let bench = Bench::new(sandbox);
        let built = bench.built(&misbehaving(
            "for n in range(3000): os.mkdir('x'); os.chdir('x')\nos.chdir(os.environ['TMPDIR']); os.makedirs('a/b/c'); open('a/b/c/d', 'w'); os.chmod('a/b', 0); os.chmod('a', 0); os.chdir(os.path.dirname(os.path.abspath(__file__)))",
        ));
        drop(built);
        let left = bench.left();
        assert_eq!(left, 0);
    }
}

#[test]
fn a_tool_that_is_not_in_the_recipe_is_named() {
    for sandbox in working_layers() {
        let bench = Bench::new(sandbox);
        let reason = bench.failed(&format!("import setuptools\n{HONEST}"));
        assert!(
            reason.contains("needs 'setuptools', which no tool of the recipe provides"),
            "{reason}"
        );
        let plain = sdist("", Some(""));
        match bench.build_archive(&plain, &Cancel::new()) {
            Ok(Outcome::BuildFailed { reason, .. }) => {
                assert!(reason.contains("needs 'setuptools'"))
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_import_from_the_interpreters_own_packages_is_no_success() {
    // Any module that this interpreter has in its packages.
    let output = Command::new(PYTHON)
        .args(["-c", "import site, os\nfor d in site.getsitepackages():\n for n in sorted(os.listdir(d)) if os.path.isdir(d) else []:\n  if n.endswith('.py'): print(d, n[:-3]); raise SystemExit"])
        .output()
        .expect("runs");
    let found = String::from_utf8(output.stdout).expect("text");
    let Some((directory, module)) = found.trim().split_once(' ') else {
        crate::skipped!("{PYTHON} has no packages of its own");
        return;
    };
    let code = format!(
        "import sys; sys.path.append({directory:?})\ntry: import {module}\nexcept Exception as e: print(e)\nassert {module:?} in sys.modules, 'hidden'"
    );
    for sandbox in working_layers() {
        let layer = sandbox.layer();
        let reason = Bench::new(sandbox).failed(&misbehaving(&code));
        match layer {
            Layer::Bubblewrap => assert!(reason.contains("hidden"), "{reason}"),
            _ => assert!(
                reason.contains(&format!("'{module}' was imported from {directory}")),
                "{reason}"
            ),
        }
    }
}

#[test]
fn what_the_build_starts_sees_the_tools_and_no_other_packages() {
    let code = "import subprocess, sys\nseen = subprocess.run([sys.executable, '-c', 'import helper, sys; print(helper.name)\\ntry: import pip\\nexcept ImportError: print(\"no pip\")'], stdout=subprocess.PIPE, text=True).stdout\nglobal extra\nextra = lambda: {'seen': seen}";
    for sandbox in working_layers() {
        let layer = sandbox.layer();
        let mut bench = Bench::new(sandbox);
        bench.tools = vec![tool_wheel(
            bench.directory.path(),
            "helper",
            "name = 'helper'\n",
        )];
        let seen = member(&bench.built(&misbehaving(code)).wheel, "seen");
        match layer {
            Layer::Bubblewrap => assert_eq!(seen, "helper\nno pip\n"),
            _ => assert!(seen.starts_with("helper\n"), "{seen}"),
        }
    }
}

#[test]
fn metadata_of_tools_is_found() {
    let backend = HONEST.replace(
        "return {}",
        "import importlib.metadata, helper; return {'seen': importlib.metadata.version('helper') + helper.name}",
    );
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        bench.tools = vec![tool_wheel(
            bench.directory.path(),
            "helper",
            "name = 'helper'\n",
        )];
        assert_eq!(member(&bench.built(&backend).wheel, "seen"), "1.0helper");
    }
}

#[test]
fn a_build_cannot_change_the_tools_of_the_next() {
    let code = "import helper\nfor root, _, names in os.walk(os.path.dirname(helper.__file__)):\n  for name in names:\n    try:\n      os.chmod(os.path.join(root, name), 0o777); open(os.path.join(root, name), 'a').write('changed')\n    except OSError: pass";
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        bench.tools = vec![tool_wheel(
            bench.directory.path(),
            "helper",
            "name = 'helper'\n",
        )];
        bench.built(&misbehaving(code));
        // Another workshop with the same cache looks at every file again.
        let cache = Cache::open(&bench.directory.path().join("cache")).expect("opens");
        let interpreter = bench
            .workshop
            .interpreter(None, Path::new(PYTHON))
            .expect("answers");
        cache
            .unpacked(&bench.tools[0], &interpreter, &Cancel::new())
            .expect("as it was");
    }
}

#[test]
fn a_poisoned_cache_is_detected() {
    let Some(sandbox) = working_layers().pop() else {
        return;
    };
    let mut bench = Bench::new(sandbox);
    bench.tools = vec![tool_wheel(
        bench.directory.path(),
        "helper",
        "name = 'helper'\n",
    )];
    bench.built(HONEST);
    let root = bench.directory.path().join("cache");
    let interpreter = bench
        .workshop
        .interpreter(None, Path::new(PYTHON))
        .expect("answers");
    let look = || {
        let cache = Cache::open(&root).expect("opens");
        cache.unpacked(&bench.tools[0], &interpreter, &Cancel::new())
    };
    let tree = look().expect("as it was made");
    let bytecode = fs::read_dir(tree.join("__pycache__"))
        .expect("bytecode was made")
        .flatten()
        .map(|entry| entry.path())
        .next()
        .expect("one file");
    for file in [tree.join("helper.py"), bytecode] {
        let before = fs::read(&file).expect("reads");
        let mut changed = before.clone();
        changed.push(b'\n');
        for poison in [Some(changed), None] {
            match poison {
                Some(bytes) => fs::write(&file, bytes).expect("writes"),
                None if file.ends_with("helper.py") => fs::remove_file(&file).expect("removes"),
                None => continue,
            }
            let error = look().expect_err("poisoned");
            assert!(matches!(error, ToolsError::Poisoned { .. }), "{error}");
        }
        fs::write(&file, before).expect("writes");
        look().expect("as it was");
    }
    for extra in [
        "sitecustomize.py",
        "__pycache__/other.cpython-311.pyc",
        "json.so",
    ] {
        fs::write(tree.join(extra), "x").expect("writes");
        assert!(
            matches!(look(), Err(ToolsError::Poisoned { .. })),
            "{extra}"
        );
        fs::remove_file(tree.join(extra)).expect("removes");
    }
    std::os::unix::fs::symlink("/etc/passwd", tree.join("link.py")).expect("links");
    assert!(matches!(look(), Err(ToolsError::Poisoned { .. })));
}

#[test]
fn a_tool_with_another_digest_is_refused() {
    let Some(sandbox) = working_layers().pop() else {
        return;
    };
    let mut bench = Bench::new(sandbox);
    let tool = tool_wheel(bench.directory.path(), "helper", "name = 'helper'\n");
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(&tool.path)
        .expect("opens");
    file.write_all(b"x").expect("writes");
    bench.tools = vec![tool];
    let error = bench.build(HONEST).expect_err("refused");
    assert!(
        matches!(error, RebuildError::Tools(ToolsError::Digest { .. })),
        "{error}"
    );
}

#[test]
fn only_listed_digests_are_gathered() {
    let directory = tempfile::tempdir().expect("a directory");
    let good = tool_wheel(&directory.path().join("good"), "helper", "name = 'good'\n");
    let bad = tool_wheel(&directory.path().join("bad"), "helper", "name = 'bad'\n");
    tool_wheel(&directory.path().join("bad"), "another", "");
    let cache = Cache::open(&directory.path().join("cache")).expect("a cache");
    let list = requirements::parse_hashed(
        format!(
            "helper==1.0 --hash=sha256:{}\nabsent==2.0; python_version < '3' --hash=sha256:{}\n",
            good.sha256, bad.sha256
        )
        .as_bytes(),
    )
    .expect("a list");
    let gather = |candidates: &[Candidate], directories: &[&str]| {
        let directories: Vec<PathBuf> = directories
            .iter()
            .map(|name| directory.path().join(name))
            .collect();
        cache.gather(&list, candidates, &directories, None, &Cancel::new())
    };
    assert_eq!(
        gather(&[], &["bad", "good"]).expect("found"),
        std::slice::from_ref(&good)
    );
    let candidate = Candidate {
        filename: good.filename.clone(),
        sha256: good.sha256,
        path: good.path.clone(),
    };
    assert_eq!(gather(&[candidate], &[]).expect("found"), [good]);
    let error = gather(&[], &["bad"]).expect_err("missing");
    assert!(
        matches!(&error, ToolsError::Missing(names) if *names == ["helper==1.0"]),
        "{error}"
    );
}

#[test]
fn fetched_wheels_count_only_with_a_listed_digest() {
    // Stands for pip: "downloads" what lies beside it.
    let directory = tempfile::tempdir().expect("a directory");
    let good = tool_wheel(&directory.path().join("index"), "helper", "name = 'good'\n");
    tool_wheel(&directory.path().join("index"), "extra", "");
    let pip = directory.path().join("python");
    fs::write(&pip, "#!/bin/sh\nwhile [ \"$1\" != --dest ]; do shift; done\nmkdir -p \"$2\" && cp \"$INDEX\"/* \"$2\"; grep -q -- --hash=sha256: \"$4\"\n").expect("writes");
    fs::set_permissions(&pip, fs::Permissions::from_mode(0o755)).expect("sets");
    let fetcher = Fetcher {
        python: pip,
        environment: BTreeMap::from([
            ("INDEX".into(), directory.path().join("index").into()),
            ("PATH".into(), "/usr/bin:/bin".into()),
        ]),
    };
    let cache = Cache::open(&directory.path().join("cache")).expect("a cache");
    let gather = |digest: &Sha256Digest, fetcher: Option<&Fetcher>| {
        let list =
            requirements::parse_hashed(format!("helper==1.0 --hash=sha256:{digest}").as_bytes())
                .expect("a list");
        cache.gather(&list, &[], &[], fetcher, &Cancel::new())
    };
    let other = Sha256Digest::of(b"other");
    assert!(matches!(
        gather(&other, Some(&fetcher)),
        Err(ToolsError::Missing(_))
    ));
    assert!(matches!(
        gather(&good.sha256, None),
        Err(ToolsError::Missing(_))
    ));
    let fetched = gather(&good.sha256, Some(&fetcher)).expect("fetched");
    assert_eq!(fetched.len(), 1);
    assert_eq!(gather(&good.sha256, None).expect("cached"), fetched);
    let kept = fs::read_dir(directory.path().join("cache/wheels"))
        .expect("is there")
        .count();
    assert_eq!(kept, 1);
}

#[test]
fn a_wheel_for_another_interpreter_is_not_attempted() {
    let Some(sandbox) = working_layers().pop() else {
        return;
    };
    let mut bench = Bench::new(sandbox);
    bench.wheel = "small-1.0-cp37-cp37m-linux_x86_64.whl";
    match bench.build(HONEST) {
        Ok(Outcome::NotAttempted { reason }) => {
            assert!(reason.starts_with("needs CPython 3.7"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hostile_sdist_is_not_attempted() {
    let Some(sandbox) = working_layers().pop() else {
        return;
    };
    let bench = Bench::new(sandbox);
    let archive = sdist(HONEST, None);
    match bench.build_archive(&archive[..archive.len() / 2], &Cancel::new()) {
        Ok(Outcome::NotAttempted { reason }) => {
            assert!(
                reason.starts_with("sdist small-1.0.tar.gz is refused"),
                "{reason}"
            );
        }
        other => panic!("{other:?}"),
    }
    let leaves =
        "[build-system]\nrequires = []\nbuild-backend = \"b\"\nbackend-path = [\"../..\"]\n";
    match bench.build_archive(&sdist(HONEST, Some(leaves)), &Cancel::new()) {
        Ok(Outcome::NotAttempted { reason }) => assert!(reason.contains("leaves the source")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_interpreter_is_an_error_with_advice() {
    let Some(sandbox) = working_layers().pop() else {
        return;
    };
    let mut bench = Bench::new(sandbox);
    bench.interpreter = PathBuf::from("/no/such/python3");
    let error = bench.build(HONEST).expect_err("missing");
    assert!(error.to_string().contains("install it"), "{error}");
}

#[test]
fn a_virtual_environment_stands_for_its_interpreter() {
    let directory = tempfile::tempdir().expect("a directory");
    let venv = directory.path().join("venv");
    let made = Command::new(PYTHON)
        .args(["-m", "venv", "--without-pip"])
        .arg(&venv)
        .output()
        .is_ok_and(|output| output.status.success());
    if !made {
        crate::skipped!("{PYTHON} has no venv module");
        return;
    }
    let Some(sandbox) = working_layers().pop() else {
        return;
    };
    let bench = Bench::new(sandbox);
    let plain = bench
        .workshop
        .interpreter(None, Path::new(PYTHON))
        .expect("answers");
    let through = bench
        .workshop
        .interpreter(None, &venv.join("bin/python3"))
        .expect("answers");
    assert_eq!(plain.executable, through.executable);
    assert_eq!(plain.packages, through.packages);
}

#[test]
fn several_builds_at_once_do_not_meet() {
    let Some(sandbox) = working_layers().into_iter().next() else {
        return;
    };
    let bench = Bench::new(sandbox);
    let archive = bench.directory.path().join("small-1.0.tar.gz");
    fs::write(&archive, sdist(HONEST, None)).expect("writes");
    let digests: Vec<Sha256Digest> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|number| {
                let (bench, archive) = (&bench, &archive);
                scope.spawn(move || {
                    let outcome = bench.workshop.build(
                        &Job {
                            sdist: archive,
                            sdist_name: &SdistFilename::parse("small-1.0.tar.gz").expect("a name"),
                            wheel: Some(&WheelFilename::parse(WHEEL).expect("a name")),
                            recipe: &bench.recipe(),
                            log: &bench.directory.path().join(format!("log-{number}")),
                        },
                        &Cancel::new(),
                    );
                    match outcome {
                        Ok(Outcome::Built(built)) => built.sha256,
                        other => panic!("{other:?}"),
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("joins"))
            .collect()
    });
    assert!(
        digests.windows(2).all(|pair| pair[0] == pair[1]),
        "{digests:?}"
    );
}
