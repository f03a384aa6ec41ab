//! What compiled wheels need besides tools: another interpreter's sysconfig data, a
//! Rust toolchain, another system. Offline, through the program, with packages of our
//! own; `scripts/compiled-wheels` and `scripts/rust-wheels` do the same with real ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::audit::{PROBE, sdist};
use crate::build_records::{PYPROJECT, first, names};
use crate::common::{House, MINIMAL_PY, Outcome, has_bubblewrap, has_program, run, sha256sum};
use crate::founding::other_python;

impl House {
    /// Returns an empty house with a policy, and beside it an sdist with these files.
    fn with_files(policy: &str, backend: &str, files: &[(&str, &str)]) -> Self {
        let house = Self::with_source("");
        let backend = format!("{MODULES}{backend}");
        let mut all = vec![
            PYPROJECT,
            ("probe-1.0/backend.py", backend.as_str()),
            ("probe-1.0/minimal.py", MINIMAL_PY),
        ];
        all.extend(files);
        sdist(&house.at("source/probe-1.0.tar.gz"), &all);
        house.write("wheelproof.toml", policy);
        house
    }

    /// Returns the name of the wheel that was built, after signing.
    fn built(&self, flags: &[&str]) -> String {
        // The root lies in the directory, so the policy has to be named.
        let named = ["source", "--offline", "--policy", "wheelproof.toml"];
        self.build(&[&named, flags].concat()).expect(0);
        self.sign_manifest();
        let mut names = names(self).into_iter();
        names.find(|name| name.ends_with(".whl")).unwrap()
    }

    fn rebuilt(&self, flags: &[&str]) -> Outcome {
        run(&mut self.rebuilding("rebuild", &[&["--all", "--offline"], flags].concat()))
    }
}

const MODULES: &str = "import os, subprocess, sys, sysconfig\nimport minimal\n";

/// As setuptools does it: compiler, flags and the place of the headers are what
/// sysconfig says.
const AS_SYSCONFIG_SAYS: &str = r#"
def build_wheel(directory, settings=None, metadata=None):
    of = sysconfig.get_config_var
    tag = "cp%d%d" % sys.version_info[:2]
    target = "probe" + of("EXT_SUFFIX")
    source, made = os.path.abspath("probe.c"), os.path.abspath("probe.o")
    compiler = [os.environ.get("CC") or of("CC"), of("CFLAGS"), of("CCSHARED"), "-I" + of("INCLUDEPY"), "-c"]
    subprocess.run(" ".join(compiler + [source, "-o", made]), shell=True, check=True)
    subprocess.run(" ".join([of("LDSHARED"), made, "-o", target]), shell=True, check=True)
    name = "probe-1.0-%s-%s-linux_%s.whl" % (tag, tag, os.uname().machine)
    minimal.wheel(os.path.join(directory, name), [(target, open(target, "rb").read())])
    return name
"#;

const EXTENSION: &str = "#include <Python.h>\n\
    static PyObject *shout(PyObject *self, PyObject *word) {\n\
    \x20 char text[64];\n\
    \x20 const char *given = PyUnicode_AsUTF8(word);\n\
    \x20 if (!given) return NULL;\n\
    \x20 strcpy(text, given);\n\
    \x20 return PyUnicode_FromFormat(\"%s!\", text);\n\
    }\n\
    static PyMethodDef methods[] = {{\"shout\", shout, METH_O, 0}, {0, 0, 0, 0}};\n\
    static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, \"probe\", 0, -1, methods};\n\
    PyMODINIT_FUNC PyInit_probe(void) { return PyModule_Create(&module); }\n";

fn has_headers(python: &str) -> bool {
    let script = "import os, sys, sysconfig\nsys.exit(not os.path.exists(sysconfig.get_config_var('INCLUDEPY') + '/Python.h'))";
    let asked = Command::new(python).args(["-c", script]).status();
    let found = asked.is_ok_and(|status| status.success());
    if !found {
        crate::skipped!("{python} has no headers");
    }
    found
}

