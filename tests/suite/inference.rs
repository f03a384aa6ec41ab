//! Rebuilding without a recipe: what wheel and sdist show, through the program,
//! with a uv that the tests make up.

use std::path::Path;
use std::process::Command;

use crate::audit::{PROBE, sdist};
use crate::common::{House, Outcome, minimal_wheel, run, sha256sum, wheelproof};
use crate::signing::TODAY;

/// Writes a wheel of the project: `{time}` is the time of what the build makes, a
/// tuple, `{source}` that of what it copies.
const WRITE_WHEEL: &str = r#"
import base64, hashlib, zipfile

def write(path, source, made):
    info = "probe-1.0.dist-info/"
    files = [
        ("probe.py", b"", source),
        (info + "METADATA", b"Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n", made),
        (info + "WHEEL", b"Wheel-Version: 1.0\nGenerator: setuptools (1.2.3)\nRoot-Is-Purelib: true\nTag: py3-none-any\n", made),
    ]
    record = ""
    for name, data, _ in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        record += f"{name},sha256={digest},{len(data)}\n"
    files.append((info + "RECORD", (record + info + "RECORD,,\n").encode(), made))
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data, time in files:
            member = zipfile.ZipInfo(name, time)
            member.external_attr = 0o100644 << 16
            wheel.writestr(member, data)
"#;

/// A backend that takes times as real ones do: of files from the file system, of
/// what it makes from a file it has written, from the clock.
const BACKEND: &str = r#"
import datetime, os, time

def build_wheel(directory, settings=None, metadata=None):
    of = lambda path: time.gmtime(os.stat(path).st_mtime)[:6]
    open("made", "w").close()
    assert of("made") == time.gmtime()[:6] == datetime.datetime.utcnow().timetuple()[:6]
    assert datetime.date.today().year == 2024
    write(os.path.join(directory, "probe-1.0-py3-none-any.whl"), of("probe.py"), of("made"))
    return "probe-1.0-py3-none-any.whl"
"#;

/// A wheelhouse whose wheel was built by that backend at 2024-01-02 03:04:06, and a
/// uv that knows the backend's wheel.
fn house(requires: &str) -> House {
    let pyproject =
        format!("[build-system]\nrequires = [\"{requires}\"]\nbuild-backend = \"helper\"\n");
    house_of_source(&[
        ("probe-1.0/pyproject.toml", &pyproject),
        ("probe-1.0/probe.py", ""),
    ])
}

/// The same with an sdist of these files.
fn house_of_source(files: &[(&str, &str)]) -> House {
    let house = House::of_one_project("");
    sdist(&house.wheel("probe-1.0.tar.gz"), files);
    // 1700000000, the time of all files of the sdist, is 2023-11-14 22:13:20.
    let times = "(2023, 11, 14, 22, 13, 20), (2024, 1, 2, 3, 4, 6)";
    python(
        &format!("{WRITE_WHEEL}\nimport sys; write(sys.argv[1], {times})"),
        &house.wheel(PROBE),
    );
    house.sign_all();

    let helper = house.at("helper-1.0-py3-none-any.whl");
    let module = format!("{WRITE_WHEEL}{BACKEND}");
    let script = format!(
        "import sys, zipfile\nw = zipfile.ZipFile(sys.argv[1], 'w')\nw.writestr('helper.py', {module:?})\nw.close()"
    );
    python(&script, &helper);
    let digest = sha256sum(&helper);
    let place = house.at(format!("cache/wheelproof/wheels/{digest}"));
    std::fs::create_dir_all(&place).unwrap();
    std::fs::rename(&helper, place.join("helper-1.0-py3-none-any.whl")).unwrap();

    std::fs::create_dir(house.at("bin")).unwrap();
    let said = house.at("uv-was-told");
    let uv = format!(
        "#!/bin/sh\necho \"$@\" >> {said}\nwhile [ $# -gt 1 ]; do\n  if [ \"$1\" = --output-file ]; then\n    echo 'helper==1.0 --hash=sha256:{digest}' > \"$2\"\n  fi\n  shift\ndone\ncat \"$1\" >> {said}\n",
        said = said.display()
    );
    house.write("bin/uv", uv);
    house.mode("bin/uv", 0o755);
    house
}

