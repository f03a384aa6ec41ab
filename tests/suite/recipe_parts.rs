//! Each part of a recipe reaches the build.

use std::path::PathBuf;

use wheelproof::cancel::Cancel;
use wheelproof::digest::Sha256Digest;
use wheelproof::filename::WheelFilename;
use wheelproof::rebuild::{Outcome, RebuildError, directory_digest};
use wheelproof::recipe::{Input, SourceTimes, Sysconfig, ToolWheel};
use wheelproof::sandbox::Layer;

use crate::common::working_layers;
use crate::environments::other_system;
use crate::rebuild::{Bench, HONEST, member};

/// An honest backend with one more member, whose text is a Python expression.
fn saying(expression: &str) -> String {
    HONEST.replace("return {}", &format!("return {{'seen': {expression}}}"))
}

/// 2014-05-13 16:53:20 UTC.
const STANDING: i64 = 1_400_000_000;

#[test]
fn a_clock_that_stands_is_what_the_backend_sees_everywhere() {
    // What each way of asking gives, said by the calendar and not by us.
    let expected = "1400000000.0 1400000000000000000 2014-05-13T16:53:20 2014-05-13T16:53:20+00:00 \
                    2014-05-13 2014-05-13 16:53:20 Tue May 13 16:53:20 2014 1400000000 \
                    1400000000 1300000000 True True True";
    let backend = saying("clocks()")
        + r#"
def clocks():
    import time, datetime, pathlib
    from datetime import datetime as moment, date
    open('made', 'w').close()
    return ' '.join(str(it) for it in [
        time.time(), time.time_ns(), moment.utcnow().isoformat(),
        moment.now(datetime.timezone.utc).isoformat(), date.today(),
        time.strftime('%Y-%m-%d %H:%M:%S'), time.ctime(),
        int(os.stat('made').st_mtime), int(pathlib.Path('made').stat().st_mtime),
        int(os.stat('small.py').st_mtime),
        isinstance(moment.now(), moment), isinstance(moment.strptime('1', '%d'), moment),
        isinstance(moment.now(), date)])
"#;
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        bench.amend = Box::new(|recipe| recipe.clock = Some(STANDING));
        assert_eq!(member(&bench.built(&backend).wheel, "seen"), expected);
    }
}

#[test]
fn without_a_clock_in_the_recipe_the_clock_is_real() {
    for sandbox in working_layers() {
        let bench = Bench::new(sandbox);
        let built = bench.built(&saying("__import__('time').strftime('%Y')"));
        let year: i32 = member(&built.wheel, "seen").parse().expect("a year");
        assert!(year >= 2026, "{year}");
    }
}

#[test]
fn a_zip_of_generated_files_has_the_standing_time_twice() {
    let backend = saying("'x'").replace(
        "    return name",
        "        open('made', 'w').close()\n        wheel.write('made')\n    return name",
    );
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        bench.amend = Box::new(|recipe| recipe.clock = Some(STANDING));
        let first = bench.built(&backend);
        let second = bench.built(&backend);
        assert_eq!(first.sha256, second.sha256);
        let answer = std::process::Command::new("python3")
            .args([
                "-c",
                "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).getinfo('made').date_time)",
            ])
            .arg(&first.wheel)
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&answer.stdout);
        assert_eq!(said.trim(), "(2014, 5, 13, 16, 53, 20)");
    }
}

#[test]
fn the_time_zone_is_the_recipes() {
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        bench.amend = Box::new(|recipe| {
            recipe.time_zone = "CET-1CEST,M3.5.0,M10.5.0/3".to_owned();
            recipe.clock = Some(STANDING);
        });
        let built = bench.built(&saying("__import__('time').strftime('%H:%M %Z')"));
        assert_eq!(member(&built.wheel, "seen"), "18:53 CEST");
    }
}

#[test]
fn one_time_can_be_that_of_all_source_files() {
    let backend = saying(
        "' '.join(sorted({'%d' % os.stat(os.path.join(top, it)).st_mtime \
         for top, _, files in os.walk('.') for it in files + ['.']}))",
    );
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        bench.amend = Box::new(|recipe| recipe.source_times = SourceTimes::At(1_234_567_890));
        assert_eq!(member(&bench.built(&backend).wheel, "seen"), "1234567890");
    }
}

