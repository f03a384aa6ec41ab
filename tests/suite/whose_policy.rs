//! Who may write the wheelhouse does not decide what passes, unless the user says so.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use wheelproof::policy::{Class, classes};

use crate::common::{House, fixture, run, sha256sum, wheelproof};
use crate::signing::TODAY;

/// What the policy of most wheelhouses says.
const TRUSTS: &str = "[trust]\ncertificates = [\"keys\"]\n";

/// Returns a command on the house, from the directory above it.
fn on(house: &House, words: &[&str]) -> Command {
    let mut command = wheelproof();
    command
        .current_dir(house.at("").parent().unwrap())
        .arg(words[0])
        .arg(house.at(""))
        .args(&words[1..]);
    command
}

#[test]
fn every_form_of_the_report_names_the_policy_and_says_that_it_lies_in_the_directory() {
    const LIES: &str = "in the checked directory";
    let house = House::new();
    house.write("wheelproof.toml", TRUSTS);
    let sha256 = sha256sum(&house.at("wheelproof.toml"));
    let elsewhere = tempfile::tempdir().unwrap();
    let mine = elsewhere.path().join("mine.toml");
    std::fs::write(&mine, "# mine\n[trust]\nthreshold = 1\n").unwrap();
    let reports = ["r.json", "r.html", "r.xml", "r.md"].map(|name| elsewhere.path().join(name));
    let text = |flags: &[&str]| {
        let mut command = on(&house, &["verify", "--time", TODAY]);
        for report in &reports {
            command.arg("--report").arg(report);
        }
        let text = run(command.args(flags)).expect(0).out();
        let files = reports
            .iter()
            .map(|path| std::fs::read_to_string(path).unwrap());
        [text].into_iter().chain(files).collect::<Vec<String>>()
    };
    for form in text(&[]) {
        assert!(form.contains(&sha256), "{form}");
        assert!(form.contains("wheelproof.toml"), "{form}");
        assert!(
            form.contains(LIES) || form.contains("\"in_checked_directory\": true"),
            "{form}"
        );
        assert!(
            form.contains("because this policy says so")
                || form.contains("\"chosen_by_directory\": true"),
            "{form}"
        );
    }
    // Named by the user it lies there all the same.
    let own = house.at("wheelproof.toml");
    let named = text(&["--policy", own.to_str().unwrap()]);
    assert!(
        named
            .iter()
            .all(|form| form.contains(LIES) || form.contains("\"in_checked_directory\": true"))
    );
    assert!(named[1].contains("\"named\": true"), "{}", named[1]);
    // One that lies elsewhere is named, and nothing is said of the directory.
    let keys = house.at("keys");
    let keys = keys.to_str().unwrap();
    let sha256 = sha256sum(&mine);
    for form in text(&["--policy", mine.to_str().unwrap(), "--certs", keys]) {
        assert!(form.contains(&sha256), "{form}");
        assert!(
            !form.contains(LIES) && !form.contains("\"in_checked_directory\": true"),
            "{form}"
        );
        assert!(!form.contains("because this policy says so"), "{form}");
    }
    // Where there is none, none is named.
    house.remove("wheelproof.toml");
    for form in text(&["--certs", keys]) {
        assert!(
            !form.contains(LIES) && !form.contains("sha256 of"),
            "{form}"
        );
        assert!(!form.contains("wheelproof.toml"), "{form}");
    }
}