fn python(script: &str, argument: &Path) {
    let status = Command::new("python3")
        .args(["-c", script])
        .arg(argument)
        .status()
        .unwrap();
    assert!(status.success());
}

fn rebuild(house: &House, path: &str, flags: &[&str]) -> Outcome {
    let _ = std::fs::create_dir(house.at("tmp"));
    house.mode("tmp", 0o1777);
    run(wheelproof()
        .current_dir(house.at(""))
        .env("PATH", path)
        // Tests ask no index.
        .env("PIP_NO_INDEX", "1")
        .env("PIP_FIND_LINKS", house.at("links"))
        .env("TMPDIR", house.at("tmp"))
        .env("XDG_CACHE_HOME", house.at("cache"))
        .args(["rebuild", ".", "--all", "--certs", "keys", "--time", TODAY])
        .args(house.naming_the_policy())
        .args(flags))
}

#[test]
fn a_wheel_comes_back_by_what_it_and_its_sdist_show() {
    let house = house("helper>=0.5");
    let with_uv = format!("{}:/usr/bin:/bin", house.at("bin").display());
    let outcome = rebuild(&house, &with_uv, &["--format", "json"]).expect(0);
    let report = outcome.json();
    let found = &report["rebuilds"][0];
    assert_eq!(found["outcome"], "reproduced");
    assert_eq!(
        found["rebuilt_sha256"],
        sha256sum(&house.wheel(PROBE)).as_str()
    );
    assert_eq!(found["recipe_source"], "inferred");
    // `date -u -d '2024-01-02 03:04:06' +%s`
    assert_eq!(found["recipe"]["clock"], 1_704_164_646);
    let reasons = found["inferred"].to_string();
    for evidence in [
        "Generator: setuptools 1.2.3",
        "RECORD",
        "mode 644",
        "newest date",
    ] {
        assert!(reasons.contains(evidence), "{evidence}: {reasons}");
    }
    let policy = found["policy"].as_str().unwrap();
    assert!(
        policy.starts_with("[rebuild.projects.\"probe\"]\n"),
        "{policy}"
    );
    assert!(policy.contains("clock = 1704164646\n"), "{policy}");

    let told = std::fs::read_to_string(house.at("uv-was-told")).unwrap();
    for word in [
        "--exclude-newer 2024-01-02T03:04:06Z",
        "--exclude-newer-package setuptools=",
        "--only-binary :all:",
        "--generate-hashes",
        "\nhelper>=0.5\n",
        "\nsetuptools==1.2.3\n",
    ] {
        assert!(told.contains(word), "{word}: {told}");
    }

    // The second time nobody is asked, and the report has the same bytes.
    let again = rebuild(&house, "/usr/bin:/bin", &["--format", "json", "--offline"]).expect(0);
    assert_eq!(again.out(), outcome.out());
    assert_eq!(
        std::fs::read_to_string(house.at("uv-was-told")).unwrap(),
        told
    );

    // What was found, pasted into the policy, is a recipe of the policy.
    house.write("wheelproof.toml", policy);
    let outcome = rebuild(&house, "/usr/bin:/bin", &["--format", "json", "--offline"]).expect(0);
    let report = outcome.json();
    assert_eq!(report["rebuilds"][0]["recipe_source"], "policy");
    assert_eq!(report["rebuilds"][0]["outcome"], "reproduced");
}

/// A backend in the source that says only when it is asked what it needs (PEP 517,
/// `get_requires_for_build_wheel`): the tool, the one that WHEEL names, and things that
/// nobody is to be asked for.
const ASKING: &str = r#"
def get_requires_for_build_wheel(settings=None):
    print("asked")
    return ["helper>=0.5", "setuptools", "secret @ file:///etc/passwd", "--index-url=x"]