#[test]
fn sysconfig_data_of_a_recipe_takes_the_place_of_the_interpreters_own() {
    let data = br#"{"CC": "recorded-gcc -pthread", "SOABI": "cpython-recorded", "prefix": "/usr"}"#;
    // What the build starts sees the same.
    let backend = saying(
        "' '.join([__import__('sysconfig').get_config_var('CC'), \
         __import__('subprocess').run([__import__('sys').executable, '-S', '-c', \
         \"import sysconfig; print(sysconfig.get_config_var('SOABI'), end='')\"], \
         stdout=-1, check=True).stdout.decode()])",
    );
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        bench.amend =
            Box::new(|recipe| recipe.sysconfig = Some(Sysconfig::from_json(data).unwrap()));
        let seen = member(&bench.built(&backend).wheel, "seen");
        assert_eq!(seen, "recorded-gcc -pthread cpython-recorded");
    }
}

#[test]
fn an_input_is_read_where_the_recipe_says_and_by_its_digest() {
    let vendor = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(vendor.path(), open).unwrap();
    std::fs::write(vendor.path().join("answer"), "42").unwrap();
    let sha256 = directory_digest(vendor.path(), &Cancel::new()).unwrap();
    let backend = saying("open('/vendored/answer').read() + str(os.access('/vendored', os.W_OK))");
    for sandbox in working_layers() {
        let layer = sandbox.layer();
        let mut bench = Bench::new(sandbox);
        let path = vendor.path().to_owned();
        bench.amend = Box::new(move |recipe| {
            recipe.inputs.push(Input {
                at: "/vendored".into(),
                sha256,
                path: path.clone(),
            });
        });
        match (layer, bench.build(&backend)) {
            (Layer::Bubblewrap, Ok(Outcome::Built(built))) => {
                assert_eq!(member(&built.wheel, "seen"), "42False");
            }
            (Layer::Bubblewrap, other) => panic!("{other:?}"),
            (_, Err(error)) => assert!(error.to_string().contains("needs bubblewrap"), "{error}"),
            (_, other) => panic!("{other:?}"),
        }
    }
    // Other files than the recipe names are never read.
    std::fs::write(vendor.path().join("answer"), "43").unwrap();
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        let path = vendor.path().to_owned();
        bench.amend = Box::new(move |recipe| {
            recipe.inputs.push(Input {
                at: "/vendored".into(),
                sha256,
                path: path.clone(),
            });
        });
        let error = bench.build(&backend).expect_err("other files");
        assert!(matches!(error, RebuildError::Input { .. }), "{error}");
    }
}

/// With a real one where it is named: `debootstrap --variant=minbase --include=python3
/// bullseye DIR`.
#[test]
fn a_root_is_another_system_for_the_build() {
    let made = tempfile::tempdir().unwrap();
    let named = std::env::var_os("WHEELPROOF_TEST_ROOT").map(PathBuf::from);
    let root = named.unwrap_or_else(|| made.path().join("root"));
    if root.starts_with(made.path()) && other_system(&root).is_none() {
        return;
    }
    let version = std::fs::read_to_string(root.join("etc/debian_version")).unwrap();
    let backend =
        saying("open('/usr/lib/os-release').read() + str(os.path.exists('/proc/1/root'))");
    for sandbox in working_layers() {
        let layer = sandbox.layer();
        let mut bench = Bench::new(sandbox);
        let place = root.clone();
        bench.amend = Box::new(move |recipe| recipe.root = Some(place.clone()));
        match (layer, bench.build(&backend)) {
            (Layer::Bubblewrap, Ok(Outcome::Built(built))) => {
                let major = version.split('.').next().unwrap();
                let seen = member(&built.wheel, "seen");
                assert!(seen.contains(&format!("VERSION_ID=\"{major}\"")), "{seen}");
            }
            (Layer::Bubblewrap, other) => panic!("{other:?}"),
            (_, result) => assert!(result.is_err(), "{result:?}"),
        }
    }
}

/// maturin is called as a program, which its wheel has in `.data/scripts`.
#[test]
fn programs_of_tools_are_on_the_path() {
    let directory = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).unwrap();
    let path = directory.path().join("tool-1.0-py3-none-any.whl");
    let script = "import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    entry = zipfile.ZipInfo('tool-1.0.data/scripts/say-it')
    entry.external_attr = 0o100755 << 16
    wheel.writestr(entry, '#!/bin/sh\\nprintf said\\n')";
    let made = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    let sha256 = Sha256Digest::of(&std::fs::read(&path).unwrap());
    let backend =
        saying("__import__('subprocess').run(['say-it'], stdout=-1, check=True).stdout.decode()");
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        let path = path.clone();
        bench.amend = Box::new(move |recipe| {
            // A path of the recipe's own does not hide them.
            recipe
                .environment
                .insert("PATH".into(), "/usr/bin:/bin".into());
            recipe.tools.push(ToolWheel {
                filename: WheelFilename::parse("tool-1.0-py3-none-any.whl").unwrap(),
                sha256,
                path: path.clone(),
            });
        });
        assert_eq!(member(&bench.built(&backend).wheel, "seen"), "said");
    }
}
