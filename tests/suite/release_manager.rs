//! The way of the release manager: from unsigned files to a signature that others can
//! verify, with a real gpg behind a real pinentry, and what becomes of keys on the way.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::common::{
    FILES, House, Outcome, fixture, has_program, has_terminals, run, start, wait, wheelproof,
};

/// The passphrase of every key here.
const PASSPHRASE: &str = "correct horse";

/// A GnuPG home whose keys have a passphrase, asked for by pinentry-curses.
struct Home(TempDir);

impl Home {
    /// Returns `None`, and says so, where a part of GnuPG is missing.
    fn new() -> Option<Self> {
        if !["gpg", "pinentry-curses", "python3"]
            .iter()
            .all(|name| has_program(name))
        {
            return None;
        }
        // The name of the agent's socket may have 107 bytes (unix(7)).
        let home = tempfile::Builder::new()
            .prefix("gpg-")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in("/tmp")
            .unwrap();
        let program = run(Command::new("sh").args(["-c", "command -v pinentry-curses"])).out();
        let agent = format!("pinentry-program {}\n", program.trim());
        std::fs::write(home.path().join("gpg-agent.conf"), agent).unwrap();
        Some(Self(home))
    }

    fn gpg(&self, arguments: &[&str]) -> Outcome {
        run(Command::new("gpg")
            .env("GNUPGHOME", self.0.path())
            .args(["--batch", "--quiet", "--yes", "--pinentry-mode", "loopback"])
            .args(["--passphrase", PASSPHRASE])
            .args(arguments)
            .stdin(Stdio::null()))
    }