#[test]
fn verify_run_seal_and_audit_say_whom_the_directory_chose_to_believe() {
    const SAYS: &str = "is believed because this policy says so; whoever can write the directory";
    let house = House::new();
    house.write("wheelproof.toml", TRUSTS);
    let fingerprint = house.signer.fingerprint().to_string();
    let out = tempfile::tempdir().unwrap();
    let sealed = out.path().join("sealed");
    let sealed = sealed.to_str().unwrap();
    let cache = out.path().join("cache");
    let tasks: [&[&str]; 4] = [
        &["verify"],
        &["run", "--", "true"],
        &["seal", sealed],
        &["audit", "greeting", "--cache", cache.to_str().unwrap()],
    ];
    for words in tasks {
        let (command, flags) = words.split_first().unwrap();
        let mut all = vec![*command, "--time", TODAY];
        all.extend(flags);
        let done = run(&mut on(&house, &all));
        let said = format!("{}{}", done.out(), done.err());
        let line = said.lines().find(|line| line.contains(SAYS));
        assert!(
            line.is_some_and(|line| line.contains(&fingerprint)),
            "{words:?}: {said}"
        );
    }
    // With a word of the user's own it is not said.
    for flags in [
        ["--signer", &fingerprint],
        ["--certs", house.at("keys").to_str().unwrap()],
    ] {
        let mut command = on(&house, &["verify", "--time", TODAY]);
        let said = run(command.args(flags)).expect(0).out();
        assert!(!said.contains("because this policy says so"), "{said}");
    }
}

/// A wheelhouse that somebody else may write, beside a place that only the user may.
struct Scene {
    house: House,
    mine: TempDir,
}

impl Scene {
    /// The program `py` in the house leaves a mark when it is run.
    fn new() -> Self {
        let scene = Self {
            house: House::new(),
            mine: tempfile::tempdir().unwrap(),
        };
        scene.program(&scene.house.at("py"));
        for directory in ["keys", "cache", "tmp"] {
            std::fs::create_dir(scene.at(directory)).unwrap();
        }
        std::fs::copy(
            scene.house.at("keys/signer.asc"),
            scene.at("keys/signer.asc"),
        )
        .unwrap();
        scene
    }

    /// Returns a path in the user's own place.
    fn at(&self, below: &str) -> PathBuf {
        self.mine.path().join(below)
    }

    /// Writes a program that leaves a mark.
    fn program(&self, path: &Path) {
        let script = format!(
            "#!/bin/sh\n: > {}\nexec python3 \"$@\"\n",
            self.at("mark").display()
        );
        std::fs::write(path, script).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn has_mark(&self) -> bool {
        self.at("mark").exists()
    }

    /// Returns a command on the house. `TRUST` in the words stands for what says on the
    /// command line whom to trust, `OUT` for a directory to make.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = wheelproof();
        command
            .current_dir(self.at(""))
            .env("XDG_CACHE_HOME", self.at("cache"))
            .env("TMPDIR", self.at("tmp"));
        for word in words {
            match *word {
                "DIR" => command.arg(self.house.at("")),
                "TRUST" => command.args(["--certs", "keys"]),
                "OUT" => command.arg("out"),
                "POLICY" => command
                    .arg("--policy")
                    .arg(self.house.at("wheelproof.toml")),
                word => command.arg(word),
            };
        }
        command
    }

    /// Fails unless a policy of the house is refused with what the user needs to know.
    #[track_caller]
    fn refuses(&self, policy: &str, key: &str, words: &[&str]) {
        self.house.write("wheelproof.toml", policy);
        let code = if words[0] == "run" { 125 } else { 2 };
        let said = run(&mut self.command(words)).expect(code).err();
        let path = self.house.at("wheelproof.toml");
        let path = path.display();
        // Counted by hand in every policy below: the value stands in the last line.
        let line = policy.trim_end().lines().count();
        assert!(
            said.starts_with(&format!("error: {path}:{line}:")),
            "{words:?}: {said}"
        );
        assert!(said.contains(&format!("'{key}'")), "{words:?}: {said}");
        assert!(
            said.contains(&format!("--policy {path}")),
            "{words:?}: {said}"
        );
        assert!(!self.has_mark(), "{words:?}: {policy} ran a program");
        let left = std::fs::read_dir(self.at(""))
            .unwrap()
            .map(|it| it.unwrap().file_name());
        let left: BTreeSet<_> = left.map(|name| name.into_string().unwrap()).collect();
        let known = ["cache", "keys", "tmp"].map(str::to_owned);
        assert_eq!(left, known.into(), "{words:?}: {policy} wrote something");
    }

