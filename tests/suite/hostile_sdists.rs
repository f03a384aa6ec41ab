//! Sdists that mean harm, signed and through the program: `wheelproof rebuild` in each
//! layer that keeps builds in. What a build tried stands in its log; what became of it
//! is looked up outside.
//!
//! Where an attack leaves the wheel alone the wheel has to come back: that shows that
//! the attack ran to its end and had no effect.

use std::io::Write as _;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::audit::PROBE;
use crate::common::{FILES, House, MINIMAL_PY, Outcome, minimal_wheel, run, sha256sum};
use crate::sandbox::{nobody_is_left, seconds_of_this_run};

/// Writes an sdist with Python's tarfile: files, and links as names with a target.
fn archive(path: &Path, members: &[Value]) {
    let script = "import io, json, sys, tarfile\n\
        with tarfile.open(sys.argv[1], 'w:gz') as archive:\n\
        \x20for name, kind, text in json.load(sys.stdin):\n\
        \x20 member = tarfile.TarInfo(name)\n\
        \x20 member.mtime = 1700000000\n\
        \x20 if kind == 'file':\n\
        \x20  member.size = len(text.encode())\n\
        \x20 else:\n\
        \x20  member.type = {'symbolic': tarfile.SYMTYPE, 'hard': tarfile.LNKTYPE}[kind]\n\
        \x20  member.linkname = text\n\
        \x20 archive.addfile(member, io.BytesIO(text.encode()))\n";
    let mut child = Command::new("python3")
        .args(["-c", script])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let json = serde_json::to_vec(members).unwrap();
    child.stdin.take().unwrap().write_all(&json).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Returns the members of the sdist of a project whose hook runs this code, and then
/// builds what was published.
fn members(project: &str, code: &str) -> Vec<Value> {
    let indented: String = code.lines().map(|line| format!("    {line}\n")).collect();
    let backend = format!(
        "import minimal, os, subprocess, sys\n\
         NAME = '{project}-1.0-py3-none-any.whl'\n\
         def honest(directory):\n\
         \x20   minimal.wheel(os.path.join(directory, NAME), [('{project}.py', '')])\n\
         \x20   return NAME\n\
         def build_wheel(directory, settings=None, metadata=None):\n\
         {indented}\
         \x20   return honest(directory)\n"
    );
    let pyproject =
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    let info = format!("Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n");
    [
        ("PKG-INFO", &*info),
        ("pyproject.toml", pyproject),
        ("backend.py", &backend),
        ("minimal.py", MINIMAL_PY),
    ]
    .iter()
    .map(|(name, text)| json!([format!("{project}-1.0/{name}"), "file", text]))
    .collect()
}

/// A signed wheelhouse with projects that mean harm.
struct Hostile {
    house: House,
    before: Vec<(String, String)>,
}

/// One run of the program in one layer.
struct Tried {
    layer: &'static str,
    outcome: Outcome,
    took: Duration,
    log: String,
}

impl Hostile {
    /// Returns a wheelhouse of one project whose hook runs this code.
    fn new(code: &str) -> Self {
        Self::of(&[("probe", members("probe", code))])
    }

    fn of(projects: &[(&str, Vec<Value>)]) -> Self {
        let house = House::new();
        for name in FILES {
            std::fs::remove_file(house.wheel(name)).unwrap();
        }
        for (project, members) in projects {
            archive(&house.wheel(format!("{project}-1.0.tar.gz")), members);
            let module = format!("{project}.py");
            minimal_wheel(
                &house.wheel(format!("{project}-1.0-py3-none-any.whl")),
                &[(&module, "")],
            );
        }
        house.sign_all();
        let mut hostile = Self {
            house,
            before: Vec::new(),
        };
        // Permissions keep nobody out of here: the layers have to.
        hostile.house.mode("wheels", 0o777);
        hostile.before = hostile.files();
        hostile
    }

    /// Returns every file of the wheelhouse with its digest.
    fn files(&self) -> Vec<(String, String)> {
        let mut files = vec!["sha256sums.txt".to_owned(), "sha256sums.txt.asc".to_owned()];
        for entry in std::fs::read_dir(self.house.at("wheels")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            files.push(format!("wheels/{name}"));
        }
        files.sort();
        files
            .into_iter()
            .map(|name| {
                let digest = sha256sum(&self.house.at(&name));
                (name, digest)
            })
            .collect()
    }

    fn policy(&self, text: &str) -> &Self {
        self.house.write("wheelproof.toml", text);
        self
    }

    /// Rebuilds everything in each layer that works here. Whatever happens, nothing
    /// is left and the wheelhouse is as it was.
    fn rebuild(&self, flags: &[&str]) -> Vec<Tried> {
        self.rebuild_by(flags, &|program| program)
    }

    /// The same, started in another way.
    fn rebuild_by(&self, flags: &[&str], start: &dyn Fn(Command) -> Command) -> Vec<Tried> {
        let bare = self.house.at("bare");
        let _ = std::fs::create_dir(&bare);
        let _ = std::os::unix::fs::symlink("/usr/bin/python3", bare.join("python3"));
        let mut all = Vec::new();
        for (layer, path) in [
            ("bubblewrap", Path::new("/usr/bin:/bin")),
            ("landlock-seccomp", bare.as_path()),
        ] {
            let arguments = ["--all", "--offline", "--logs", "logs"];
            let begun = Instant::now();
            let mut program = self
                .house
                .rebuilding("rebuild", &[&arguments[..], flags].concat());
            program.env("PATH", path);
            let outcome = run(&mut start(program));
            let took = begun.elapsed();
            assert!(!outcome.err().contains("panicked"), "{}", outcome.err());
            assert_eq!(self.house.left(), Vec::<String>::new(), "{layer}");
            assert_eq!(self.files(), self.before, "{layer}");
            let layers: Vec<Value> = outcome.json()["rebuilds"]
                .as_array()
                .unwrap()
                .iter()
                .map(|rebuild| rebuild["sandbox"].clone())
                .collect();
            if layers.iter().any(|it| !it.is_null() && it != layer) {
                crate::skipped!("the layer {layer} does not work here");
                continue;
            }
            let log = self.house.at("logs").join(format!("{PROBE}.log"));
            let log = std::fs::read(log).unwrap_or_default();
            let log = String::from_utf8_lossy(&log).into_owned();
            all.push(Tried {
                layer,
                outcome,
                took,
                log,
            });
        }
        all
    }
}

impl Tried {
    /// Returns what the report says of one wheel.
    fn wheel(&self, name: &str) -> Value {
        let report = self.outcome.json();
        let rebuilds = report["rebuilds"].as_array().unwrap();
        let found = rebuilds
            .iter()
            .find(|one| one["wheel"].as_str().unwrap().ends_with(name));
        found.unwrap().clone()
    }

    #[track_caller]
    fn expect(&self, outcome: &str) -> &Self {
        let found = self.wheel(PROBE);
        assert_eq!(
            found["outcome"], outcome,
            "{}: {found}\n{}",
            self.layer, self.log
        );
        self
    }

    fn reason(&self) -> String {
        let found = self.wheel(PROBE);
        found["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// Fails where neither a sentence nor a list says why the wheel did not come back.
    #[track_caller]
    fn says_why(&self) {
        let found = self.wheel(PROBE);
        let listed = found["differences"][0].is_object();
        assert!(listed || !self.reason().is_empty(), "{found}");
    }

    #[track_caller]
    fn because(&self, words: &[&str]) -> &Self {
        let reason = self.reason();
        assert!(
            words.iter().any(|word| reason.contains(word)),
            "{}: {reason}\n{}",
            self.layer,
            self.log
        );
        self
    }
}

#[test]
fn a_fork_bomb_ends_at_its_limits_and_the_next_wheel_comes_back() {
    let seconds = seconds_of_this_run(98811);
    let code = format!(
        "while True:\n    try: subprocess.Popen(['/bin/sleep', '{seconds}'])\n    except OSError: os.fork()"
    );
    let hostile = Hostile::of(&[
        ("probe", members("probe", &code)),
        ("quiet", members("quiet", "pass")),
    ]);
    hostile.policy("[rebuild]\nprocesses = 40\n");
    for tried in hostile.rebuild(&["--timeout", "4", "--jobs", "1"]) {
        nobody_is_left(&seconds);
        assert_eq!(tried.outcome.code, Some(3));
        let found = tried.wheel(PROBE)["outcome"].clone();
        assert!(found == "timed-out" || found == "build-failed", "{found}");
        tried.because(&["the limit", "Resource temporarily unavailable"]);
        let quiet = tried.wheel("quiet-1.0-py3-none-any.whl");
        assert_eq!(quiet["outcome"], "reproduced", "{quiet}");
        assert!(tried.took < Duration::from_secs(30), "{:?}", tried.took);
    }
}

#[test]
fn filling_the_disk_ends_at_the_limit() {
    for (code, says) in [
        (
            "n = 0\nwhile True:\n    n += 1\n    open(os.environ['TMPDIR'] + '/%d' % n, 'wb').write(bytes(1 << 20))",
            ["No space left", "wrote more than"],
        ),
        // Files without contents take room too.
        (
            "n = 0\nwhile True:\n    n += 1\n    os.symlink('x' * 200, os.environ['TMPDIR'] + '/' + 'y' * 200 + '%d' % n)",
            ["No space left", "wrote more than"],
        ),
        // As if nothing had been written: where a build may go on, it has what is left.
        (
            "file = open(directory + '/' + NAME, 'wb')\nwhile True: file.write(bytes(1 << 20))",
            ["No space left", "wrote more than"],
        ),
    ] {
        let hostile = Hostile::new(code);
        hostile.policy("[rebuild]\ndisk-mib = 24\n");
        for tried in hostile.rebuild(&["--timeout", "50"]) {
            tried.expect("build-failed").because(&says);
            assert_eq!(tried.outcome.code, Some(3));
        }
    }
}

#[test]
fn memory_ends_at_the_limit() {
    let hostile = Hostile::new("kept = []\nwhile True: kept.append(bytearray(1 << 24))");
    hostile.policy("[rebuild]\nmemory-mib = 256\n");
    for tried in hostile.rebuild(&["--timeout", "30"]) {
        tried.expect("build-failed").because(&["MemoryError"]);
    }
}

#[test]
fn what_is_written_outside_is_not_there() {
    let open = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .tempdir()
        .unwrap();
    // Whatever our own umask took away.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(open.path(), mode).unwrap();
    let mark = format!("wheelproof-{}", std::process::id());
    let code = format!(
        "def attempt(place):\n\
         \x20   try:\n\
         \x20       with open(place, 'w') as file: file.write('x')\n\
         \x20       print('WROTE', place)\n\
         \x20   except OSError: print('refused', place)\n\
         for place in [{open:?}, '/var/tmp', '/etc', '/etc/cron.d', '/usr/lib/python3', '/usr/local/bin', '/root', '/home', '/run', '/', '/dev']:\n\
         \x20   attempt(place + '/{mark}')\n\
         for up in range(1, 12): attempt('../' * up + '{mark}')\n\
         os.makedirs('deep', exist_ok=True)\n\
         for place in [{open:?} + '/up']:\n\
         \x20   try: os.rename('deep', place); print('WROTE', place)\n\
         \x20   except OSError: print('refused', place)",
        open = open.path().display().to_string(),
    );
    let hostile = Hostile::new(&code);
    for tried in hostile.rebuild(&[]) {
        tried.expect("reproduced");
        assert!(tried.log.matches("refused").count() > 10, "{}", tried.log);
        assert_eq!(std::fs::read_dir(open.path()).unwrap().count(), 0);
        for place in [
            "/var/tmp",
            "/etc",
            "/usr/local/bin",
            "/root",
            "/",
            "/dev",
            "/tmp",
        ] {
            assert!(!Path::new(place).join(&mark).exists(), "{place}");
        }
        // What it could write was inside, and is gone with it.
        let inside: Vec<&str> = tried
            .log
            .lines()
            .filter_map(|line| line.strip_prefix("WROTE "))
            .filter(|place| !place.starts_with("../"))
            .collect();
        assert_eq!(inside, Vec::<&str>::new(), "{}", tried.layer);
    }
}

#[test]
fn nobody_is_phoned() {
    let tcp = TcpListener::bind("0.0.0.0:0").unwrap();
    tcp.set_nonblocking(true).unwrap();
    let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
    udp.set_nonblocking(true).unwrap();
    let name = format!("wheelproof-{}", seconds_of_this_run(1));
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let unix = UnixListener::bind_addr(&address).unwrap();
    unix.set_nonblocking(true).unwrap();
    let port = tcp.local_addr().unwrap().port();
    let own = Command::new("hostname").arg("-I").output();
    let own = own.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
    let own = own.unwrap_or_default();
    let own = own.split_whitespace().next().unwrap_or("127.0.0.1");
    let attempts = format!(
        "import socket, urllib.request\n\
         def attempt(name, act):\n\
         \x20   try: act(); print('REACHED', name)\n\
         \x20   except (OSError, AttributeError) as error: print('refused', name, error.errno)\n\
         for host in ['127.0.0.1', '{own}']:\n\
         \x20   attempt('tcp', lambda: socket.create_connection((host, {port}), 2))\n\
         \x20   attempt('http', lambda: urllib.request.urlopen('http://%s:{port}/' % host, timeout=2))\n\
         \x20   attempt('udp', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', (host, {udp})))\n\
         attempt('abstract', lambda: socket.socket(socket.AF_UNIX).connect('\\0{name}'))\n\
         attempt('name', lambda: socket.getaddrinfo('example.org', 80))\n\
         for family in [40, 31, 38, 42, 17]: attempt('family %d' % family, lambda: socket.socket(family, socket.SOCK_STREAM, 0))",
        udp = udp.local_addr().unwrap().port(),
    );
    // The neighbour: outside, the same finds everybody at home.
    let outside = Command::new("/usr/bin/python3")
        .args(["-c", &attempts.replace("'example.org'", "'localhost'")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&outside.stdout).into_owned();
    for name in ["tcp", "udp", "abstract", "name"] {
        assert!(said.contains(&format!("REACHED {name}")), "{said}");
    }
    let heard = || {
        let connections = tcp.accept().is_ok();
        (
            connections,
            udp.recv(&mut [0; 8]).is_ok(),
            unix.accept().is_ok(),
        )
    };
    while heard() != (false, false, false) {}

    let code = format!(
        "phone = {attempts:?}\nexec(phone, {{}})\nsys.stdout.flush()\nsubprocess.run([sys.executable, '-c', phone], check=True)"
    );
    let hostile = Hostile::new(&code);
    for tried in hostile.rebuild(&[]) {
        tried.expect("reproduced");
        assert_eq!(heard(), (false, false, false), "{}", tried.layer);
        // UDP to nobody is no error where there is a loopback of its own.
        let reached: Vec<&str> = tried
            .log
            .lines()
            .filter(|line| line.starts_with("REACHED") && *line != "REACHED udp")
            .collect();
        assert_eq!(reached, Vec::<&str>::new(), "{}", tried.layer);
        assert!(
            tried.log.matches("refused tcp").count() == 4,
            "{}",
            tried.log
        );
        // Families that no namespace keeps in: EPERM is the layer's answer.
        for family in [40, 31, 38, 42, 17] {
            let line = format!("refused family {family} 1\n");
            assert_eq!(tried.log.matches(&line).count(), 2, "{}", tried.log);
        }
    }
}

#[test]
fn tools_are_the_same_for_the_next_build() {
    let edits = "import helper\n\
        place = os.path.dirname(os.path.abspath(helper.__file__))\n\
        def attempt(name, act):\n\
        \x20   try: act(); print('DONE', name)\n\
        \x20   except OSError as error: print('refused', name)\n\
        for top, directories, names in os.walk(place):\n\
        \x20   for name in names + directories + ['.']:\n\
        \x20       path = os.path.join(top, name)\n\
        \x20       attempt('chmod', lambda: os.chmod(path, 0o777))\n\
        \x20       attempt('append', lambda: open(path, 'a').write('raise SystemExit(9)'))\n\
        \x20       attempt('rename', lambda: os.rename(path, path + '-gone'))\n\
        \x20       attempt('unlink', lambda: os.unlink(path))\n\
        attempt('new', lambda: open(os.path.join(place, 'sitecustomize.py'), 'w'))\n\
        attempt('link', lambda: os.symlink('/etc/passwd', os.path.join(place, 'x.py')))\n\
        attempt('replace', lambda: os.rename(place, place + '-gone'))\n\
        assert helper.answer == 42";
    let uses = "import helper\nassert helper.answer == 42\nassert not os.path.exists(os.path.join(os.path.dirname(helper.__file__), 'x.py'))";
    let hostile = Hostile::of(&[
        ("probe", members("probe", edits)),
        ("quiet", members("quiet", uses)),
    ]);
    let house = &hostile.house;
    std::fs::create_dir(house.at("tools")).unwrap();
    let tool = house.at("tools/helper-1.0-py3-none-any.whl");
    minimal_wheel(&tool, &[("helper.py", "answer = 42\n")]);
    let digest = sha256sum(&tool);
    house.write("tools.txt", format!("helper==1.0 --hash=sha256:{digest}\n"));
    let flags = [
        "--tools",
        "tools.txt",
        "--tool-directory",
        "tools",
        "--jobs",
        "1",
    ];
    // The second run holds what the first has left in the cache against the wheel.
    for _ in 0..2 {
        for tried in hostile.rebuild(&flags) {
            tried.expect("reproduced");
            assert!(tried.log.contains("refused append"), "{}", tried.log);
            // Landlock does not govern modes: who owns a file can change its, and the
            // contents stay out of reach.
            let owns = tried.layer == "landlock-seccomp" && !rustix::process::geteuid().is_root();
            let done = tried.log.lines().filter(|line| line.starts_with("DONE"));
            let done: Vec<&str> = done.filter(|line| !owns || *line != "DONE chmod").collect();
            assert!(done.is_empty(), "{}: {}", tried.layer, tried.log);
            let quiet = tried.wheel("quiet-1.0-py3-none-any.whl");
            assert_eq!(quiet["outcome"], "reproduced", "{quiet}");
            assert_eq!(quiet["recipe"]["tools"][0]["sha256"], digest.as_str());
        }
    }
    assert_eq!(sha256sum(&tool), digest);
}

#[test]
fn daemons_end_with_the_build_and_nobody_waits_for_them() {
    let seconds = seconds_of_this_run(98812);
    // One leaves the session and closes everything, one keeps the pipes open.
    let code = format!(
        "for closing in (True, False):\n\
         \x20   if os.fork() == 0:\n\
         \x20       try: os.setsid()\n\
         \x20       except OSError: pass\n\
         \x20       if os.fork() == 0:\n\
         \x20           if closing: os.closerange(0, 64)\n\
         \x20           for fd in range(3, 64):\n\
         \x20               try: os.set_inheritable(fd, True)\n\
         \x20               except OSError: pass\n\
         \x20           os.execv('/bin/sleep', ['sleep', '{seconds}'])\n\
         \x20       os._exit(0)\n\
         \x20   os.wait()\n\
         subprocess.Popen(['/bin/sleep', '{seconds}'], start_new_session=False)"
    );
    for tried in Hostile::new(&code).rebuild(&[]) {
        tried.expect("reproduced");
        assert!(tried.took < Duration::from_secs(20), "{:?}", tried.took);
        nobody_is_left(&seconds);
    }
}

#[test]
fn signals_reach_nobody_outside() {
    if !rustix::process::geteuid().is_root() {
        crate::skipped!("before Landlock 6, a user's builds may signal the user's processes");
        return;
    }
    let mut neighbour = Command::new("sleep").arg("600").spawn().unwrap();
    let code = format!(
        "import signal\n\
         signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
         for number in [{neighbour}, os.getppid(), -1]:\n\
         \x20   try: os.kill(number, signal.SIGTERM)\n\
         \x20   except OSError: pass\n",
        neighbour = neighbour.id()
    );
    for tried in Hostile::new(&code).rebuild(&[]) {
        let found = tried.wheel(PROBE)["outcome"].clone();
        assert!(found == "reproduced" || found == "build-failed", "{found}");
    }
    assert!(neighbour.try_wait().unwrap().is_none(), "it was ended");
    neighbour.kill().unwrap();
    neighbour.wait().unwrap();
}

#[test]
fn printing_gigabytes_ends_at_the_limit_of_the_log() {
    for code in [
        "while True: print('x' * 1000000)",
        "while True: os.write(2, b'y' * 1000000)",
        "subprocess.run(['/usr/bin/yes'])",
    ] {
        let hostile = Hostile::new(code);
        for tried in hostile.rebuild(&["--timeout", "50"]) {
            tried.expect("build-failed").because(&["printed more than"]);
            assert_eq!(tried.log.len(), 16 << 20);
            assert!(tried.outcome.stdout.len() < 1 << 20);
        }
    }
}

#[test]
fn links_of_an_sdist_lead_nowhere_outside() {
    // The neighbour: a link that stays inside.
    let mut inside = members("probe", "assert open('link').read() == ''");
    inside.push(json!(["probe-1.0/src/empty", "file", ""]));
    inside.push(json!(["probe-1.0/link", "symbolic", "src/empty"]));
    for tried in Hostile::of(&[("probe", inside)]).rebuild(&[]) {
        tried.expect("reproduced");
    }
    for (kind, target, below) in [
        ("symbolic", "/etc", Some("x")),
        ("symbolic", "../..", Some("x")),
        ("symbolic", "/etc/passwd", None),
        ("symbolic", "src/../../../../etc/passwd", None),
        ("hard", "/etc/passwd", None),
        ("hard", "probe-1.0/PKG-INFO", None),
    ] {
        let mut harm = members("probe", "pass");
        harm.push(json!(["probe-1.0/link", kind, target]));
        if let Some(below) = below {
            harm.push(json!([format!("probe-1.0/link/{below}"), "file", "harm"]));
        }
        let hostile = Hostile::of(&[("probe", harm)]);
        // Whoever looks inside sees it before anything is unpacked.
        for tried in hostile.rebuild(&[]) {
            if target != "probe-1.0/PKG-INFO" {
                assert_eq!(
                    tried.outcome.code,
                    Some(1),
                    "{target}: {}",
                    tried.outcome.out()
                );
            }
        }
        for tried in hostile.rebuild(&["--shallow"]) {
            tried.expect("not-attempted").because(&["is refused"]);
            assert_eq!(tried.log, "", "it ran");
        }
    }
    // A build system that is a link is read inside.
    let mut linked = members("probe", "pass");
    linked[1] = json!([
        "probe-1.0/pyproject.toml",
        "symbolic",
        "../../../../etc/passwd"
    ]);
    for tried in Hostile::of(&[("probe", linked)]).rebuild(&["--shallow"]) {
        tried.expect("not-attempted").because(&["is refused"]);
    }
}

#[test]
fn what_takes_the_place_of_the_wheel_is_no_wheel() {
    let secret = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let secret = secret.path().join("secret");
    std::fs::write(&secret, "a secret of this machine").unwrap();
    for act in [
        format!("os.symlink({:?}, path)", secret.display().to_string()),
        "os.symlink('/etc/passwd', path)".to_owned(),
        "os.symlink('/proc/self/environ', path)".to_owned(),
        "os.symlink('/dev/zero', path)".to_owned(),
        "os.mkfifo(path)".to_owned(),
        "os.mkdir(path)".to_owned(),
        "import socket\na, b = socket.socketpair()\nos.symlink('/proc/self/fd/%d' % a.fileno(), path)".to_owned(),
    ] {
        let code = format!("path = os.path.join(directory, NAME)\n{act}\nreturn NAME");
        let hostile = Hostile::new(&code);
        for tried in hostile.rebuild(&["--keep", "kept", "--witness", "kept", "--timeout", "20"]) {
            tried.expect("build-failed").because(&["exit code 1"]);
            let kept = std::fs::read_dir(hostile.house.at("kept")).unwrap().count();
            assert_eq!(kept, 0);
            assert!(!tried.outcome.out().contains("a secret"), "{act}");
        }
    }
    // A name that is equal to everything and leads elsewhere.
    let code = "class Name(str):\n    __eq__ = lambda self, other: True\n    __hash__ = str.__hash__\nhonest(directory)\nreturn Name('../../../../../../etc/passwd')";
    for tried in Hostile::new(code).rebuild(&["--keep", "kept"]) {
        let found = tried.wheel(PROBE)["outcome"].clone();
        assert!(found == "different" || found == "build-failed", "{found}");
    }
}

/// Each of these acts when the hook has returned. The report has to speak of the
/// bytes that came out, and of no others.
#[test]
fn what_happens_after_the_hook_has_no_effect_or_is_a_difference() {
    let spoil = "path = os.path.join(directory, NAME)\n\
        def spoil():\n\
        \x20   with open(path, 'wb') as file: file.write(b'EVIL')\n";
    let evil = {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "EVIL").unwrap();
        sha256sum(file.path())
    };
    // Exit handlers are not waited for, and what outlives the process is killed.
    for act in [
        "import atexit\natexit.register(spoil)",
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(5), spoil())).start()",
        "import time\nparent = os.getpid()\nif os.fork() == 0:\n    while os.getppid() == parent: time.sleep(0.001)\n    spoil()\n    time.sleep(60)\n    os._exit(0)",
        "class Late:\n    def __del__(self): spoil()\nglobal late\nlate = Late()",
    ] {
        let hostile = Hostile::new(&format!("{spoil}{act}"));
        for tried in hostile.rebuild(&["--keep", "kept"]) {
            tried.expect("reproduced");
            let kept = sha256sum(&hostile.house.at("kept").join(PROBE));
            assert_eq!(kept, sha256sum(&hostile.house.wheel(PROBE)), "{act}");
            assert!(tried.took < Duration::from_secs(20), "{act}");
        }
    }
    // Whoever owns the process owns its result: another wheel, and it is said.
    for act in [
        "real = os.open\ndef late(*words, **named):\n    if str(words[0]).endswith('.whl'): os.open = real; spoil()\n    return real(*words, **named)\nos.open = late",
        "real = os.listdir\ndef late(*words):\n    os.listdir = real; spoil()\n    return real(*words)\nos.listdir = late",
        "main = sys.modules['__main__']\nreal = main.send\ndef send(header, wheel=None):\n    spoil()\n    real(header, open(path, 'rb'))\nmain.send = send",
        "main = sys.modules['__main__']\nhonest(directory)\nmain.channel.write(b'{\"wheels\": [\"%s\"], \"returned\": \"%s\"}\\nEVIL' % (NAME.encode(), NAME.encode()))\nmain.channel.flush()\nos._exit(0)",
    ] {
        let hostile = Hostile::new(&format!("{spoil}{act}"));
        for tried in hostile.rebuild(&["--keep", "kept"]) {
            tried.expect("different");
            assert_eq!(tried.wheel(PROBE)["rebuilt_sha256"], evil.as_str(), "{act}");
            assert_eq!(tried.outcome.code, Some(1));
            tried.says_why();
            let kept = std::fs::read_dir(hostile.house.at("kept")).unwrap().count();
            assert_eq!(kept, 0);
        }
    }
    // As fast as they can: who wins is open, that the report is true is not.
    for act in [
        "import threading\ndef always():\n    while True:\n        try: spoil()\n        except OSError: pass\nthreading.Thread(target=always, daemon=True).start()",
        "if os.fork() == 0:\n    while True:\n        try: spoil()\n        except OSError: pass",
        // A child by fork has the pipe of the result.
        "import time\nif os.fork() == 0:\n    time.sleep(0.02)\n    for fd in range(3, 32):\n        try: os.write(fd, b'EVIL')\n        except OSError: pass\n    os._exit(0)",
    ] {
        let hostile = Hostile::new(&format!("{spoil}{act}"));
        for tried in hostile.rebuild(&["--keep", "kept"]) {
            let found = tried.wheel(PROBE);
            let signed = sha256sum(&hostile.house.wheel(PROBE));
            let same = found["rebuilt_sha256"] == signed.as_str();
            assert_eq!(found["outcome"] == "reproduced", same, "{found}");
            if !same {
                let outcome = &found["outcome"];
                let is_said = outcome == "different" || outcome == "build-failed";
                assert!(is_said, "{found}");
                tried.says_why();
            }
            for kept in std::fs::read_dir(hostile.house.at("kept")).unwrap() {
                let path = kept.unwrap().path();
                assert_eq!(sha256sum(&path), signed);
                std::fs::remove_file(path).unwrap();
            }
        }
    }
}

/// A build that could read the published wheel could put it out as its own.
#[test]
fn the_published_wheel_is_not_within_reach_of_its_build() {
    let steal = |house: &Path| {
        format!(
            "import shutil\n\
             places = [{:?}, '/tmp', '/var/tmp', '/home', '/root', os.environ['TMPDIR'], '/proc/self/cwd', '..', '../..']\n\
             try: numbers = os.listdir('/proc')\n\
             except OSError: numbers = ['self', os.getppid()]\n\
             for number in numbers:\n\
             \x20   places += ['/proc/%s/%s' % (number, name) for name in ['cwd', 'root/tmp', 'fd']]\n\
             target = os.path.join(directory, NAME)\n\
             for place in places:\n\
             \x20   for top, directories, names in os.walk(place):\n\
             \x20       for name in names:\n\
             \x20           path = os.path.join(top, name)\n\
             \x20           try:\n\
             \x20               if not os.path.isfile(path) or os.path.getsize(path) > 1 << 20: continue\n\
             \x20               with open(path, 'rb') as file: data = file.read()\n\
             \x20           except OSError: continue\n\
             \x20           if b'only_the_published_has_it' in data and b'STOLEN' not in data:\n\
             \x20               open(target, 'wb').write(data); return NAME\n\
             print('STOLEN nothing')",
            house.display().to_string()
        )
    };
    // Two houses: the sdist has to know where the first one is.
    let hostile = Hostile::new("pass");
    let path = hostile.house.at("");
    let code = steal(&path);
    archive(
        &hostile.house.wheel("probe-1.0.tar.gz"),
        &members("probe", &code),
    );
    minimal_wheel(
        &hostile.house.wheel(PROBE),
        &[("only_the_published_has_it.py", "")],
    );
    hostile.house.sign_all();
    let hostile = Hostile {
        before: hostile.files(),
        ..hostile
    };
    for tried in hostile.rebuild(&["--timeout", "50"]) {
        tried.expect("different");
        assert!(tried.log.contains("STOLEN nothing"), "{}", tried.log);
    }
    // The neighbour: where nothing keeps it in, the same code does find it.
    let arguments = ["--all", "--offline", "--sandbox", "off", "--logs", "logs"];
    let outcome = run(hostile
        .house
        .rebuilding("rebuild", &arguments)
        .env("PATH", "/usr/bin:/bin"));
    let found = outcome.json()["rebuilds"][0].clone();
    assert_eq!(found["outcome"], "reproduced", "{found}");
    assert_eq!(found["sandbox"], "none");
}

#[test]
fn a_build_has_no_file_of_this_program_open() {
    // Those of any number, of itself and of every process it can see: bubblewrap's
    // first process is one of them.
    let code = "import errno, glob, stat\n\
        for fd in range(70001):\n\
        \x20   try: found = os.fstat(fd)\n\
        \x20   except OSError: continue\n\
        \x20   kind = 'pipe' if stat.S_ISFIFO(found.st_mode) else 'null' if found.st_rdev == os.makedev(1, 3) else repr(found)\n\
        \x20   print('OPEN', kind)\n\
        for path in glob.glob('/proc/[0-9]*/fd/*'):\n\
        \x20   try: text = open(path, 'rb').read(20) if stat.S_ISREG(os.stat(path).st_mode) else b''\n\
        \x20   except OSError: continue\n\
        \x20   if b'whoever' in text: print('REACHED', path)";
    let hostile = Hostile::new(code);
    let secret = hostile.house.at("secret");
    std::fs::write(&secret, "of whoever started the program").unwrap();
    // The highest are above what the limit says when the build starts: above 65,535 where
    // we may have as many.
    let opener = "import os, resource, sys\n\
        low = resource.getrlimit(resource.RLIMIT_NOFILE)\n\
        try: resource.setrlimit(resource.RLIMIT_NOFILE, (70001, max(70001, low[1])))\n\
        except (OSError, ValueError): resource.setrlimit(resource.RLIMIT_NOFILE, (low[1], low[1]))\n\
        highest = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 70001) - 1\n\
        for number in 9, 300, highest: os.dup2(os.open(sys.argv[1], os.O_RDONLY), number)\n\
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, low[1]))\n\
        os.execv(sys.argv[2], sys.argv[2:])\n";
    for tried in hostile.rebuild_by(&[], &|program| {
        let mut python = Command::new("/usr/bin/python3");
        python
            .args(["-c", opener])
            .arg(&secret)
            .arg(program.get_program())
            .args(program.get_args())
            .current_dir(hostile.house.at(""));
        for (name, value) in program.get_envs() {
            if let Some(value) = value {
                python.env(name, value);
            }
        }
        python
    }) {
        tried.expect("reproduced");
        let of = |prefix: &str| -> Vec<&str> {
            tried
                .log
                .lines()
                .filter_map(|line| line.strip_prefix(prefix))
                .collect()
        };
        // Its input, output and log, and the pipe for the result.
        let open = of("OPEN ");
        assert_eq!(open, ["null", "pipe", "pipe", "pipe"], "{}", tried.layer);
        assert_eq!(of("REACHED "), [""; 0], "{}", tried.layer);
    }
}

/// What the sandbox says is in the report as its own words, and nothing of that comes
/// from a build.
#[test]
fn a_build_does_not_speak_in_the_voice_of_the_sandbox() {
    let code = "import json\n\
        for fd in range(3, 64):\n\
        \x20   for text in 'wheelproof-stage: failed: FORGED', json.dumps({'Failed': 'FORGED'}):\n\
        \x20       try: os.write(fd, text.encode() + b'\\n')\n\
        \x20       except OSError: pass\n\
        os._exit(0)";
    for tried in Hostile::new(code).rebuild(&[]) {
        tried.expect("build-failed");
        let report = tried.outcome.json();
        assert_eq!(report["errors"], json!([]), "{report}");
        let reason = tried.reason();
        assert!(!reason.contains("FORGED"), "{}: {reason}", tried.layer);
    }
}

/// On a disk that takes its time for each directory, removing them is a part of the
/// build's, and what is too much for that goes with later runs.
#[test]
fn removing_what_a_build_wrote_is_within_its_time() {
    if !crate::common::has_program("strace") {
        return;
    }
    let code = "import time\n\
        for n in range(5000): os.mkdir(os.environ['TMPDIR'] + '/%d' % n)\n\
        time.sleep(60)";
    let hostile = Hostile::new(code);
    let bare = hostile.house.at("bare");
    std::fs::create_dir(&bare).unwrap();
    std::os::unix::fs::symlink("/usr/bin/python3", bare.join("python3")).unwrap();
    let arguments = ["--all", "--offline", "--timeout", "4", "--jobs", "1"];
    let program = hostile.house.rebuilding("rebuild", &arguments);
    // Looked for on the path of the test, which the program does not get.
    let path = std::env::var_os("PATH").unwrap();
    let strace = std::env::split_paths(&path)
        .map(|directory| directory.join("strace"))
        .find(|path| path.exists())
        .unwrap();
    let mut command = Command::new(strace);
    command
        .args(["-f", "--seccomp-bpf", "-o", "/dev/null"])
        .args(["-e", "trace=rmdir", "-e", "inject=rmdir:delay_enter=5000"])
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(hostile.house.at(""));
    for (name, value) in program.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let begun = Instant::now();
    let outcome = run(command.env("PATH", &bare));
    let took = begun.elapsed();
    if outcome.err().contains("ptrace") {
        crate::skipped!("strace may not trace here");
        return;
    }
    let found = outcome.expect(3).json()["rebuilds"][0].clone();
    if found["sandbox"] != "landlock-seccomp" {
        crate::skipped!("the layer landlock-seccomp does not work here");
        return;
    }
    assert_eq!(found["outcome"], "timed-out", "{found}");
    // It would take 25 seconds; these are its own, and five in the end.
    assert!(took < Duration::from_secs(18), "{took:?}, {found}");
    let begun = Instant::now();
    while !hostile.house.left().is_empty() {
        wheelproof::scratch::sweep(&hostile.house.at("tmp"));
        assert!(begun.elapsed() < Duration::from_secs(300), "{found}");
    }
}

/// What comes out of a build is foreign, and is looked into.
#[test]
fn a_rebuilt_wheel_that_is_a_bomb_or_no_archive_is_a_difference() {
    let write = |text: &str| format!("path = os.path.join(directory, NAME)\n{text}\nreturn NAME");
    let bomb = "import struct, zlib, zipfile\n\
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)\n\
        piece = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)\n\
        count = 600\n\
        data = piece * count + zlib.compressobj(9, zlib.DEFLATED, -15).flush()\n\
        size = count << 24\n\
        name = b'probe.py'\n\
        extra = struct.pack('<HHQQ', 1, 16, size, len(data))\n\
        local = struct.pack('<4sHHHHHIIIHH', b'PK\\3\\4', 45, 0, 8, 0, 33, 0, 0xffffffff, 0xffffffff, 8, 20) + name + extra\n\
        central = struct.pack('<4sHHHHHHIIIHHHHHII', b'PK\\1\\2', 45, 45, 0, 8, 0, 33, 0, len(data), 0xffffffff, 8, 12, 0, 0, 0, 0, 0) + name + struct.pack('<HHQ', 1, 8, size)\n\
        end = struct.pack('<4sHHHHIIH', b'PK\\5\\6', 0, 0, 1, 1, len(central), len(local) + len(data), 0)\n\
        open(path, 'wb').write(local + data + central + end)";
    for text in [
        bomb,
        "open(path, 'wb').write(b'PK')",
        "open(path, 'wb').write(b'PK\\5\\6' + b'\\xff' * 18)",
        "honest(directory); data = open(path, 'rb').read(); open(path, 'wb').write(data[:-30])",
        "honest(directory); data = open(path, 'rb').read(); open(path, 'wb').write(data * 3)",
    ] {
        for tried in Hostile::new(&write(text)).rebuild(&["--timeout", "50"]) {
            tried.expect("different");
            assert_eq!(tried.outcome.code, Some(1));
            tried.says_why();
            assert!(tried.took < Duration::from_secs(40), "{:?}", tried.took);
        }
    }
}

/// Paths that are other ones each time, numbers of processes and the order in which
/// builds end stand in no report.
#[test]
fn the_same_command_twice_writes_the_same_bytes_whatever_became_of_the_wheels() {
    let wheel = |project: &str| format!("{project}-1.0-py3-none-any.whl");
    let hostile = Hostile::of(&[
        (
            "probe",
            members("probe", "print(os.getcwd()); raise ValueError(os.getcwd())"),
        ),
        ("quiet", members("quiet", "pass")),
        (
            "other",
            members(
                "other",
                "minimal.wheel(os.path.join(directory, NAME), [('other.py', 'x = 1\\n'), ('more.py', '')]); return NAME",
            ),
        ),
        ("slow", members("slow", "import time; time.sleep(0.7)")),
    ]);
    let elsewhere = hostile.house.at("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    hostile.house.mode("elsewhere", 0o1777);
    let once = hostile.rebuild(&["--jobs", "1"]);
    let again = hostile.rebuild_by(
        &["--jobs", "4", "--cache", "other-cache"],
        &|mut program| {
            program.env("TMPDIR", &elsewhere);
            program
        },
    );
    assert_eq!(once.len(), again.len());
    for (once, again) in once.iter().zip(&again) {
        assert_eq!(once.outcome.out(), again.outcome.out(), "{}", once.layer);
        once.expect("build-failed")
            .because(&["/tmp/wheelproof-build/probe-1.0"]);
        for (project, outcome) in [
            ("quiet", "reproduced"),
            ("slow", "reproduced"),
            ("other", "different"),
        ] {
            let found = once.wheel(&wheel(project));
            assert_eq!(found["outcome"], outcome, "{found}");
            assert_eq!(found["recipe_source"], "inferred");
        }
    }
}