    /// Makes a key and returns its fingerprint.
    fn key(&self, name: &str, expires: &str) -> String {
        let user_id = format!("{name} <{name}@wheelproof.invalid>");
        self.gpg(&[
            "--quick-generate-key",
            &user_id,
            "ed25519",
            "sign,cert",
            expires,
        ])
        .expect(0);
        let listed = self
            .gpg(&["--with-colons", "--list-keys", &format!("={user_id}")])
            .out();
        let line = listed
            .lines()
            .find(|line| line.starts_with("fpr:"))
            .unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    fn export(&self, fingerprint: &str) -> Vec<u8> {
        self.gpg(&["--armor", "--export", fingerprint])
            .expect(0)
            .stdout
    }

    /// Lets gpg-agent forget every passphrase.
    fn forget(&self) {
        let _ = Command::new("gpgconf")
            .env("GNUPGHOME", self.0.path())
            .args(["--kill", "all"])
            .output();
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Types a command line in a directory and answers what is asked on the terminal.
fn on_terminal(
    directory: &Path,
    home: Option<&Home>,
    words: &[&str],
    answers: &[(&str, &str)],
) -> Outcome {
    on_terminal_of(100, directory, home, words, answers)
}

/// The same on a terminal of so many columns.
fn on_terminal_of(
    columns: u16,
    directory: &Path,
    home: Option<&Home>,
    words: &[&str],
    answers: &[(&str, &str)],
) -> Outcome {
    let program = wheelproof();
    let mut command = Command::new("python3");
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/terminal.py"))
        .arg(program.get_program())
        .args(words)
        .current_dir(directory)
        .env_remove("GPG_TTY")
        .env("TERM", "xterm")
        .env("TERMINAL_COLUMNS", columns.to_string())
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped());
    if let Some(home) = home {
        command.env("GNUPGHOME", home.0.path());
    }
    let mut child = start(&mut command);
    let answers = serde_json::to_vec(answers).unwrap();
    child.stdin.take().unwrap().write_all(&answers).unwrap();
    wait(child)
}

/// Types a command line where nobody can be asked.
fn typed(directory: &Path, home: &Home, words: &[&str]) -> Outcome {
    run(wheelproof()
        .current_dir(directory)
        .env("GNUPGHOME", home.0.path())
        .args(words))
}

/// Returns what a terminal showed with one blank for each gap, so that it does not matter
/// where its lines end.
fn joined(shown: &Outcome) -> String {
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A house that nobody has signed for yet, and whose signer nobody trusts.
fn unsigned() -> House {
    let house = House::new();
    house.remove("sha256sums.txt.asc");
    std::fs::remove_dir_all(house.at("keys")).unwrap();
    house
}

/// Lets gpg note that it was asked for a signature. Returns the path to look in.
fn watched(house: &House) -> String {
    let real = run(Command::new("sh").args(["-c", "command -v gpg"])).out();
    let bin = house.at("bin");
    std::fs::create_dir(&bin).unwrap();
    let text = format!(
        "#!/bin/sh\ncase \" $* \" in *' --detach-sign '*) : > '{}';; esac\nexec '{}' \"$@\"\n",
        house.at("asked").display(),
        real.trim()
    );
    std::fs::write(bin.join("gpg"), text).unwrap();
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(bin.join("gpg"), mode).unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

#[test]
fn a_passphrase_is_asked_for_on_the_terminal_and_the_certificate_gets_a_place() {
    let Some(home) = Home::new() else { return };
    if !has_terminals() {
        return;
    }
    for flat in [false, true] {
        let house = unsigned();
        if flat {
            for name in FILES {
                std::fs::rename(house.wheel(name), house.at(name)).unwrap();
            }
            std::fs::remove_dir(house.at("wheels")).unwrap();
        }
        let name = if flat { "flat" } else { "beside" };
        let signer = home.key(name, "never");
        home.forget();
        let words = ["sign", ".", "--signer", &signer];
        let answers = [("assphrase", &*format!("{PASSPHRASE}\r"))];
        let shown = on_terminal(house.at("").as_path(), Some(&home), &words, &answers).expect(0);
        let out = joined(&shown);
        let path = match flat {
            true => format!("./{signer}.asc"),
            false => format!("./keys/{signer}.asc"),
        };
        let next = format!("wheelproof verify . --certs {path}");
        assert!(out.contains(&next), "{out}");
        // gpg has the same certificate.
        let shown = |bytes: &[u8]| {
            std::fs::write(house.at("shown"), bytes).unwrap();
            let path = house.at("shown");
            let words = ["--show-keys", "--with-colons", path.to_str().unwrap()];
            let listed = home.gpg(&words).expect(0).out();
            std::fs::remove_file(path).unwrap();
            listed
        };
        let file = std::fs::read(house.at(path.trim_start_matches("./"))).unwrap();
        assert_eq!(shown(&file), shown(&home.export(&signer)));
        // What it says to type next works, and so does 'init' after it.
        let words: Vec<&str> = next.split(' ').skip(1).collect();
        typed(&house.at(""), &home, &words).expect(0);
        let out = typed(&house.at(""), &home, &["init", "."]).expect(0).out();
        assert!(out.contains("next:     wheelproof verify ."), "{out}");
        typed(&house.at(""), &home, &["verify"]).expect(0);
    }
}

#[test]
fn a_signer_who_cannot_sign_is_said_before_gpg_is_asked() {
    let Some(home) = Home::new() else { return };
    let (expired, revoked) = (
        home.key("expired", "seconds=1"),
        home.key("revoked", "never"),
    );
    let certificate = home
        .0
        .path()
        .join("openpgp-revocs.d")
        .join(format!("{revoked}.rev"));
    // gpg puts a colon before the armor, so that nobody imports it by mistake.
    let text = std::fs::read_to_string(certificate).unwrap();
    let imported = home.0.path().join("revocation");
    std::fs::write(&imported, text.replace("\n:-----BEGIN", "\n-----BEGIN")).unwrap();
    home.gpg(&["--import", imported.to_str().unwrap()])
        .expect(0);
    std::thread::sleep(std::time::Duration::from_secs(2));
    for (signer, word, advice) in [
        (&expired, "expired", "extend the key"),
        (&revoked, "revoked", "sign with another key"),
    ] {
        for trusted in [true, false] {
            let house = unsigned();
            let path = watched(&house);
            house.write("certificate.asc", home.export(signer));
            let mut command = wheelproof();
            command
                .current_dir(house.at(""))
                .env("GNUPGHOME", home.0.path())
                .env("PATH", path)
                .args(["sign", ".", "--signer", signer]);
            if trusted {
                command.args(["--certs", "certificate.asc"]);
            }
            let out = run(&mut command).expect(1).out();
            assert!(out.contains("error[certificate-unusable]"), "{out}");
            assert!(out.contains(word) && out.contains(advice), "{out}");
            assert!(!house.at("asked").exists(), "gpg was asked");
            assert!(!house.at("sha256sums.txt.asc").exists());
        }
    }
    // Who could sign is listed, with what speaks against it.
    let house = unsigned();
    let usable = home.key("usable", "never");
    let err = typed(&house.at(""), &home, &["sign", "."]).expect(2).err();
    assert!(err.contains("it is not said who signs"), "{err}");
    for part in [
        format!("{usable} (usable <usable@wheelproof.invalid>)"),
        format!("{revoked} (revoked <revoked@wheelproof.invalid>; revoked)"),
        format!("{expired} (expired <expired@wheelproof.invalid>; expired)"),
    ] {
        assert!(err.contains(&part), "{part}: {err}");
    }
    // The innocent neighbour: gpg is asked, and cannot be answered here.
    let path = watched(&house);
    let mut command = wheelproof();
    command
        .current_dir(house.at(""))
        .env("GNUPGHOME", home.0.path())
        .env("PATH", path)
        .args(["sign", ".", "--signer", &usable]);
    home.forget();
    run(&mut command).expect(3);
    assert!(house.at("asked").exists());
}

#[test]
fn signatures_of_somebody_who_leaves_are_dropped_and_the_others_stay_as_they_were() {
    let house = House::new();
    let leaving = crate::signing::Signer::ordinary(2);
    house.write("keys/leaving.asc", leaving.certificate());
    let alone = std::fs::read(house.at("sha256sums.txt.asc")).unwrap();
    house.write("secret.asc", leaving.secret_certificate());
    let here = ["--certs", "keys", "--time", crate::signing::TODAY];
    let typed = |words: &[&str]| {
        run(wheelproof()
            .current_dir(house.at(""))
            .args(words)
            .args(here))
    };
    typed(&["sign", ".", "--key-file", "secret.asc"]).expect(0);
    let fingerprint = leaving.fingerprint().to_string();
    let both = std::fs::read(house.at("sha256sums.txt.asc")).unwrap();
    let out = typed(&["sign", ".", "--drop", &fingerprint])
        .expect(0)
        .out();
    assert!(
        out.contains("signature-dropped") && out.contains(&fingerprint),
        "{out}"
    );
    // Byte for byte, by the decoder of gpg.
    let after = std::fs::read(house.at("sha256sums.txt.asc")).unwrap();
    assert_eq!(dearmored(&after), dearmored(&alone));
    assert_ne!(dearmored(&both), dearmored(&alone));
    // Without the certificate, by what the signature says of itself.
    house.write("sha256sums.txt.asc", &both);
    house.remove("keys/leaving.asc");
    typed(&["sign", ".", "--drop", &fingerprint]).expect(0);
    assert_eq!(
        std::fs::read(house.at("sha256sums.txt.asc")).unwrap(),
        after
    );
    // What is not there, and what would leave nothing.
    let out = typed(&["sign", ".", "--drop", &fingerprint])
        .expect(3)
        .out();
    assert!(
        out.contains(&format!("holds no signature by {fingerprint}")),
        "{out}"
    );
    let last = house.signer.fingerprint().to_string();
    let out = typed(&["sign", ".", "--drop", &last]).expect(3).out();
    assert!(out.contains("holds no other signature"), "{out}");
    assert_eq!(
        std::fs::read(house.at("sha256sums.txt.asc")).unwrap(),
        after
    );
    let err = typed(&["sign", ".", "--drop", &last, "--replace"])
        .expect(2)
        .err();
    assert!(err.contains("cannot be used with"), "{err}");
}

/// Returns what stands in armor, as Python's base64 decodes it.
fn dearmored(armor: &[u8]) -> Vec<u8> {
    let script = "import sys,base64; t=sys.stdin.read().split('-----')[2]; \
                  b=[l for l in t.split('\\n\\n',1)[1].split('\\n') if l and not l.startswith('=')]; \
                  sys.stdout.buffer.write(base64.b64decode(''.join(b)))";
    let mut child = start(
        Command::new("python3")
            .args(["-c", script])
            .stdin(Stdio::piped()),
    );
    child.stdin.take().unwrap().write_all(armor).unwrap();
    wait(child).expect(0).stdout
}

#[test]
fn an_interrupt_at_a_question_ends_at_once_and_says_what_was_kept() {
    if !has_terminals() {
        return;
    }
    let house = House::new();
    // Nothing of the list is in the wheelhouse but one project: the rest is dropped.
    let list = format!(
        "wheelproof-example-units==0.3.0 --hash=sha256:{}\n",
        crate::common::sha256sum(&fixture("wheelhouse/wheels").join(FILES[5]))
    );
    house.write("list.txt", list);
    let before = std::fs::read(house.at("sha256sums.txt")).unwrap();
    let outer = tempfile::tempdir().unwrap();
    let dists = outer.path().join("dists");
    copy(&house.at(""), &dists);
    let words = [
        "update",
        "dists",
        "--from",
        "dists/list.txt",
        "--offline",
        "--cache",
        "cache",
        "--sources",
        "dists/wheels",
    ];
    let shown = on_terminal(outer.path(), None, &words, &[("[y/N]", "\u{3}")]);
    let out = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert_eq!(shown.code, Some(130), "{out}");
    assert!(
        out.contains("interrupted; the wheelhouse is as it was"),
        "{out}"
    );
    assert!(out.contains("what was fetched and built is kept"), "{out}");
    assert_eq!(std::fs::read(dists.join("sha256sums.txt")).unwrap(), before);
    // 'n' is an answer, and another one.
    let shown = on_terminal(outer.path(), None, &words, &[("[y/N]", "n\n")]);
    assert_ne!(shown.code, Some(130));
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-r").arg(from).arg(to).status();
    assert!(done.unwrap().success());
}

#[test]
fn the_version_tells_commit_backend_and_sandbox() {
    let short = run(wheelproof().arg("-V")).expect(0).out();
    assert_eq!(short, format!("wheelproof {}\n", env!("CARGO_PKG_VERSION")));
    let out = run(wheelproof().arg("--version")).expect(0).out();
    assert!(out.starts_with(&short), "{out}");
    let value = |name: &str| {
        let line = out.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name}: {out}"))
            .trim()
            .to_owned()
    };
    let commit = value("commit:");
    let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
    assert!(is_commit || commit.starts_with("not known"), "{out}");
    assert!(value("openpgp:").starts_with("Sequoia, backend "), "{out}");
    let layers = ["bubblewrap", "landlock-seccomp", "none"];
    assert!(
        layers
            .iter()
            .any(|layer| value("sandbox:").starts_with(layer)),
        "{out}"
    );
    // Without bubblewrap on the path it is another one, with the reason.
    let out = run(wheelproof().env("PATH", "/nowhere").arg("--version"))
        .expect(0)
        .out();
    assert!(!out.contains("sandbox:  bubblewrap\n"), "{out}");
    assert!(out.contains("'bwrap' was not found"), "{out}");
}

#[test]
fn a_policy_that_is_wrong_is_shown_with_a_mark_below_what_is() {
    let house = House::new();
    house.write("wheelproof.toml", "[trust]\ncertificate = [\"keys\"]\n");
    for (words, code) in [
        (&["verify", "."][..], 2),
        (&["run", ".", "--", "true"], 125),
    ] {
        let err = run(wheelproof().current_dir(house.at("")).args(words))
            .expect(code)
            .err();
        let expected = "error: ./wheelproof.toml:2:1: there is no key 'certificate' here; did you \
                        mean 'certificates'?\n  \x20 |\n  2 | certificate = [\"keys\"]\n  \x20 | ^^^^^^^^^^^\n";
        assert!(err.starts_with(expected), "{err}");
    }
}

#[test]
fn a_wheel_that_nothing_has_is_answered_with_those_there_are() {
    let house = House::new();
    let refused = |word: &str| {
        let words = [
            "rebuild",
            ".",
            word,
            "--certs",
            "keys",
            "--time",
            crate::signing::TODAY,
        ];
        let cache = ["--cache", "cache", "--offline"];
        run(wheelproof()
            .current_dir(house.at(""))
            .args(words)
            .args(cache))
    };
    for (word, says) in [
        (
            "wheelproof-example-unit",
            "did you mean wheelproof-example-units",
        ),
        (
            "wheelproof-example-units==9",
            "did you mean wheelproof-example-units==0.3.0?",
        ),
        ("zzz", "select by project"),
    ] {
        let out = refused(word).expect(4).out();
        assert!(
            out.contains(&format!("no wheel of the manifest matches '{word}'")),
            "{out}"
        );
        assert!(out.contains(says), "{word}: {out}");
    }
    // A path as a shell completes it.
    let path = format!("wheels/{}", FILES[4]);
    assert!(!refused(&path).out().contains("no wheel of the manifest"));
    for word in ["wheels/nosuch.whl", "/etc/passwd"] {
        let err = refused(word).expect(2).err();
        assert!(
            err.contains(&format!("there is no {word} below .")),
            "{err}"
        );
    }
}

#[test]
fn examples_of_the_help_are_whole_commands_and_reports_fit_the_terminal() {
    // Every command with examples: what the help shows, joined where a shell joins it, is
    // what the definition says.
    for command in wheelproof::cli::command().get_subcommands() {
        let Some(after) = command.get_after_help().map(ToString::to_string) else {
            continue;
        };
        let shown = run(wheelproof().args([command.get_name(), "--help"]))
            .expect(0)
            .out();
        let joined: String = shown.split(" \\\n      ").collect::<Vec<_>>().join(" ");
        for example in after.lines().filter(|line| line.starts_with("  ")) {
            assert!(
                joined.contains(&format!("\n{example}\n")),
                "{example}\n{shown}"
            );
        }
        assert!(
            shown.lines().all(|line| line.chars().count() <= 100),
            "{shown}"
        );
    }
    if !has_terminals() {
        return;
    }
    let house = House::new();
    std::fs::write(house.wheel(FILES[0]), "other").unwrap();
    let words = [
        "verify",
        ".",
        "--certs",
        "keys",
        "--time",
        crate::signing::TODAY,
    ];
    let shown = on_terminal_of(60, &house.at(""), None, &words, &[]).expect(1);
    let out = String::from_utf8_lossy(&shown.stdout).into_owned();
    // The terminal has 60 columns; only a word that is longer stands out.
    for line in out.split("\r\n").map(plain) {
        let longest = line
            .split(' ')
            .map(|word| word.chars().count())
            .max()
            .unwrap();
        assert!(line.chars().count() <= 60 || longest > 30, "{line:?}");
    }
}

/// Returns a line without colours and cursor movements.
fn plain(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |line, part| {
        let rest = part.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        line + rest.get(1..).unwrap_or_default()
    })
}

/// A build backend that compiles a module in C; the standard library only.
const BACKEND: &str = r#"
import os, subprocess, sysconfig, zipfile, hashlib, base64
TAG = "cp%d%d" % __import__("sys").version_info[:2]
def build_wheel(directory, config_settings=None, metadata_directory=None):
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    subprocess.check_call(["cc", "-shared", "-fPIC", "-I" + sysconfig.get_paths()["include"],
                           "-o", "wayext" + suffix, "wayext.c"])
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    info = "wayext-1.0.dist-info"
    files = [("wayext" + suffix, open("wayext" + suffix, "rb").read()),
             (info + "/METADATA", open("PKG-INFO", "rb").read()),
             (info + "/WHEEL", ("Wheel-Version: 1.0\nGenerator: way\nRoot-Is-Purelib: false\n"
                                "Tag: %s-%s-%s\n" % (TAG, TAG, platform)).encode())]
    rows = ""
    for name, data in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows += "%s,sha256=%s,%d\n" % (name, digest, len(data))
    files.append((info + "/RECORD", (rows + info + "/RECORD,,\n").encode()))
    name = "wayext-1.0-%s-%s-%s.whl" % (TAG, TAG, platform)
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for member, data in files:
            wheel.writestr(zipfile.ZipInfo(member, (2024, 1, 1, 0, 0, 0)), data)
    return name
"#;

/// Writes an sdist of a module in C. Returns `None`, and says so, where it cannot be built.
fn extension(sdists: &Path) -> Option<()> {
    let header = "import os, sysconfig; \
                  raise SystemExit(not os.path.exists(sysconfig.get_paths()['include'] + '/Python.h'))";
    let has_header = run(Command::new("python3").args(["-c", header])).code == Some(0);
    if !has_program("cc") || !has_header {
        crate::skipped!("cc, or the headers of Python, are not here");
        return None;
    }
    let tree = tempfile::tempdir().unwrap();
    let top = tree.path().join("wayext-1.0");
    std::fs::create_dir(&top).unwrap();
    for (name, text) in [
        (
            "PKG-INFO",
            "Metadata-Version: 2.2\nName: wayext\nVersion: 1.0\n",
        ),
        (
            "pyproject.toml",
            "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n\
             [project]\nname = \"wayext\"\nversion = \"1.0\"\n",
        ),
        ("backend.py", BACKEND),
        (
            "wayext.c",
            "#include <Python.h>\n\
             static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, \"wayext\", NULL, -1, NULL};\n\
             PyMODINIT_FUNC PyInit_wayext(void) { return PyModule_Create(&module); }\n",
        ),
    ] {
        std::fs::write(top.join(name), text).unwrap();
    }
    let packed = run(Command::new("tar")
        .current_dir(tree.path())
        .args(["--owner=0", "--group=0", "--format=ustar", "-czf"])
        .arg(sdists.join("wayext-1.0.tar.gz"))
        .arg("wayext-1.0"));
    packed.expect(0);
    Some(())
}

/// The place of a release manager: sdists where an index would be, and an empty directory.
struct Desk {
    directory: TempDir,
    home: Home,
    /// How many command lines were typed.
    typed: usize,
}

impl Desk {
    fn at(&self, below: &str) -> std::path::PathBuf {
        self.directory.path().join(below)
    }

    /// Types a line of wheelproof, and the passphrase where one is asked for.
    #[track_caller]
    fn types(&mut self, line: &str, asks: bool, code: i32) -> String {
        self.typed += 1;
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        let passphrase = format!("{PASSPHRASE}\r");
        let answers = [("assphrase", passphrase.as_str())];
        let answers = if asks { &answers[..] } else { &[] };
        if asks {
            self.home.forget();
        }
        let shown = on_terminal(&self.at(""), Some(&self.home), &words, answers);
        let text = String::from_utf8_lossy(&shown.stdout).replace("\r\n", "\n");
        let text: Vec<String> = text.lines().map(plain).collect();
        assert_eq!(shown.code, Some(code), "{line}\n{}", text.join("\n"));
        text.join("\n")
    }
}

/// From an empty directory to signed and installed, and the life of its keys after that.
/// Counted are the lines that are typed: 5 to an installed program, where it took 11.
#[test]
fn the_way_from_an_empty_directory_to_an_installed_program_takes_five_commands() {
    let (Some(home), true) = (Home::new(), has_terminals()) else {
        return;
    };
    let (Some(pip), Some(uv)) = (crate::installers::pip(), crate::installers::uv()) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let sdists = directory.path().join("sdists");
    std::fs::create_dir(&sdists).unwrap();
    if extension(&sdists).is_none() {
        return;
    }
    for name in [FILES[3], FILES[5]] {
        std::fs::copy(fixture("wheelhouse/wheels").join(name), sdists.join(name)).unwrap();
    }
    let wanted =
        "wayext==1.0\nwheelproof-example-greeting==1.0.0\nwheelproof-example-units==0.3.0\n";
    std::fs::write(directory.path().join("requirements.in"), wanted).unwrap();
    let first = home.key("first", "2y");
    let second = home.key("second", "never");
    let mut desk = Desk {
        directory,
        home,
        typed: 0,
    };

    // 1. Lock, by uv, with the hashes of what the index has.
    desk.typed += 1;
    run(Command::new(&uv.program)
        .current_dir(desk.at(""))
        .args([
            "pip",
            "compile",
            "--quiet",
            "--generate-hashes",
            "--no-index",
        ])
        .args([
            "--find-links",
            "sdists",
            "requirements.in",
            "-o",
            "lock.txt",
        ])
        .args(["--no-emit-find-links", "--no-cache"]))
    .expect(0);
    // 2. Build and list.
    let update = "wheelproof update dists --from lock.txt --sources sdists --offline --cache cache";
    let out = desk.types(update, false, 0);
    assert!(out.contains("wheelproof sign dists"), "{out}");
    // 3. Sign; what 'update' said names who could.
    let err = desk.types("wheelproof sign dists", false, 2);
    assert!(err.replace("\n ", "").contains(&first), "{err}");
    desk.typed -= 1;
    let out = desk.types(&format!("wheelproof sign dists --signer {first}"), true, 0);
    let verify = format!("wheelproof verify dists --certs dists/{first}.asc");
    let joined = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.contains(&verify), "{out}");
    // 4. Verify, as it said.
    let out = desk.types(&verify, false, 0);
    assert!(out.contains("PASS"), "{out}");
    // 5. Install, by pip and by uv, and import.
    let before = desk.typed;
    for installer in [&pip, &uv] {
        let target = desk.at(installer.name);
        let install = installer.install_to(target.to_str().unwrap());
        let line = format!(
            "wheelproof run dists --certs dists/{first}.asc --requirements lock.txt -- {install} -r lock.txt"
        );
        desk.types(&line, false, 0);
        let script = "import wayext, wheelproof_example_greeting, wheelproof_example_units";
        run(Command::new("python3")
            .args(["-c", script])
            .env("PYTHONPATH", &target))
        .expect(0);
    }
    assert_eq!(before + 1, 5, "commands to an installed program");

    // A second signer. The policy asks for both from then on.
    desk.types("wheelproof init dists", false, 0);
    std::fs::write(
        desk.at(&format!("dists/{second}.asc")),
        desk.home.export(&second),
    )
    .unwrap();
    desk.types(&format!("wheelproof sign dists --signer {second}"), true, 0);
    desk.types("wheelproof init dists --force", false, 0);
    let policy = std::fs::read_to_string(desk.at("dists/wheelproof.toml")).unwrap();
    assert!(policy.contains("threshold = 2\n"), "{policy}");
    let out = desk.types("wheelproof verify dists", false, 0);
    assert!(out.contains("2 signers count, 2 required"), "{out}");

    // The first key is extended: its certificate is handed out again, nothing is signed.
    // gpg leaves the self-signature that was there at the time of signing out of what it
    // exports, so the new file lies beside the old one (docs/key-extended.md).
    desk.home
        .gpg(&["--quick-set-expire", &first, "5y"])
        .expect(0);
    let renewed = desk.home.export(&first);
    std::fs::write(desk.at(&format!("dists/{first}-extended.asc")), renewed).unwrap();
    desk.types("wheelproof init dists --force", false, 0);
    let policy = std::fs::read_to_string(desk.at("dists/wheelproof.toml")).unwrap();
    assert!(policy.contains("-extended.asc"), "{policy}");
    let out = desk.types("wheelproof verify dists", false, 0);
    assert!(out.contains("2 signers count"), "{out}");

    // The first key is replaced by a third.
    let third = desk.home.key("third", "never");
    std::fs::write(
        desk.at(&format!("dists/{third}.asc")),
        desk.home.export(&third),
    )
    .unwrap();
    desk.types(&format!("wheelproof sign dists --signer {third}"), true, 0);
    desk.types(&format!("wheelproof sign dists --drop {first}"), false, 0);
    for name in [format!("{first}.asc"), format!("{first}-extended.asc")] {
        std::fs::remove_file(desk.at(&format!("dists/{name}"))).unwrap();
    }
    desk.types("wheelproof init dists --force", false, 0);
    let out = desk.types("wheelproof verify dists", false, 0);
    assert!(
        out.contains("2 signers count, 2 required") && !out.contains(&first),
        "{out}"
    );

    // The second is revoked: not enough count, and where one is enough nobody is told not
    // to use the files.
    let revocation = desk
        .home
        .0
        .path()
        .join(format!("openpgp-revocs.d/{second}.rev"));
    let text = std::fs::read_to_string(revocation).unwrap();
    let imported = desk.home.0.path().join("revocation");
    std::fs::write(&imported, text.replace("\n:-----BEGIN", "\n-----BEGIN")).unwrap();
    desk.home
        .gpg(&["--import", imported.to_str().unwrap()])
        .expect(0);
    std::fs::write(
        desk.at(&format!("dists/{second}.asc")),
        desk.home.export(&second),
    )
    .unwrap();
    let out = desk.types("wheelproof verify dists", false, 1);
    assert!(
        out.contains("signer-revoked") && out.contains("do not use"),
        "{out}"
    );
    let out = desk.types("wheelproof verify dists --threshold 1", false, 0);
    let said = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("note[signer-revoked]") && said.contains("PASS"),
        "{out}"
    );
    assert!(!said.contains("do not use these files"), "{out}");
    assert!(said.contains("wheelproof sign --drop"), "{out}");
    desk.types(&format!("wheelproof sign dists --drop {second}"), false, 0);
    std::fs::remove_file(desk.at(&format!("dists/{second}.asc"))).unwrap();
    desk.types("wheelproof init dists --force", false, 0);
    let out = desk.types("wheelproof verify dists", false, 0);
    assert!(
        out.contains("1 signer counts, 1 required") && !out.contains("revoked"),
        "{out}"
    );
}