    #[track_caller]
    fn heeds(&self, policy: &str, words: &[&str]) {
        self.house.write("wheelproof.toml", policy);
        let done = run(&mut self.command(words));
        let said = done.err();
        assert_eq!(
            done.code,
            Some(0),
            "{words:?} under {policy}: {said}{}",
            done.out()
        );
    }
}

/// The commands that check with trust of the user's own.
const CHECKS: [&[&str]; 3] = [
    &["verify", "DIR", "TRUST", "--strict"],
    &["run", "DIR", "TRUST", "--", "true"],
    &["seal", "DIR", "OUT", "TRUST"],
];

/// Those that rebuild, too.
const REBUILDS: [&[&str]; 2] = [
    &["audit", "DIR", "TRUST"],
    &["rebuild", "DIR", "TRUST", "--all"],
];

#[test]
fn with_trust_of_the_users_own_a_found_policy_widens_nothing() {
    let scene = Scene::new();
    scene
        .house
        .write("wheels/evil-1.0-py3-none-any.whl", "nobody signed this");
    let mut tried = BTreeSet::new();
    for (key, table, value) in [
        (
            "trust.key-validity",
            "trust",
            "key-validity = \"at-signing\"",
        ),
        ("trust.key-validity", "trust", "key-validity = \"now\""),
        (
            "trust.lapse-warning-days",
            "trust",
            "lapse-warning-days = 59",
        ),
        (
            "trust.bad-signatures",
            "trust",
            "bad-signatures = \"accept\"",
        ),
        (
            "wheelhouse.allow-unlisted",
            "wheelhouse",
            "allow-unlisted = [\"evil-1.0-py3-none-any.whl\"]",
        ),
        ("wheelhouse.depth", "wheelhouse", "depth = \"shallow\""),
        ("wheelhouse.crlf", "wheelhouse", "crlf = \"accept\""),
        (
            "wheelhouse.repeated-names",
            "wheelhouse",
            "repeated-names = \"accept\"",
        ),
        ("wheelhouse.directory", "wheelhouse", "directory = \"keys\""),
        ("wheelhouse.state", "wheelhouse", "state = \"state.json\""),
        (
            "wheelhouse.limits.members",
            "wheelhouse.limits",
            "members = 200001",
        ),
        (
            "wheelhouse.limits.member-mib",
            "wheelhouse.limits",
            "member-mib = 8193",
        ),
        (
            "wheelhouse.limits.total-mib",
            "wheelhouse.limits",
            "total-mib = 16385",
        ),
        (
            "wheelhouse.limits.ratio",
            "wheelhouse.limits",
            "ratio = 201",
        ),
        ("rebuild.jobs", "rebuild", "jobs = 100000"),
        ("rebuild.timeout", "rebuild", "timeout = 601"),
        ("rebuild.memory-mib", "rebuild", "memory-mib = 4097"),
        ("rebuild.disk-mib", "rebuild", "disk-mib = 4097"),
        ("rebuild.processes", "rebuild", "processes = 513"),
        ("rebuild.sandbox", "rebuild", "sandbox = \"off\""),
        ("rebuild.records", "rebuild", "records = \"ignore\""),
        (
            "rebuild.interpreters.TAG",
            "rebuild.interpreters",
            "py3 = \"./py\"",
        ),
        (
            "rebuild.interpreters.TAG",
            "rebuild.interpreters",
            "py3 = \"/usr/bin/python3\"",
        ),
        (
            "rebuild.interpreters.TAG",
            "rebuild.interpreters",
            "py3 = \"reboot\"",
        ),
        (
            "rebuild.interpreters.TAG",
            "rebuild.interpreters",
            "py3 = [\"python3\", \"bash\"]",
        ),
        (
            "rebuild.interpreters.TAG",
            "rebuild.interpreters",
            "py3 = { root = \"/\", python = \"/usr/bin/python3\" }",
        ),
        (
            "rebuild.recipe.interpreter",
            "rebuild.recipe",
            "interpreter = \"./py\"",
        ),
        (
            "rebuild.recipe.sysconfig",
            "rebuild.recipe",
            "sysconfig = \"./py\"",
        ),
        (
            "rebuild.recipe.sysconfig",
            "rebuild.recipe",
            "sysconfig = \"data.json\"",
        ),
        (
            "rebuild.recipe.tools",
            "rebuild.recipe",
            "tools = [\"list.txt\"]",
        ),
        (
            "rebuild.recipe.pinned-tools",
            "rebuild.recipe",
            "pinned-tools = [\"x==1 --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000\"]",
        ),
        (
            "rebuild.recipe.tool-directories",
            "rebuild.recipe",
            "tool-directories = [\"tools\"]",
        ),
        (
            "rebuild.recipe.tool-wheelhouses",
            "rebuild.recipe",
            "tool-wheelhouses = [\"tools\"]",
        ),
        (
            "rebuild.recipe.inputs",
            "rebuild.recipe",
            "inputs = { \"/v\" = \"wheels\" }",
        ),
        (
            "rebuild.recipe.environment",
            "rebuild.recipe",
            "environment = { CC = \"./py\" }",
        ),
        (
            "handoff.rebuilt-reports",
            "handoff",
            "rebuilt-reports = [\"audit.json\"]",
        ),
        (
            "handoff.rebuilt-max-age-days",
            "handoff",
            "rebuilt-max-age-days = 31",
        ),
    ] {
        let policy = format!("[{table}]\n{value}\n");
        let shown = key.replace("TAG", "py3");
        if !key.starts_with("rebuild") {
            CHECKS
                .iter()
                .for_each(|words| scene.refuses(&policy, &shown, words));
        }
        REBUILDS
            .iter()
            .for_each(|words| scene.refuses(&policy, &shown, words));
        if key == "trust.lapse-warning-days" {
            scene.refuses(&policy, &shown, &["certs", "DIR", "TRUST"]);
        }
        tried.insert(key.to_owned());
        // One project's recipe is a recipe.
        if let Some(key) = shown.strip_prefix("rebuild.recipe.") {
            let policy = format!("[rebuild.projects.six]\n{value}\n");
            scene.refuses(&policy, &format!("rebuild.projects.six.{key}"), REBUILDS[0]);
        }
    }
    // Every key whose class lets it was tried.
    let able = classes().into_iter().filter(|(key, class)| {
        matches!(class, Class::Widens | Class::Runs | Class::Writes) && !key.contains("NAME")
    });
    assert_eq!(tried, able.map(|(key, _)| key).collect());
}

