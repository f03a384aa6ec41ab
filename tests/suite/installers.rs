//! Real pip and real uv, pointed at the sealed copy. Neither is told where to
//! look: whatever they install, they found by the environment they were given.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::common::{FILES, House, Outcome, fixture, has_program, run, sha256sum, wheelproof};
use crate::signing::TODAY;

/// An installer and how it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installer {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
}

impl Installer {
    /// Returns the words that install into a directory.
    pub(crate) fn install_to(&self, target: &str) -> String {
        let program = self.program.display();
        match self.name {
            "uv" => format!("{program} pip install --target {target}"),
            _ => format!("{program} install --target {target}"),
        }
    }
}

/// Returns a pip of its own, from the interpreter's ensurepip.
pub(crate) fn pip() -> Option<Installer> {
    static PIP: OnceLock<Option<PathBuf>> = OnceLock::new();
    let program = PIP.get_or_init(|| {
        if !has_program("python3") {
            return None;
        }
        let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pip");
        let pip = venv.join("bin/pip");
        let works = Command::new(&pip).arg("--version").output();
        if works.is_ok_and(|output| output.status.success()) {
            return Some(pip);
        }
        let made = Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv)
            .output()
            .unwrap();
        made.status.success().then_some(pip)
    });
    if program.is_none() {
        crate::skipped!(
            "python3 cannot make a virtual environment with pip (Debian: python3-venv)"
        );
    }
    Some(Installer {
        name: "pip",
        program: program.clone()?,
    })
}

/// Returns the uv that was put aside for tests, or the one on the path.
pub(crate) fn uv() -> Option<Installer> {
    let tools = std::env::var_os("WHEELPROOF_TEST_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools"),
        PathBuf::from,
    );
    let aside = tools.join("bin/uv");
    let program = if aside.exists() {
        aside
    } else {
        PathBuf::from("uv")
    };
    if Command::new(&program).arg("--version").output().is_err() {
        crate::skipped!(
            "uv is not installed (python3 -m pip install --target target/test-tools uv)"
        );
        return None;
    }
    Some(Installer {
        name: "uv",
        program,
    })
}

pub(crate) fn installers() -> Vec<Installer> {
    [pip(), uv()].into_iter().flatten().collect()
}

/// An index that has nothing and counts who asks.
struct Trap {
    address: String,
    visits: Arc<AtomicUsize>,
}

impl Trap {
    fn new() -> Self {
        use std::io::{Read, Write};
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let visits = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&visits);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(
                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
            }
        });
        Self { address, visits }
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

/// Writes down, in every place an installer reads, that the trap is the index.
fn configure_for(house: &House, trap: &Trap, command: &mut Command) {
    let index = &trap.address;
    let home = house.at("home");
    for (path, text) in [
        (
            ".config/pip/pip.conf",
            format!("[global]\nextra-index-url = {index}/conf\nfind-links = {index}/conf\n"),
        ),
        (
            ".pip/pip.conf",
            format!("[global]\nextra-index-url = {index}/old-conf\n"),
        ),
        (
            ".config/uv/uv.toml",
            format!("[[index]]\nurl = \"{index}/uv-conf\"\n"),
        ),
    ] {
        std::fs::create_dir_all(home.join(path).parent().unwrap()).unwrap();
        std::fs::write(home.join(path), text).unwrap();
    }
    house.write(
        "uv.toml",
        format!("[[index]]\nurl = \"{index}/uv-project\"\n"),
    );
    command.env("HOME", &home);
    for name in [
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "UV_INDEX_URL",
        "UV_EXTRA_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "UV_INDEX",
        "UV_FIND_LINKS",
    ] {
        command.env(name, format!("{index}/{name}"));
    }
    command.env("PIP_RETRIES", "0").env("PIP_TIMEOUT", "5");
    command.env("UV_HTTP_RETRIES", "0");
}

/// Runs a line of shell under `run`.
#[track_caller]
fn under_run(house: &House, flags: &[&str], line: &str) -> Outcome {
    let outcome = run(&mut house.run(flags, &["sh", "-euc", line]));
    house.assert_nothing_left();
    outcome
}

/// Returns the digest of a file that an installer put somewhere.
fn installed(house: &House, file: &str) -> Option<String> {
    let path = house.at("out").join(file);
    path.exists().then(|| sha256sum(&path))
}

const GREETING: &str = "wheelproof_example_greeting/greetings.txt";
const UNITS_METADATA: &str = "wheelproof_example_units-0.3.0.dist-info/METADATA";