#[test]
fn what_keeps_all_wheels_from_being_built_is_said_once() {
    let house = House::new();
    let rebuilt = |python: &str| {
        let python = format!("py3={python}");
        let words = [
            "rebuild",
            ".",
            "--all",
            "--certs",
            "keys",
            "--time",
            crate::signing::TODAY,
        ];
        let rest = ["--cache", "cache", "--offline", "--python", &python];
        run(wheelproof()
            .current_dir(house.at(""))
            .args(words)
            .args(rest))
        .expect(3)
        .out()
    };
    for (python, says) in [
        (
            "/bin/ls",
            "'/bin/ls' does not answer as a Python 3 interpreter does",
        ),
        (
            "/nowhere/python3",
            "there is no interpreter at '/nowhere/python3'",
        ),
    ] {
        let out = rebuilt(python);
        assert_eq!(out.matches(says).count(), 1, "{out}");
        assert_eq!(out.matches("for the same reason").count(), 2, "{out}");
        // The question is a program of ours.
        assert!(!out.contains("import "), "{out}");
    }
}

#[test]
fn a_directory_without_packages_is_named_with_what_was_looked_for() {
    let house = House::new();
    std::fs::create_dir(house.at("empty")).unwrap();
    let out = run(wheelproof()
        .current_dir(house.at(""))
        .args(["manifest", "empty"]))
    .expect(4)
    .out();
    assert!(
        out.contains("empty holds no file that a manifest lists"),
        "{out}"
    );
    assert!(out.contains(".whl") && out.contains("--directory"), "{out}");
}