#[test]
fn a_fingerprint_on_the_command_line_is_a_word_of_the_users_own() {
    let scene = Scene::new();
    let signer = scene.house.signer.fingerprint().to_string();
    let words = ["verify", "DIR", "--signer", &signer];
    scene.heeds(TRUSTS, &words);
    let policy = format!("{TRUSTS}[wheelhouse]\nallow-unlisted = [\"x\"]\n");
    scene.refuses(&policy, "wheelhouse.allow-unlisted", &words);
    // So is a variable of the environment, when it names anything.
    for (certs, code) in [("keys", 2), (":", 0), ("", 0)] {
        let mut command = scene.command(&["verify", "DIR"]);
        let done = run(command.env("WHEELPROOF_CERTS", certs)).expect(code);
        let says = done.out().contains("because this policy says so");
        assert_eq!(says, code == 0, "{certs:?}: {}", done.out());
    }
    // But not how many, or since when: these only ask the directory for more.
    scene.heeds(&policy, &["verify", "DIR", "--threshold", "1"]);
}

#[test]
fn a_found_policy_that_asks_for_more_or_for_the_same_is_heeded() {
    let scene = Scene::new();
    let cores = std::thread::available_parallelism().unwrap();
    let signer = scene.house.signer.fingerprint().to_string();
    let policy = format!(
        "[trust]\nthreshold = 1\nsigners = [\"{signer}\"]\nkey-validity = \"both\"\n\
         not-before = \"2020-01-01T00:00:00Z\"\nlapse-warning-days = 61\nbad-signatures = \"refuse\"\n\
         [wheelhouse]\nmanifest = \"sha256sums.txt\"\nsignatures = [\"sha256sums.txt.asc\"]\n\
         directory = \"./wheels/../wheels\"\nallow-unlisted = []\ndepth = \"deep\"\ncrlf = \"refuse\"\n\
         repeated-names = \"refuse\"\n[wheelhouse.limits]\nmembers = 199999\nratio = 200\n\
         [rebuild]\njobs = {cores}\ntimeout = 600\nsandbox = \"auto\"\nrecords = \"use\"\nexact = true\n\
         [rebuild.interpreters]\npy3 = \"python3\"\ncp39 = [\"python3.9\", \"pypy3\"]\ncp313 = \"python3.13t\"\n\
         [rebuild.recipe]\ntools = []\nsource-date-epoch = 1704067200\numask = \"022\"\n\
         build-path = \"/tmp/wheelproof-build/{{sdist}}\"\n"
    );
    for words in CHECKS {
        scene.heeds(&policy, words);
    }
    scene.heeds(
        &policy,
        &["audit", "DIR", "wheelproof-example-greeting", "TRUST"],
    );
    // What asks for more is asked.
    scene.house.write(
        "wheelproof.toml",
        "[trust]\nnot-before = \"2024-06-02T00:00:00Z\"\n",
    );
    let done = run(&mut scene.command(CHECKS[0])).expect(1);
    assert!(
        done.out().contains("error[signature-too-old]"),
        "{}",
        done.out()
    );
}