/// The digest of a member of a wheel, as `unzip` or Python would extract it.
fn member(wheel: &Path, name: &str) -> String {
    let extract = "import sys, zipfile, hashlib\n\
                   print(hashlib.sha256(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2])).hexdigest())";
    let output = Command::new("python3")
        .args(["-c", extract])
        .arg(wheel)
        .arg(name)
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn installers_find_the_verified_wheels_by_the_environment_alone() {
    for installer in installers() {
        let house = House::new();
        let line = format!(
            "{} wheelproof-example-units wheelproof-example-count",
            installer.install_to("out")
        );
        under_run(&house, &[], &line).expect(0);
        // A dependency is found in the same place.
        assert_eq!(
            installed(&house, GREETING),
            Some(member(&house.wheel(FILES[2]), GREETING))
        );
        assert_eq!(
            installed(&house, UNITS_METADATA),
            Some(member(&house.wheel(FILES[4]), UNITS_METADATA))
        );
    }
}

#[test]
fn installers_find_the_copy_below_any_name() {
    for installer in installers() {
        // pip divides the list of directories at white space, uv at commas.
        for name in ["two words", "a,b", "a\ttab", "100% ~ü, \u{a0}x"] {
            let house = House::new();
            let other = format!("{name} of files");
            std::fs::create_dir(house.at(name)).unwrap();
            std::fs::create_dir(house.at(&other)).unwrap();
            for moved in ["wheels", "sha256sums.txt", "sha256sums.txt.asc"] {
                std::fs::rename(house.at(moved), house.at(&other).join(moved)).unwrap();
            }
            house.write("requirements.txt", "wheelproof-example-greeting==1.0.0\n");
            let signed = house.at(&other).join("wheels").join(FILES[2]);
            for (flags, what) in [
                (&[][..], "wheelproof-example-greeting"),
                (
                    &["--requirements", "requirements.txt"],
                    "-r \"$WHEELPROOF_REQUIREMENTS\"",
                ),
            ] {
                // A relative name too, and a command that stands elsewhere.
                for temporary in [house.at(name), PathBuf::from(name)] {
                    let line = format!(
                        "unset TMPDIR; cd keys; {} {what}",
                        installer.install_to("../out")
                    );
                    let mut command = wheelproof();
                    command
                        .current_dir(house.at(""))
                        .env("TMPDIR", temporary)
                        .args(["run", &other, "--time", TODAY, "--certs", "keys"])
                        .args(flags)
                        .args(["--", "sh", "-euc", &line]);
                    run(&mut command).expect(0);
                    let greeting = installed(&house, GREETING);
                    assert_eq!(greeting, Some(member(&signed, GREETING)));
                    std::fs::remove_dir_all(house.at("out")).unwrap();
                }
            }
            assert_eq!(std::fs::read_dir(house.at(name)).unwrap().count(), 0);
        }
    }
}

#[test]
fn nothing_that_the_caller_configured_leads_an_installer_elsewhere() {
    for installer in installers() {
        let (house, trap) = (House::new(), Trap::new());
        let line = format!(
            "{} wheelproof-example-greeting",
            installer.install_to("out")
        );
        let mut command = house.run(&[], &["sh", "-euc", &line]);
        configure_for(&house, &trap, &mut command);
        run(&mut command).expect(0);
        assert_eq!(trap.visits(), 0, "{}", installer.name);
        assert!(installed(&house, GREETING).is_some());
        // The trap is set: without `run`, the installer goes there.
        let mut alone = Command::new("sh");
        let line = format!(
            "{} wheelproof-example-greeting",
            installer.install_to("out2")
        );
        alone.current_dir(house.at("")).args(["-euc", &line]);
        alone.env_clear().envs(
            house
                .run(&[], &[])
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        configure_for(&house, &trap, &mut alone);
        assert_ne!(run(&mut alone).code, Some(0));
        assert!(trap.visits() > 0, "{}", installer.name);
    }
}

#[test]
fn a_hidden_page_among_the_wheels_leads_nobody_elsewhere() {
    let Some(pip) = pip() else { return };
    let (house, trap) = (House::new(), Trap::new());
    let evil = "wheelproof_example_greeting-9.0-py3-none-any.whl";
    let page = format!("<a href=\"{}/{evil}\">{evil}</a>\n", trap.address);
    house.write("wheels/.x.html", &page);
    let line = format!("{} wheelproof-example-greeting", pip.install_to("out"));
    // By itself it stops everything.
    under_run(&house, &[], &line).expect(125);
    // Allowed to lie there, it is still not handed on.
    under_run(&house, &["--allow-unlisted", ".x.html"], &line).expect(0);
    assert_eq!(trap.visits(), 0);
    assert!(installed(&house, GREETING).is_some());
    // pip alone follows it.
    let outcome = run(Command::new(&pip.program)
        .current_dir(house.at(""))
        .args([
            "install",
            "--no-index",
            "--retries",
            "0",
            "--find-links",
            "wheels",
        ])
        .args(["--target", "out2", "wheelproof-example-greeting"]));
    assert!(trap.visits() > 0, "{outcome:?}");
}

#[test]
fn a_wheel_swapped_between_check_and_install_is_not_installed() {
    for installer in installers() {
        let house = House::new();
        let signed = member(&house.wheel(FILES[4]), UNITS_METADATA);
        let evil = fixture("wheelhouse-different/wheels").join(FILES[4]);
        let line = format!(
            "cp {} wheels/; {} --no-deps wheelproof-example-units",
            evil.display(),
            installer.install_to("out")
        );
        under_run(&house, &[], &line).expect(0);
        assert_eq!(sha256sum(&house.wheel(FILES[4])), sha256sum(&evil));
        assert_eq!(installed(&house, UNITS_METADATA), Some(signed));
    }
}

#[test]
fn with_requirements_no_other_file_of_that_name_installs() {
    for installer in installers() {
        let house = House::new();
        let evil = fixture("wheelhouse-different/wheels");
        house.write("requirements.txt", "wheelproof-example-units==0.3.0\n");
        // A command that looks elsewhere all the same.
        let elsewhere = format!(
            "unset PIP_FIND_LINKS UV_FIND_LINKS; {} --no-deps --no-index --find-links {}",
            installer.install_to("out"),
            evil.display()
        );
        let with_hashes = format!("{elsewhere} -r \"$WHEELPROOF_REQUIREMENTS\"");
        let outcome = under_run(
            &house,
            &["--requirements", "requirements.txt"],
            &with_hashes,
        );
        assert!(![Some(0), Some(125)].contains(&outcome.code), "{outcome:?}");
        let says = outcome.err().to_lowercase();
        assert!(says.contains("hash"), "{says}");
        assert_eq!(installed(&house, UNITS_METADATA), None);
        // Without hashes it gets what it asked for.
        let without = format!("{elsewhere} wheelproof-example-units");
        under_run(&house, &[], &without).expect(0);
        assert_eq!(
            installed(&house, UNITS_METADATA),
            Some(member(&evil.join(FILES[4]), UNITS_METADATA))
        );
    }
}

#[test]
fn requirements_with_and_without_hashes_install_from_the_generated_list() {
    for installer in installers() {
        let house = House::new();
        let wheel = sha256sum(&house.wheel(FILES[2]));
        for (text, list) in [
            (
                "wheelproof-example-greeting==1.0.0\n".to_owned(),
                "\"$WHEELPROOF_REQUIREMENTS\"",
            ),
            (
                format!("wheelproof-example-greeting==1.0.0 --hash=sha256:{wheel}\n"),
                "\"$WHEELPROOF_REQUIREMENTS\"",
            ),
            (
                format!("wheelproof-example-greeting==1.0.0 --hash=sha256:{wheel}\n"),
                "requirements.txt",
            ),
        ] {
            let _ = std::fs::remove_dir_all(house.at("out"));
            house.write("requirements.txt", &text);
            let line = format!("{} -r {list}", installer.install_to("out"));
            under_run(&house, &["--requirements", "requirements.txt"], &line).expect(0);
            assert!(installed(&house, GREETING).is_some(), "{text}");
        }
        // What the list does not name is signed, and not asked for.
        let line = format!("{} wheelproof-example-count", installer.install_to("out2"));
        let outcome = under_run(&house, &["--requirements", "requirements.txt"], &line);
        assert!(![Some(0), Some(125)].contains(&outcome.code), "{outcome:?}");
        assert!(
            !house
                .at("out2")
                .join("wheelproof_example_count.py")
                .exists()
        );
    }
}

#[test]
fn no_sdist_is_built_although_it_is_signed() {
    for installer in installers() {
        let house = House::new();
        house.remove(&format!("wheels/{}", FILES[2]));
        let lines: String = House::lines()
            .lines()
            .filter(|line| !line.ends_with(FILES[2]))
            .map(|line| format!("{line}\n"))
            .collect();
        house.sign(lines);
        let line = format!(
            "{} wheelproof-example-greeting",
            installer.install_to("out")
        );
        let outcome = under_run(&house, &[], &line);
        assert!(
            ![Some(0), Some(125)].contains(&outcome.code),
            "{}",
            outcome.err()
        );
        let line = format!("{} wheelproof-example-count", installer.install_to("out"));
        under_run(&house, &[], &line).expect(0);
    }
}