def build_wheel(directory, settings=None, metadata=None):
    import helper
    return helper.build_wheel(directory)
"#;

const ASKING_PROJECT: &str =
    "[build-system]\nrequires = []\nbuild-backend = \"own\"\nbackend-path = [\".\"]\n";

#[test]
fn a_backend_is_asked_what_else_it_needs() {
    let house = house_of_source(&[
        ("probe-1.0/pyproject.toml", ASKING_PROJECT),
        ("probe-1.0/own.py", ASKING),
        ("probe-1.0/probe.py", ""),
    ]);
    let with_uv = format!("{}:/usr/bin:/bin", house.at("bin").display());
    let outcome = rebuild(&house, &with_uv, &["--format", "json"]).expect(0);
    let report = outcome.json();
    let found = &report["rebuilds"][0];
    assert_eq!(found["outcome"], "reproduced");
    let reasons = found["inferred"].to_string();
    assert!(reasons.contains("helper>=0.5"), "{reasons}");
    assert!(
        reasons.contains("get_requires_for_build_wheel"),
        "{reasons}"
    );
    let told = std::fs::read_to_string(house.at("uv-was-told")).unwrap();
    for line in ["\nhelper>=0.5\n", "\nsetuptools\n", "\nsetuptools==1.2.3\n"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(
        !told.contains("passwd") && !told.contains("index-url=x"),
        "{told}"
    );

    let again = rebuild(&house, "/usr/bin:/bin", &["--format", "json", "--offline"]).expect(0);
    assert_eq!(again.out(), outcome.out());
}

#[test]
fn a_backend_that_cannot_say_what_it_needs_is_built_without_it() {
    for asked in [
        "raise SystemExit(3)",
        "return 5",
        "import os; os.write(1, b'x' * (8 << 20))",
        "import os; os._exit(0)",
    ] {
        let own = ASKING.replace("print(\"asked\")", asked);
        let house = house_of_source(&[
            ("probe-1.0/pyproject.toml", ASKING_PROJECT),
            ("probe-1.0/own.py", &own),
            ("probe-1.0/probe.py", ""),
        ]);
        let with_uv = format!("{}:/usr/bin:/bin", house.at("bin").display());
        let outcome = rebuild(&house, &with_uv, &["--format", "json"]);
        let report = outcome.json();
        let found = &report["rebuilds"][0];
        // What it prints is a log, and no answer.
        if asked.contains("os.write") {
            assert_eq!(found["outcome"], "reproduced", "{asked}");
            continue;
        }
        assert_eq!(found["outcome"], "build-failed", "{asked}");
        let reason = found["reason"].as_str().unwrap();
        assert!(reason.contains("the build needs 'helper'"), "{reason}");
    }
}

#[test]
fn an_answer_that_is_not_the_one_that_was_kept_is_not_believed() {
    let house = house("helper");
    let with_uv = format!("{}:/usr/bin:/bin", house.at("bin").display());
    rebuild(&house, &with_uv, &[]).expect(0);
    let kept = house.at("cache/wheelproof/resolved");
    let entry = std::fs::read_dir(kept)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = std::fs::read_to_string(&entry).unwrap();
    // Another wheel of that name, which a tool of somebody's choice could be.
    let digest = text.rsplit("sha256:").next().unwrap().trim();
    let other = text.replace(digest, &digest.chars().rev().collect::<String>());
    assert_ne!(text, other);
    let more = format!("{text}evil==1.0 --hash=sha256:{digest}\n");
    let less = text.lines().filter(|line| line.starts_with('#'));
    let less = less.collect::<Vec<_>>().join("\n");
    for (changed, says) in [
        (text.replace("2024", "2025"), "answers another question"),
        (other, "is not what an earlier run put there"),
        (more, "is not what an earlier run put there"),
        (less, "is not what an earlier run put there"),
        (String::new(), "answers another question"),
    ] {
        std::fs::write(&entry, changed).unwrap();
        let outcome = rebuild(&house, &with_uv, &["--format", "json"]).expect(3);
        let reason = outcome.json()["rebuilds"][0]["reason"].to_string();
        assert!(reason.contains(says), "{reason}");
        assert!(reason.contains("resolved/"), "{reason}");
    }
    std::fs::write(&entry, text).unwrap();
    rebuild(&house, "/usr/bin:/bin", &["--offline"]).expect(0);
}

#[test]
fn requirements_that_lead_elsewhere_never_reach_uv() {
    for requires in [
        "helper @ file:///etc/passwd",
        "-r /etc/passwd",
        "git+https://example.org/x",
    ] {
        let house = house(requires);
        let with_uv = format!("{}:/usr/bin:/bin", house.at("bin").display());
        let outcome = rebuild(&house, &with_uv, &["--format", "json"]).expect(3);
        let report = outcome.json();
        assert_eq!(report["rebuilds"][0]["outcome"], "not-attempted");
        let reason = report["rebuilds"][0]["reason"].as_str().unwrap();
        assert!(reason.contains("no project with a version"), "{reason}");
        assert!(!house.at("uv-was-told").exists());
    }
}

#[test]
fn without_uv_and_without_an_earlier_answer_the_reason_is_said() {
    let house = house("helper");
    for (flags, says) in [(&["--offline"][..], "--offline"), (&[], "pip ended")] {
        let outcome = rebuild(
            &house,
            "/usr/bin:/bin",
            &[flags, &["--format", "json"]].concat(),
        );
        let report = outcome.expect(3).json();
        assert_eq!(report["rebuilds"][0]["outcome"], "not-attempted");
        let reason = report["rebuilds"][0]["reason"].as_str().unwrap();
        assert!(reason.contains(says), "{reason}");
    }
}

/// A backend that stands in its source and takes times from the epoch, modes from
/// the file system.
const FROM_EPOCH: &str = r#"
import os, time, zipfile

def build_wheel(directory, settings=None, metadata=None):
    now = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "1000000000")))[:6]
    os.mkdir("probe-1.0.dist-info")
    for name in ["METADATA", "WHEEL", "RECORD"]:
        with open("probe-1.0.dist-info/" + name, "w") as file:
            file.write(name)
    with zipfile.ZipFile(os.path.join(directory, "probe-1.0-py3-none-any.whl"), "w") as wheel:
        for name in ["probe.py", "probe-1.0.dist-info/METADATA", "probe-1.0.dist-info/WHEEL", "probe-1.0.dist-info/RECORD"]:
            member = zipfile.ZipInfo(name, now)
            mode = 0o664 if name.endswith("RECORD") else os.stat(name).st_mode & 0o777
            member.external_attr = (0o100000 | mode) << 16
            wheel.writestr(member, open(name).read())
    return "probe-1.0-py3-none-any.whl"