#[test]
fn a_key_that_a_flag_replaces_or_the_command_does_not_heed_is_not_judged() {
    let scene = Scene::new();
    let builds = "[rebuild]\nsandbox = \"off\"\n[rebuild.interpreters]\npy3 = \"./py\"\n";
    for words in CHECKS {
        scene.heeds(builds, words);
        let _ = std::fs::remove_dir_all(scene.at("out"));
    }
    assert!(!scene.has_mark());
    let policy = "[trust]\nkey-validity = \"at-signing\"\nbad-signatures = \"accept\"\n\
                  [wheelhouse]\ndepth = \"shallow\"\ncrlf = \"accept\"\nrepeated-names = \"accept\"\n\
                  state = \"/nowhere/state\"\ndirectory = \"keys\"\n";
    let state = scene.at("state");
    let wheels = scene.house.wheel("");
    let flags = [
        "verify",
        "DIR",
        "TRUST",
        "--key-validity",
        "both",
        "--bad-signatures",
        "refuse",
        "--deep",
        "--crlf",
        "refuse",
        "--repeated-names",
        "refuse",
        "--state",
        state.to_str().unwrap(),
        "--directory",
        wheels.to_str().unwrap(),
    ];
    scene.heeds(policy, &flags);
    // Each of them is needed: without one of them its key is judged.
    for (flag, key) in [
        ("--key-validity", "trust.key-validity"),
        ("--bad-signatures", "trust.bad-signatures"),
        ("--crlf", "wheelhouse.crlf"),
        ("--repeated-names", "wheelhouse.repeated-names"),
        ("--state", "wheelhouse.state"),
        ("--directory", "wheelhouse.directory"),
    ] {
        let at = flags.iter().position(|word| *word == flag).unwrap();
        let others: Vec<&str> = flags[..at]
            .iter()
            .chain(&flags[at + 2..])
            .copied()
            .collect();
        let said = run(&mut scene.command(&others)).expect(2).err();
        assert!(said.contains(&format!("'{key}'")), "{said}");
    }
    let policy = "[rebuild]\nsandbox = \"off\"\njobs = 100000\ntimeout = 700\nmemory-mib = 5000\n\
                  disk-mib = 5000\nprocesses = 600\nrecords = \"ignore\"\n\
                  [rebuild.interpreters]\npy3 = \"./py\"\n\
                  [rebuild.projects.wheelproof-example-greeting]\nenvironment = { A = \"b\" }\n\
                  source-date-epoch = 1704067200\n";
    let flags = [
        "audit",
        "DIR",
        "wheelproof-example-greeting",
        "TRUST",
        "--sandbox",
        "auto",
        "--jobs",
        "1",
        "--timeout",
        "600",
        "--memory-mib",
        "4096",
        "--disk-mib",
        "4096",
        "--processes",
        "512",
        "--records",
        "use",
        "--python",
        "py3=python3",
        "--build-env",
        "A=c",
    ];
    scene.heeds(policy, &flags);
    assert!(!scene.has_mark());
    let said = run(&mut scene.command(&flags[..flags.len() - 4]))
        .expect(2)
        .err();
    assert!(said.contains("'rebuild.interpreters.py3'"), "{said}");
}