/// The seed case: one variable undoes the difference between two builds of CPython.
#[test]
fn another_cpython_gives_the_same_extension_with_the_recorded_sysconfig_data() {
    if !has_program("cc") || !has_bubblewrap() || !has_headers("/usr/bin/python3") {
        return;
    }
    let Some(other) = other_python() else {
        crate::skipped!("there is no second CPython of the system's version with headers");
        return;
    };
    let policy = "[rebuild.interpreters]\npy3 = \"/usr/bin/python3\"\n";
    let files = [("probe-1.0/probe.c", EXTENSION)];
    let house = House::with_files(policy, AS_SYSCONFIG_SAYS, &files);
    let wheel = house.built(&[]);
    let signed = sha256sum(&house.wheel(&wheel));

    let with_other = format!("py3={}", other.display());
    let path = ["--build-path", "/build/of/{sdist}", "--python", &with_other];
    let plain = first(
        &house
            .rebuilt(&[&path[..], &["--records", "ignore"]].concat())
            .expect(1),
    );
    assert_eq!(plain["outcome"], "different", "{plain}");
    let members: Vec<&str> = plain["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| difference["member"].as_str().unwrap())
        .collect();
    assert!(
        members.iter().any(|name| name.ends_with(".so")),
        "{members:?}"
    );

    // The record has the data of the interpreter that built, and the report says that
    // another one is at work.
    let followed = first(&house.rebuilt(&["--python", &with_other]).expect(0));
    assert_eq!(followed["outcome"], "reproduced", "{followed}");
    assert_eq!(followed["rebuilt_sha256"], signed.as_str());
    assert_eq!(followed["recipe_source"], "record");
    let said = followed["mismatches"].to_string();
    assert!(said.contains("interpreter"), "{said}");

    // So does the policy, which may take the data from another interpreter.
    let policy = format!(
        "[rebuild.interpreters]\npy3 = {other:?}\n[rebuild.recipe]\ntools = []\nsysconfig = \"/usr/bin/python3\"\n",
        other = other.display().to_string()
    );
    house.write("wheelproof.toml", &policy);
    let flags = ["--records", "ignore", "--build-path", "/build/of/{sdist}"];
    let taken = first(&house.rebuilt(&flags).expect(0));
    assert_eq!(taken["outcome"], "reproduced", "{taken}");
    assert_eq!(taken["recipe_source"], "policy");
    assert_eq!(taken["recipe"]["sysconfig"].as_str().unwrap().len(), 64);
}

const BY_CARGO: &str = r#"
def build_wheel(directory, settings=None, metadata=None):
    subprocess.run(["cargo", "build", "--release", "--offline", "--locked", "--quiet"], check=True)
    name = "probe-1.0-py3-none-linux_%s.whl" % os.uname().machine
    minimal.wheel(os.path.join(directory, name), [("probe.so", open("target/release/libprobe.so", "rb").read())])
    return name
"#;

/// With debug information, which has the paths that a stripped library has not.
const CARGO_TOML: &str = "[package]\nname = \"probe\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
    [lib]\ncrate-type = [\"cdylib\"]\n[profile.release]\ndebug = true\n";
const CARGO_LOCK: &str = "version = 3\n\n[[package]]\nname = \"probe\"\nversion = \"1.0.0\"\n";
const RUST: &str = "#[no_mangle]\npub extern \"C\" fn probe(words: *const u32, count: usize) -> u32 {\n\
    \x20   let all = unsafe { std::slice::from_raw_parts(words, count) };\n\
    \x20   all[1] + all.iter().sum::<u32>()\n}\n";

/// Links what cargo needs of the toolchain in use into a directory, or copies it.
fn toolchain(to: &Path) -> bool {
    let asked = Command::new("rustc").args(["--print", "sysroot"]).output();
    let Some(place) = asked
        .ok()
        .and_then(|it| String::from_utf8(it.stdout).ok())
        .map(|it| PathBuf::from(it.trim()))
        .filter(|place| place.join("bin/cargo").is_file())
    else {
        crate::skipped!("there is no Rust toolchain of rustup's kind");
        return false;
    };
    std::fs::create_dir(to).unwrap();
    let copied = |how: &str| {
        let mut command = Command::new("cp");
        command
            .args([how, "bin", "lib"])
            .arg(to)
            .current_dir(&place);
        command.output().unwrap().status.success()
    };
    assert!(copied("-al") || copied("-a"));
    true
}

#[test]
fn a_rust_extension_comes_back_from_its_record_and_at_another_path() {
    if !has_program("cc") || !has_bubblewrap() {
        return;
    }
    let policy = |more: &str| {
        format!(
            "[rebuild.interpreters]\npy3 = \"/usr/bin/python3\"\n[rebuild.recipe]\ntools = []\n\
             inputs = {{ \"/rust\" = \"rust\" }}\nenvironment = {{ PATH = \"/rust/bin:/usr/bin:/bin\" }}\n{more}"
        )
    };
    let files = [
        ("probe-1.0/Cargo.toml", CARGO_TOML),
        ("probe-1.0/Cargo.lock", CARGO_LOCK),
        ("probe-1.0/src/lib.rs", RUST),
    ];
    let mapped = policy("prefix-map = \"/mapped/{sdist}\"\n");
    let house = House::with_files(&mapped, BY_CARGO, &files);
    if !toolchain(&house.at("rust")) {
        return;
    }
    let wheel = house.built(&[]);
    let signed = sha256sum(&house.wheel(&wheel));
    let script = "import sys, zipfile; data = zipfile.ZipFile(sys.argv[1]).read('probe.so')
print(b'/mapped/probe-1.0' in data, b'/build/of' in data)";
    let paths = Command::new("python3")
        .args(["-c", script])
        .arg(house.wheel(&wheel))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&paths.stdout).trim(), "True False");
    let record: Value =
        serde_json::from_slice(&std::fs::read(house.wheel(format!("{wheel}.build.json"))).unwrap())
            .unwrap();
    assert_eq!(record["recipe"]["inputs"][0]["at"], "/rust");
    assert_eq!(record["recipe"]["prefix_map"], "/mapped/probe-1.0");

    let again = first(&house.rebuilt(&[]).expect(0));
    assert_eq!(again["outcome"], "reproduced", "{again}");
    assert_eq!(again["recipe_source"], "record");
    let elsewhere = [
        "--records",
        "ignore",
        "--build-path",
        "/build/else/where/{sdist}",
    ];
    let moved = first(&house.rebuilt(&elsewhere).expect(0));
    assert_eq!(moved["outcome"], "reproduced", "{moved}");
    assert_eq!(moved["rebuilt_sha256"], signed.as_str());
    // The neighbour: unmapped, the path is in the bytes.
    house.write("wheelproof.toml", policy(""));
    let unmapped = first(&house.rebuilt(&elsewhere).expect(1));
    assert_eq!(unmapped["outcome"], "different", "{unmapped}");
    // With another toolchain, by one file more, nothing is built.
    std::fs::write(house.at("rust/lib/more"), "").unwrap();
    let other = first(&house.rebuilt(&[]).expect(3));
    assert_eq!(other["outcome"], "not-attempted", "{other}");
    let reason = other["reason"].as_str().unwrap();
    assert!(
        reason.contains("other files than the recipe says"),
        "{reason}"
    );
}