#[test]
fn a_first_policy_asks_for_as_many_signers_as_there_are_and_warns_without_any() {
    let house = House::new();
    std::fs::remove_dir_all(house.at("keys")).unwrap();
    let out = run(wheelproof().current_dir(house.at("")).args(["init", "."]))
        .expect(0)
        .out();
    assert!(out.contains("warning[certificate-missing]"), "{out}");
    assert!(
        out.contains("put the public certificates into keys/"),
        "{out}"
    );
}

#[test]
fn a_wheel_that_came_out_different_is_kept_where_that_is_asked_for() {
    let house = House::new();
    let words = [
        "rebuild",
        ".",
        "wheelproof-example-units",
        "--certs",
        "keys",
    ];
    let rest = [
        "--time",
        crate::signing::TODAY,
        "--cache",
        "cache",
        "--offline",
    ];
    let rebuilt = |more: &[&str], code: i32| {
        run(wheelproof()
            .current_dir(house.at(""))
            .args(words)
            .args(rest)
            .args(more))
        .expect(code)
    };
    // Another umask gives other modes.
    let out = rebuilt(
        &["--umask", "077", "--exact", "--keep-different", "kept"],
        1,
    )
    .out();
    assert!(out.contains("DIFFERENT"), "{out}");
    let kept = house.at("kept").join(FILES[4]);
    let explained = run(wheelproof()
        .current_dir(house.at(""))
        .arg("explain")
        .args([house.wheel(FILES[4]), kept.clone()]))
    .expect(1)
    .out();
    assert!(explained.contains("umask"), "{explained}");
    std::fs::remove_file(&kept).unwrap();
    rebuilt(&["--keep-different", "kept"], 0);
    assert!(!kept.exists());
}