"#;

/// A wheelhouse whose wheel is signed and not there: built at this time, `probe.py`
/// and what the build made with this mode.
fn house_of_a_digest(time: &str, mode: &str) -> House {
    house_of_a_digest_by(FROM_EPOCH, time, mode)
}

/// The same with another backend in the sdist.
fn house_of_a_digest_by(backend: &str, time: &str, mode: &str) -> House {
    let house = House::of_one_project(backend);
    let pyproject =
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    sdist(
        &house.wheel("probe-1.0.tar.gz"),
        &[
            ("probe-1.0/pyproject.toml", pyproject),
            ("probe-1.0/backend.py", backend),
            ("probe-1.0/probe.py", "x"),
        ],
    );
    let script = format!(
        "import sys, zipfile\n\
        with zipfile.ZipFile(sys.argv[1], 'w') as wheel:\n\
        \x20for name, text, mode in [('probe.py', 'x', {mode})] + [('probe-1.0.dist-info/' + name, name, {mode} if name != 'RECORD' else 0o664) for name in ['METADATA', 'WHEEL', 'RECORD']]:\n\
        \x20 member = zipfile.ZipInfo(name, {time})\n\
        \x20 member.external_attr = (0o100000 | mode) << 16\n\
        \x20 wheel.writestr(member, text)\n"
    );
    python(&script, &house.wheel(PROBE));
    house.sign_all();
    house.remove(&format!("wheels/{PROBE}"));
    house
}