/// Copies an interpreter and what it is linked to, and nothing else, into a directory
/// that says of itself that it is another system. Returns `None`, and says so, where
/// the interpreter cannot be copied.
pub(crate) fn other_system(root: &Path) -> Option<()> {
    let script = r#"
import glob, os, re, shutil, subprocess, sys, sysconfig
root = sys.argv[1]
def take(path):
    # Below the real directory, under the name that programs ask for.
    place = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    to = root + place
    os.makedirs(os.path.dirname(to), exist_ok=True)
    if not os.path.exists(to): shutil.copy(path, to)
library = sysconfig.get_path("stdlib")
left = shutil.ignore_patterns("__pycache__", "test", "idlelib", "ensurepip", "config-*", "dist-packages", "site-packages")
shutil.copytree(library, root + library, ignore=left)
for data in glob.glob(library + "/_sysconfigdata*"): take(data)
python = os.path.realpath(sys.executable)
for program in [python, "/bin/sh"] + glob.glob(library + "/lib-dynload/*.so"):
    linked = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True).stdout
    for found in re.findall(r"(/\S+) \(0x", linked): take(found)
take(python)
take("/bin/sh")
if python != "/usr/bin/python3": os.symlink(python, root + "/usr/bin/python3")
for name in ["bin", "sbin", "lib", "lib32", "lib64"]:
    if os.path.islink("/" + name): os.symlink(os.readlink("/" + name), root + "/" + name)