/// debhelper ends a build with what wheelproof said, and with nothing of Perl's.
#[test]
fn a_policy_that_is_wrong_ends_a_debian_build_with_its_own_sentence() {
    if !has_program("dh") {
        return;
    }
    let house = House::new();
    let debhelper = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/debhelper");
    for below in ["bin", "debian", "perl/Debian/Debhelper/Sequence"] {
        std::fs::create_dir_all(house.at(below)).unwrap();
    }
    for (from, to) in [
        ("Wheelproof.pm", "perl/Debian/Debhelper/Wheelproof.pm"),
        (
            "wheelproof.pm",
            "perl/Debian/Debhelper/Sequence/wheelproof.pm",
        ),
        ("dh_wheelproof", "bin/dh_wheelproof"),
        ("dh_wheelproof_clean", "bin/dh_wheelproof_clean"),
    ] {
        std::fs::copy(debhelper.join(from), house.at(to)).unwrap();
    }
    for name in ["dh_wheelproof", "dh_wheelproof_clean"] {
        house.mode(&format!("bin/{name}"), 0o755);
    }
    let program = wheelproof();
    std::os::unix::fs::symlink(program.get_program(), house.at("bin/wheelproof")).unwrap();
    house.write(
        "debian/control",
        "Source: probe\nMaintainer: A <a@example.invalid>\n\
         Build-Depends: debhelper-compat (= 13)\n\nPackage: probe\nArchitecture: all\nDescription: x\n",
    );
    house.write(
        "debian/changelog",
        "probe (1.0) unstable; urgency=medium\n\n  * First.\n\n \
         -- A <a@example.invalid>  Mon, 30 Nov 2026 00:00:00 +0000\n",
    );
    house.write(
        "debian/wheelproof.toml",
        "[trust]\ncertificate = [\"../keys\"]\n",
    );
    let path = format!(
        "{}:{}",
        house.at("bin").display(),
        std::env::var("PATH").unwrap()
    );
    for words in [
        &["dh", "build", "--with", "wheelproof"][..],
        &["dh_wheelproof"],
    ] {
        let mut command = Command::new(words[0]);
        command
            .current_dir(house.at(""))
            .env("PATH", &path)
            .env("PERL5LIB", house.at("perl"))
            .args(&words[1..]);
        let outcome = run(&mut command);
        assert_ne!(outcome.code, Some(0), "{words:?}");
        let err = outcome.err();
        assert!(err.contains("did you mean 'certificates'?"), "{err}");
        for noise in [
            " line ",
            "Compilation",
            "BEGIN",
            "returned exit code",
            "dh: error",
        ] {
            assert!(!err.contains(noise), "{words:?}: {err}");
        }
    }
}