#[test]
fn without_trust_of_the_users_own_a_found_policy_runs_nothing_of_the_directory_and_writes_nothing()
{
    let scene = Scene::new();
    let out = scene.at("out");
    let state = scene.at("state");
    symlink(scene.house.at("py"), scene.at("cache/in")).unwrap();
    symlink(scene.at("keys"), scene.house.at("link")).unwrap();
    scene.program(&scene.at("keys/py"));
    let tasks: [&[&str]; 4] = [
        &["audit", "DIR"],
        &["rebuild", "DIR", "--all"],
        &["build", "DIR"],
        &["update", "DIR", "--from", "list.txt"],
    ];
    let in_link = scene.at("cache/in");
    for program in ["./py", "wheels/../py", "link/py", in_link.to_str().unwrap()] {
        for (table, key, value) in [
            ("rebuild.interpreters", "py3", format!("\"{program}\"")),
            (
                "rebuild.interpreters",
                "py3",
                format!("[\"python3\", \"{program}\"]"),
            ),
            (
                "rebuild.interpreters",
                "cp311",
                format!("{{ root = \"wheels\", python = \"/{program}\" }}")
                    .replace("..", "x")
                    .replace("//", "/")
                    .replace("/./", "/"),
            ),
            ("rebuild.recipe", "interpreter", format!("\"{program}\"")),
            ("rebuild.recipe", "sysconfig", format!("\"{program}\"")),
            (
                "rebuild.projects.six",
                "interpreter",
                format!("\"{program}\""),
            ),
        ] {
            let policy = format!("{TRUSTS}[{table}]\n{key} = {value}\n");
            for words in tasks {
                scene.refuses(&policy, &format!("{table}.{key}"), words);
            }
        }
    }
    for words in tasks {
        let policy = format!("{TRUSTS}[rebuild]\nsandbox = \"off\"\n");
        scene.refuses(&policy, "rebuild.sandbox", words);
    }
    for path in [
        state.to_str().unwrap(),
        "../state",
        "state.json",
        "link/state",
    ] {
        let policy = format!("{TRUSTS}[wheelhouse]\nstate = \"{path}\"\n");
        for words in [
            &["verify", "DIR"][..],
            &["run", "DIR", "--", "true"],
            &["seal", "DIR", "OUT"],
        ] {
            scene.refuses(&policy, "wheelhouse.state", words);
        }
    }
    // Commands that write write where the policy says, and no further than the directory.
    let writing: [&[&str]; 4] = [
        &["manifest", "DIR"],
        &["sign", "DIR", "--key-file", "none.asc"],
        tasks[2],
        tasks[3],
    ];
    for words in writing {
        for (key, value) in [
            ("manifest", format!("\"{}\"", out.display())),
            ("manifest", "\"link/list\"".to_owned()),
            ("signatures", format!("[\"{}\"]", out.display())),
            ("directory", format!("\"{}\"", scene.at("keys").display())),
            ("directory", "\"link\"".to_owned()),
        ] {
            let policy = format!("{TRUSTS}[wheelhouse]\n{key} = {value}\n");
            scene.refuses(&policy, &format!("wheelhouse.{key}"), words);
        }
    }
}