open(root + "/usr/lib/os-release", "w").write('ID=other\nVERSION_ID="77"\n')
os.makedirs(root + "/etc")
open(root + "/etc/debian_version", "w").write("77.0\n")
"#;
    std::fs::create_dir_all(root.join("usr/lib")).unwrap();
    let made = Command::new("/usr/bin/python3")
        .args(["-I", "-S", "-c", script])
        .arg(root)
        .output()
        .unwrap();
    if !made.status.success() {
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        crate::skipped!("/usr/bin/python3 cannot be copied: {said}");
        return None;
    }
    Some(())
}

const OF_ITS_SYSTEM: &str = r#"
def build_wheel(directory, settings=None, metadata=None):
    name = "probe-1.0-py3-none-any.whl"
    seen = open("/usr/lib/os-release").read() + repr(sorted(os.listdir("/usr/bin")))
    minimal.wheel(os.path.join(directory, name), [("probe.py", "seen = %r\n" % seen)])
    return name
"#;

#[test]
fn a_wheel_of_another_system_comes_back_in_that_root_and_not_in_this() {
    if !has_bubblewrap() {
        return;
    }
    let policy =
        "[rebuild.interpreters]\npy3 = { root = \"root\", python = \"/usr/bin/python3\" }\n";
    let house = House::with_files(policy, OF_ITS_SYSTEM, &[]);
    if other_system(&house.at("root")).is_none() {
        return;
    }
    let wheel = house.built(&[]);
    assert_eq!(wheel, PROBE);
    let mut read = Command::new("python3");
    read.args([
        "-c",
        "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).read('probe.py').decode())",
    ]);
    let seen = run(read.arg(house.wheel(PROBE))).out();
    assert!(
        seen.contains("VERSION_ID=\"77\"") && !seen.contains("bwrap"),
        "{seen}"
    );

    let inside = first(&house.rebuilt(&[]).expect(0));
    assert_eq!(inside["outcome"], "reproduced", "{inside}");
    let root = inside["recipe"]["root"].as_str().unwrap();
    assert!(root.ends_with("/root"), "{root}");
    // The same record on this system: another wheel, and the report shows no root.
    let here = first(
        &house
            .rebuilt(&["--python", "py3=/usr/bin/python3"])
            .expect(1),
    );
    assert_eq!(here["outcome"], "different", "{here}");
    assert_eq!(here["recipe"]["root"], Value::Null);
    // A root that is none is a reason.
    house.write("wheelproof.toml", policy.replace("\"root\"", "\"wheels\""));
    let none = first(&house.rebuilt(&[]).expect(3));
    assert_eq!(none["outcome"], "not-attempted", "{none}");
    assert!(none["reason"].as_str().unwrap().contains("usr"), "{none}");
    let mut weaker = house.rebuilding("rebuild", &["--all", "--offline", "--sandbox", "off"]);
    house.write("wheelproof.toml", policy);
    let refused = first(&run(&mut weaker).expect(3));
    assert!(
        refused["reason"]
            .as_str()
            .unwrap()
            .contains("needs bubblewrap"),
        "{refused}"
    );
}
