//! Options of distutils: they reach the build where distutils itself looks for them,
//! and `bdist_wheel --universal` is inferred.

use std::process::Command;

use serde_json::Value;

use crate::audit::{PROBE, sdist};
use crate::build_records::{PYPROJECT, first};
use crate::common::{House, run, sha256sum, working_layers};
use crate::rebuild::{Bench, HONEST, member};

const UNIVERSAL: &str = "probe-1.0-py2.py3-none-any.whl";

#[test]
fn the_users_configuration_is_what_distutils_reads() {
    let backend = HONEST.replace("return {}", "return {'seen': seen()}")
        + r#"
def seen():
    try:
        from distutils.dist import Distribution
    except ImportError:
        import configparser
        found = configparser.RawConfigParser()
        found.read(os.path.expanduser('~/.pydistutils.cfg'))
        return ' '.join('%s.%s=%s' % (one, *pair) for one in found.sections() for pair in found.items(one))
    found = Distribution()
    found.parse_config_files()
    commands = sorted(found.command_options)
    return ' '.join('%s.%s=%s' % (one, name, value) for one in commands for name, (_, value) in sorted(found.get_option_dict(one).items()))
"#;
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        assert_eq!(member(&bench.built(&backend).wheel, "seen"), "");
        bench.amend = Box::new(|recipe| {
            for (command, option, value) in [
                ("bdist_wheel", "universal", "1"),
                ("bdist_wheel", "compression", "a # b"),
                ("build", "debug", "1"),
            ] {
                let options = recipe.distutils.entry(command.to_owned()).or_default();
                options.insert(option.to_owned(), value.to_owned());
            }
        });
        assert_eq!(
            member(&bench.built(&backend).wheel, "seen"),
            "bdist_wheel.compression=a # b bdist_wheel.universal=1 build.debug=1"
        );
    }
}

/// A backend whose wheel has another name where the user's configuration says so.
const BACKEND: &str = r#"
import configparser, os, zipfile

def build_wheel(directory, settings=None, metadata=None):
    said = configparser.RawConfigParser()
    said.read([os.path.expanduser("~/.pydistutils.cfg"), "setup.cfg"])
    universal = said.getboolean("bdist_wheel", "universal", fallback=False)
    pythons = ["py2", "py3"] if universal else ["py3"]
    name = "probe-1.0-%s-none-any.whl" % ".".join(pythons)
    write(os.path.join(directory, name), pythons)
    return name
"#;

const WRITE: &str = r#"
import base64, hashlib, zipfile

def write(path, pythons):
    info = "probe-1.0.dist-info/"
    tags = "".join("Tag: %s-none-any\n" % python for python in pythons)
    record = ""
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in [
            (info + "METADATA", "Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n"),
            (info + "WHEEL", "Wheel-Version: 1.0\nGenerator: setuptools (1.2.3)\nRoot-Is-Purelib: true\n" + tags),
            (info + "RECORD", None),
        ]:
            data = (record + info + "RECORD,,\n" if text is None else text).encode()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            record += f"{name},sha256={digest},{len(data)}\n"
            member = zipfile.ZipInfo(name, (2024, 1, 2, 3, 4, 6))
            member.external_attr = 0o100644 << 16
            wheel.writestr(member, data)
"#;

/// Rebuilds the universal wheel from an sdist with this `setup.cfg`.
fn rebuilt(configuration: &str) -> (House, Value) {
    let house = House::of_one_project("");
    house.remove(&format!("wheels/{PROBE}"));
    let backend = format!("{WRITE}{BACKEND}");
    let files = [
        PYPROJECT,
        ("probe-1.0/backend.py", &backend),
        ("probe-1.0/setup.cfg", configuration),
    ];
    sdist(&house.wheel("probe-1.0.tar.gz"), &files);
    let script = format!("{WRITE}\nimport sys; write(sys.argv[1], ['py2', 'py3'])");
    let made = Command::new("python3")
        .args(["-c", &script])
        .arg(house.wheel(UNIVERSAL))
        .status();
    assert!(made.unwrap().success());
    house.sign_all();
    let outcome = run(&mut house.rebuilding("rebuild", &["--all", "--offline"]));
    let found = first(&outcome.expect(0));
    (house, found)
}

#[test]
fn a_universal_wheel_comes_back_by_its_tags() {
    let (house, found) = rebuilt("[metadata]\nname = probe\n");
    assert_eq!(found["outcome"], "reproduced", "{found}");
    let digest = sha256sum(&house.wheel(UNIVERSAL));
    assert_eq!(found["rebuilt_sha256"], digest.as_str());
    let options = serde_json::json!({ "bdist_wheel": { "universal": "1" } });
    assert_eq!(found["recipe"]["distutils"], options);
    let reasons = found["inferred"].to_string();
    assert!(reasons.contains("bdist_wheel --universal"), "{reasons}");
    let policy = found["policy"].as_str().unwrap();
    let says = "\ndistutils = { \"bdist_wheel\" = { \"universal\" = \"1\" } }\n";
    assert!(policy.contains(says), "{policy}");
}

#[test]
fn an_sdist_that_asks_for_it_itself_is_told_nothing() {
    let (_, found) = rebuilt("[bdist_wheel]\nuniversal = 1\n");
    assert_eq!(found["outcome"], "reproduced", "{found}");
    assert_eq!(found["recipe"].get("distutils"), None);
}