#[test]
fn a_search_finds_epoch_and_umask_from_the_signed_digest_alone() {
    // 1700000000, the time of the sdist's files; files of the sdist have mode 644.
    for (mode, umask) in [("0o644", "022"), ("0o600", "077")] {
        let house = house_of_a_digest("(2023, 11, 14, 22, 13, 20)", mode);
        let flags = ["--shallow", "--format", "json", "--offline"];
        let without = rebuild(&house, "/usr/bin:/bin", &flags).expect(1);
        assert_ne!(without.json()["rebuilds"][0]["outcome"], "reproduced");

        let flags = [&flags[..], &["--search"]].concat();
        let outcome = rebuild(&house, "/usr/bin:/bin", &flags);
        let report = outcome.json();
        let found = &report["rebuilds"][0];
        assert_eq!(found["outcome"], "reproduced", "{found}");
        assert_eq!(found["recipe_source"], "searched");
        assert_eq!(found["recipe"]["source_date_epoch"], 1_700_000_000);
        assert_eq!(found["recipe"]["umask"], umask);
        assert_eq!(found["rebuilt_sha256"], found["published_sha256"]);

        // What was found is remembered, and the report is the same.
        let again = rebuild(&house, "/usr/bin:/bin", &flags);
        assert_eq!(again.out(), outcome.out());
    }
}

/// Writes sdists of 34 projects, and the wheels that were built from them with umask
/// 077. The first two take the time from the epoch, the others always write the time of
/// their sdist. The first is slow.
const MANY: &str = r#"
import io, os, sys, tarfile, time, zipfile