#[test]
fn what_the_user_names_is_obeyed_wherever_it_lies() {
    let scene = Scene::new();
    scene.house.write("wheels/extra.txt", "nobody signed this");
    let words = ["verify", "DIR", "TRUST", "POLICY"];
    scene.heeds("[wheelhouse]\nallow-unlisted = [\"extra.txt\"]\n", &words);
    // What the other tests look for is there when the program is run.
    let policy =
        "[wheelhouse]\nallow-unlisted = [\"extra.txt\"]\n[rebuild.interpreters]\npy3 = \"./py\"\n";
    scene.house.write("wheelproof.toml", policy);
    run(&mut scene.command(&[
        "audit",
        "DIR",
        "TRUST",
        "POLICY",
        "wheelproof-example-greeting",
    ]));
    assert!(scene.has_mark());
    // Without trust of the user's own a found policy may say the rest.
    let policy =
        format!("{TRUSTS}[wheelhouse]\nallow-unlisted = [\"extra.txt\"]\ndepth = \"shallow\"\n");
    scene.heeds(&policy, &["verify", "DIR"]);
}

#[test]
fn a_policy_that_is_a_link_is_found_where_the_link_lies() {
    let scene = Scene::new();
    std::fs::write(
        scene.at("cache/own.toml"),
        "[wheelhouse]\nallow-unlisted = [\"x\"]\n",
    )
    .unwrap();
    symlink(
        scene.at("cache/own.toml"),
        scene.house.at("wheelproof.toml"),
    )
    .unwrap();
    let said = run(&mut scene.command(CHECKS[0])).expect(2).err();
    assert!(said.contains("'wheelhouse.allow-unlisted'"), "{said}");
    // Named, it is obeyed; and the report says that the link lies there.
    let done = run(&mut scene.command(&["verify", "DIR", "TRUST", "POLICY"])).expect(0);
    assert!(
        done.out().contains("which lies in the checked directory"),
        "{}",
        done.out()
    );
}

#[test]
fn nothing_that_installers_take_lies_there_unsigned_by_another_name() {
    let scene = Scene::new();
    let name = "evil-1.0-py3-none-any.whl";
    for (policy, name) in [
        (
            format!("[wheelhouse]\nsignatures = [\"sha256sums.txt.asc\", \"wheels/{name}\"]\n"),
            name,
        ),
        (
            "[wheelhouse]\nsignatures = [\"sha256sums.txt.asc\", \"wheels/a.html\"]\n".to_owned(),
            "a.html",
        ),
    ] {
        std::fs::copy(
            scene.house.at("sha256sums.txt.asc"),
            scene.house.wheel(name),
        )
        .unwrap();
        scene.house.write("wheelproof.toml", &policy);
        let done =
            run(&mut scene.command(&["verify", "DIR", "TRUST", "--format", "json"])).expect(1);
        assert_eq!(done.errors(), ["file-unlisted"]);
        std::fs::remove_file(scene.house.wheel(name)).unwrap();
    }
    // A signature by its own name may lie among the files.
    std::fs::copy(
        scene.house.at("sha256sums.txt.asc"),
        scene.house.wheel("second.asc"),
    )
    .unwrap();
    scene.heeds(
        "[wheelhouse]\nsignatures = [\"wheels/second.asc\"]\n",
        &["verify", "DIR", "TRUST"],
    );
}

#[test]
fn a_relative_interpreter_works_from_every_working_directory() {
    let place = tempfile::tempdir().unwrap();
    let at = |below: &str| place.path().join(below);
    let mut copy = Command::new("cp");
    copy.arg("-R").arg(fixture("wheelhouse")).arg(at("house"));
    assert!(copy.status().unwrap().success());
    std::fs::copy(fixture("../keys/test-only.asc"), at("key.asc")).unwrap();
    std::fs::create_dir_all(at("mine/bin")).unwrap();
    let python = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .unwrap();
    symlink(
        String::from_utf8(python.stdout).unwrap().trim(),
        at("mine/bin/py"),
    )
    .unwrap();
    let policy = std::fs::read_to_string(fixture("wheelhouse/wheelproof.toml")).unwrap();
    let policy = policy
        .replace("\"../../keys/test-only.asc\"", "\"../key.asc\"")
        .replace("py3 = \"python3\"", "py3 = \"./bin/py\"")
        .replace("\"sha256sums", "\"../house/sha256sums")
        .replace("\"wheels\"", "\"../house/wheels\"");
    std::fs::write(at("mine/p.toml"), policy).unwrap();
    for (from, house, policy) in [
        ("mine", "../house", "p.toml"),
        ("mine", "../house", "./p.toml"),
        ("house", ".", "../mine/p.toml"),
        ("", "house", "mine/p.toml"),
    ] {
        let done = run(wheelproof()
            .current_dir(at(from))
            .env("XDG_CACHE_HOME", at("cache"))
            .args([
                "rebuild",
                house,
                "--policy",
                policy,
                "wheelproof-example-greeting",
            ]))
        .expect(0);
        assert!(done.out().contains("1 of 1 reproduced"), "{}", done.out());
    }
    // So does one of the command line.
    let done = run(wheelproof()
        .current_dir(at("mine"))
        .env("XDG_CACHE_HOME", at("cache"))
        .args([
            "rebuild",
            "../house",
            "--policy",
            "p.toml",
            "--python",
            "py3=bin/py",
        ])
        .arg("wheelproof-example-greeting"))
    .expect(0);
    assert!(done.out().contains("1 of 1 reproduced"), "{}", done.out());
}