BACKEND = """
import os, time, zipfile

def build_wheel(directory, settings=None, metadata=None):
    time.sleep(WAIT)
    now = STATED or time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "1000000000")))[:6]
    with open("METADATA", "w") as file:
        file.write("METADATA")
    mode = 0o100000 | os.stat("METADATA").st_mode & 0o777
    with zipfile.ZipFile(os.path.join(directory, "NAME-1.0-py3-none-any.whl"), "w") as wheel:
        for name in ["METADATA", "WHEEL", "RECORD"]:
            member = zipfile.ZipInfo("NAME-1.0.dist-info/" + name, now)
            member.external_attr = (mode if name != "RECORD" else 0o100664) << 16
            wheel.writestr(member, name)
    return "NAME-1.0-py3-none-any.whl"
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'

for number in range(34):
    name = f"probe{number:02}"
    moment = [1600000000, 1650000000, 1700000000][min(number, 2)]
    stated = time.gmtime(moment)[:6]
    backend = BACKEND.replace("NAME", name).replace("WAIT", "0" if number else "0.5")
    backend = backend.replace("STATED", str(stated if number > 1 else None))
    with tarfile.open(f"{sys.argv[1]}/{name}-1.0.tar.gz", "w:gz") as sdist:
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        for file, text in [("PKG-INFO", about), ("pyproject.toml", PYPROJECT), ("backend.py", backend)]:
            member = tarfile.TarInfo(f"{name}-1.0/{file}")
            member.size, member.mtime, member.mode = len(text), moment, 0o644
            sdist.addfile(member, io.BytesIO(text.encode()))
    with zipfile.ZipFile(f"{sys.argv[1]}/{name}-1.0-py3-none-any.whl", "w") as wheel:
        for file in ["METADATA", "WHEEL", "RECORD"]:
            member = zipfile.ZipInfo(f"{name}-1.0.dist-info/{file}", stated)
            member.external_attr = (0o100600 if file != "RECORD" else 0o100664) << 16
            wheel.writestr(member, file)
"#;

#[test]
fn a_search_finds_the_same_however_many_look() {
    let house = House::of_one_project("");
    house.remove("wheels/probe-1.0.tar.gz");
    house.remove(&format!("wheels/{PROBE}"));
    python(MANY, &house.at("wheels"));
    house.sign_all();
    for number in 0..34 {
        house.remove(&format!("wheels/probe{number:02}-1.0-py3-none-any.whl"));
    }
    let reports = ["1", "5"].map(|jobs| {
        let _ = std::fs::remove_dir_all(house.at("cache"));
        let flags = ["--shallow", "--format", "json", "--offline", "--search"];
        let jobs = ["--jobs", jobs];
        rebuild(&house, "/usr/bin:/bin", &[&flags[..], &jobs].concat())
    });
    assert_eq!(reports[0].out(), reports[1].out());
    let rebuilds = reports[0].json()["rebuilds"].clone();
    for rebuild in rebuilds.as_array().unwrap() {
        assert_eq!(rebuild["outcome"], "reproduced", "{rebuild}");
    }
    // Any epoch gives the bytes of the last one; what was found for others comes first.
    let epoch = &rebuilds[33]["recipe"]["source_date_epoch"];
    assert!(
        *epoch == 1_600_000_000 || *epoch == 1_650_000_000,
        "{epoch}"
    );
}

#[test]
fn a_search_that_finds_nothing_says_so_and_ends() {
    // A second that nothing speaks for.
    let house = house_of_a_digest("(2017, 3, 4, 5, 6, 8)", "0o644");
    let flags = ["--shallow", "--format", "json", "--offline", "--search"];
    let outcome = rebuild(&house, "/usr/bin:/bin", &flags).expect(1);
    let report = outcome.json();
    assert_eq!(report["rebuilds"][0]["outcome"], "different");
    let notes = report["rebuilds"][0]["notes"].to_string();
    assert!(notes.contains("--search"), "{notes}");
}

/// A build that an earlier guess lets pass and that never ends once an epoch is tried.
#[test]
fn a_search_ends_at_its_time_whatever_a_build_does() {
    let backend = FROM_EPOCH.replace(
        "    now = ",
        "    if 'SOURCE_DATE_EPOCH' in os.environ: time.sleep(1000)\n    now = ",
    );
    let house = house_of_a_digest_by(&backend, "(2017, 3, 4, 5, 6, 8)", "0o644");
    let flags = ["--shallow", "--format", "json", "--offline"];
    let search = ["--search", "--search-time", "2", "--timeout", "50"];
    let begun = std::time::Instant::now();
    let outcome = rebuild(&house, "/usr/bin:/bin", &[&flags[..], &search].concat()).expect(1);
    assert!(begun.elapsed() < std::time::Duration::from_secs(40));
    let report = outcome.json();
    assert_eq!(report["rebuilds"][0]["outcome"], "different");
    let notes = report["rebuilds"][0]["notes"].to_string();
    assert!(notes.contains("--search"), "{notes}");
}

#[test]
fn a_forged_memory_of_a_search_proves_nothing() {
    let house = house_of_a_digest("(2023, 11, 14, 22, 13, 20)", "0o644");
    let flags = ["--shallow", "--format", "json", "--offline", "--search"];
    rebuild(&house, "/usr/bin:/bin", &flags);
    let searched = house.at("cache/wheelproof/searched");
    let entry = std::fs::read_dir(searched)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    for forged in [
        "",
        "{}",
        "{\"pins\":[],\"others\":[\"x @ file:///etc\"],\"epoch\":5,\"umask\":18,\"keep_source_modes\":false}",
    ] {
        std::fs::write(&entry, forged).unwrap();
        let report = rebuild(&house, "/usr/bin:/bin", &flags).json();
        let found = &report["rebuilds"][0];
        assert_eq!(found["outcome"], "reproduced");
        assert_eq!(found["recipe"]["source_date_epoch"], 1_700_000_000);
    }
}

#[test]
fn a_result_is_taken_from_the_cache_when_asked_for_and_only_as_it_was_put_there() {
    let house = house_of_a_digest("(2001, 9, 9, 1, 46, 40)", "0o644");
    let flags = [
        "--shallow",
        "--format",
        "json",
        "--offline",
        "--source-date-epoch",
        "1000000000",
    ];
    let reusing = [&flags[..], &["--reuse-results"]].concat();
    let built = |flags: &[&str]| {
        let report = rebuild(&house, "/usr/bin:/bin", flags).json();
        report["rebuilds"][0].clone()
    };
    let fresh = built(&reusing);
    assert_eq!(fresh["outcome"], "reproduced", "{fresh}");
    assert!(fresh.get("reused").is_none());
    let reused = built(&reusing);
    assert_eq!(reused["reused"], true);
    assert_eq!(reused["rebuilt_sha256"], fresh["rebuilt_sha256"]);
    assert_eq!(reused["outcome"], "reproduced");
    // Who does not ask gets a build, and the same report as the first.
    assert_eq!(built(&flags), fresh);
    // Another recipe is another question.
    let other = [&reusing[..], &["--umask", "077"]].concat();
    let other = built(&other);
    assert!(other.get("reused").is_none());
    assert_ne!(other["rebuilt_sha256"], fresh["rebuilt_sha256"]);

    let results = house.at("cache/wheelproof/results");
    for entry in std::fs::read_dir(results).unwrap() {
        let wheel = entry.unwrap().path().join("wheel");
        let mut bytes = std::fs::read(&wheel).unwrap();
        bytes[40] ^= 1;
        std::fs::write(&wheel, bytes).unwrap();
    }
    let outcome = rebuild(&house, "/usr/bin:/bin", &reusing);
    let report = outcome.json();
    assert_eq!(report["rebuilds"][0]["outcome"], "not-attempted");
    let reason = report["rebuilds"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("was changed"), "{reason}");
}

#[test]
fn without_uv_pip_answers_and_the_report_says_that_no_date_was_kept_to() {
    if !crate::common::has_program("python3") || !has_pip() {
        crate::skipped!("/usr/bin/python3 has no pip that can report");
        return;
    }
    let house = house("helper>=0.5");
    // A whole wheel, for pip looks into it.
    let text = format!("{WRITE_WHEEL}{BACKEND}");
    std::fs::create_dir(house.at("links")).unwrap();
    minimal_wheel(
        &house.at("links/helper-1.0-py3-none-any.whl"),
        &[("helper.py", &text)],
    );
    let pinned = "[rebuild.interpreters]\npy3 = \"/usr/bin/python3\"\n";
    house.write("wheelproof.toml", pinned);
    // setuptools 1.2.3 is in no place that pip looks at: nothing is taken for it.
    let outcome = rebuild(&house, "/usr/bin:/bin", &["--format", "json"]).expect(3);
    let reason = outcome.json()["rebuilds"][0]["reason"].to_string();
    assert!(reason.contains("setuptools==1.2.3"), "{reason}");
    minimal_wheel(
        &house.at("links/setuptools-1.2.3-py3-none-any.whl"),
        &[("setuptools.py", "")],
    );
    let outcome = rebuild(&house, "/usr/bin:/bin", &["--format", "json"]).expect(0);
    let report = outcome.json();
    assert_eq!(report["rebuilds"][0]["outcome"], "reproduced");
    let reasons = report["rebuilds"][0]["inferred"].to_string();
    assert!(reasons.contains("uv, which knows"), "{reasons}");
    assert!(!reasons.contains("none newer"), "{reasons}");
}

fn has_pip() -> bool {
    let help = Command::new("/usr/bin/python3")
        .args(["-m", "pip", "install", "--help"])
        .output();
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--report"))
}