#[test]
fn a_threshold_that_can_never_be_met_is_an_error_of_the_policy() {
    let scene = Scene::new();
    let signer = scene.house.signer.fingerprint().to_string();
    let other = "0BC135125EB2FF9A0F88EE1CC65FF007C75766ED";
    let two =
        format!("[trust]\nsigners = [\"{signer}\", \"{other}\", \"0x{signer}\"]\nthreshold = ");
    scene.house.write("wheelproof.toml", format!("{two}9\n"));
    let never = |words: &[&str], place: &str, signers: &str| {
        let said = run(&mut scene.command(words)).expect(2).err();
        let sentence = format!(
            "{place}: 9 distinct signers are asked for and {signers} named, so it can never be met"
        );
        assert!(said.contains(&sentence), "{said}");
    };
    let verify = ["verify", "DIR", "TRUST"];
    never(&verify, "wheelproof.toml:3:13: threshold", "2 signers are");
    never(
        &["audit", "DIR", "TRUST"],
        "wheelproof.toml:3:13: threshold",
        "2 signers are",
    );
    // A flag wins, in both ways.
    run(&mut scene.command(&[&verify[..], &["--threshold", "1"]].concat())).expect(1);
    scene.house.write("wheelproof.toml", format!("{two}2\n"));
    run(&mut scene.command(&verify)).expect(1);
    let flags = [&verify[..], &["--threshold", "9", "--signer", &signer]].concat();
    never(&flags, "--threshold", "1 signer is");
    // Where nobody is named, a certificate may come tomorrow.
    scene.house.remove("wheelproof.toml");
    run(&mut scene.command(&[&verify[..], &["--threshold", "9"]].concat())).expect(1);
}

/// The page and the program agree on every key.
#[test]
fn the_page_of_the_policy_has_the_class_of_every_key() {
    let page = std::fs::read_to_string(fixture("../docs/policy.md")).unwrap();
    let mut section = String::new();
    let mut found = Vec::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix('#') {
            section = heading.trim_matches(['#', ' ', '`', '[', ']']).to_owned();
        } else if let Some(cells) = line.strip_prefix("| `")
            && classes().iter().any(|(key, _)| key.starts_with(&section))
            && !section.is_empty()
        {
            let key = cells.split('`').next().unwrap();
            let class = cells
                .trim_end_matches(['|', ' '])
                .rsplit('|')
                .next()
                .unwrap()
                .trim();
            found.push((format!("{section}.{key}"), class.to_owned()));
        }
    }
    let word = |class| {
        let known = Class::WORDS.iter().find(|(_, it)| *it == class);
        known.unwrap().0.to_owned()
    };
    let mut expected: Vec<(String, String)> = classes()
        .into_iter()
        .map(|(key, class)| (key, word(class)))
        // These two have no tables: one says so in prose, the other has the same keys.
        .filter(|(key, _)| !key.contains(".TAG") && !key.contains(".NAME."))
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert!(page.contains("Every entry is of the class *runs*"));
}
