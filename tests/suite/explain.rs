//! `wheelproof explain`: pairs that differ in one thing, and what it says of them.
//!
//! The pairs are written by CPython's zipfile (`explain.py`); which cause each
//! must give is what was done to make them differ.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::{Outcome, has_program, pair, run, start, wait, wheelproof};

fn explain(files: &[PathBuf; 2], more: &[&str]) -> Outcome {
    wait(start(wheelproof().arg("explain").args(files).args(more)))
}

/// Returns the report of a scenario.
fn report(scenario: &str, code: i32) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let files = pair("explain.py", directory.path(), scenario);
    explain(&files, &["--format", "json"]).expect(code).json()
}

fn names(report: &Value) -> Vec<String> {
    let causes = report["causes"].as_array().unwrap();
    let mut names: Vec<String> = causes
        .iter()
        .map(|cause| cause["cause"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn unexplained(report: &Value) -> Vec<Value> {
    report["unexplained"].as_array().unwrap().clone()
}

#[test]
fn each_pair_has_its_cause_and_no_other() {
    for (scenario, causes) in [
        ("epoch", &["epoch"][..]),
        ("epoch_unset", &["epoch"]),
        ("clock", &["build-clock"]),
        ("zone", &["time-zone"]),
        ("umask", &["umask"]),
        ("umask_of_a_program", &["umask"]),
        ("archive_modes", &["archive-modes"]),
        ("windows", &["built-on-windows"]),
        ("line_ends", &["line-ends"]),
        ("member_order", &["member-order"]),
        ("record_order", &["record-order"]),
        ("licences_moved", &["license-files-moved"]),
        ("sbom_order", &["hash-seed"]),
        ("sbom_path", &["build-path"]),
        ("retagged", &["retagged"]),
        ("late_record", &["retagged"]),
        ("record_order_of_maturin", &["record-order"]),
        ("mode_of_record_alone", &["record-mode"]),
        ("epoch_of_1980", &["epoch"]),
        ("constant_of_the_tool", &["epoch"]),
        ("epoch_of_nothing", &["epoch"]),
        ("build_environment", &["build-environment"]),
        ("bytecode_path", &["build-path"]),
        ("beside_wheel", &["requirement-spelling"]),
        ("import_name", &["backend-version"]),
        ("licence_expression", &["backend-version"]),
        ("encoded_author", &["backend-version"]),
        ("keywords_of_another_version", &["backend-version"]),
        ("modes_in_decimal", &["backend-version"]),
        ("objects_of_debian", &["backend-version"]),
        (
            "record_order_and_change",
            &["license-file-field", "record-order"],
        ),
        ("level", &["deflate-level"]),
        ("flushed", &["deflate-implementation"]),
        ("stored", &["zip-writer"]),
        ("extra", &["zip-writer"]),
        ("streamed", &["zip-writer"]),
        ("creator_version", &["zip-writer"]),
        ("license_file", &["license-file-field"]),
        ("generator", &["backend-version"]),
        ("requirement_spelling", &["requirement-spelling"]),
        ("unknown_platform", &["unknown-platform"]),
        ("name_spelling", &["name-spelling"]),
        ("year", &["current-year"]),
        ("build_date", &["build-date"]),
        ("hash_seed", &["hash-seed"]),
        ("locale_order", &["locale"]),
        ("locale_encoding", &["locale"]),
        ("permuted_lines", &["hash-seed"]),
        ("bytecode", &["bytecode"]),
        ("version_from_git", &["version-from-git"]),
        ("interpreter", &["interpreter-version"]),
        ("platform_tag", &["platform-tag"]),
        ("sbom", &["embedded-sbom"]),
        ("cython", &["cython-version"]),
        ("build_path", &["build-path"]),
        ("nested", &["epoch"]),
        ("packed", &["build-clock"]),
        ("packed_text", &["build-clock"]),
        ("set_in_keywords", &["hash-seed"]),
        ("set_of_requirements", &["hash-seed"]),
        ("year_in_description", &["current-year"]),
        (
            "year_in_description_and_field",
            &["current-year", "license-file-field"],
        ),
        ("dos_licence", &["line-ends"]),
        ("number_of_seconds", &["build-date"]),
        ("path_of_an_option", &["build-path"]),
        (
            "repaired_without_libraries",
            &["platform-tag", "wheel-repair"],
        ),
    ] {
        let report = report(scenario, 1);
        assert_eq!(names(&report), causes, "{scenario}");
        assert_eq!(unexplained(&report), Vec::<Value>::new(), "{scenario}");
        for cause in report["causes"].as_array().unwrap() {
            assert_eq!(cause["proof"], "pattern", "{scenario}");
            for key in ["sentence", "advice"] {
                assert!(!cause[key].as_str().unwrap().is_empty(), "{scenario} {key}");
            }
            assert!(
                !cause["evidence"].as_array().unwrap().is_empty(),
                "{scenario}"
            );
            assert!(
                !cause["differences"].as_array().unwrap().is_empty(),
                "{scenario}"
            );
        }
    }
}

#[test]
fn what_is_packed_with_gzip_inside_a_wheel_is_looked_into() {
    let inner = |scenario: &str| {
        let report = report(scenario, 1);
        let differences = report["differences"].as_array().unwrap().clone();
        let packed = differences
            .iter()
            .find(|difference| {
                difference["kind"] == "contents" && difference["consequence"].is_null()
            })
            .unwrap()
            .clone();
        (
            report,
            packed["detail"]["differences"]
                .as_array()
                .cloned()
                .unwrap_or_default(),
        )
    };
    let (report, found) = inner("packed_change");
    let told: Vec<_> = found
        .iter()
        .map(|difference| {
            (
                difference["kind"].as_str().unwrap(),
                difference["member"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("member-order", None),
            ("only-published", Some("d.txt")),
            ("only-rebuilt", Some("evil.txt")),
            ("contents", Some("a.txt")),
        ]
    );
    assert_eq!(found[0]["published"], "b.txt");
    // SHA-256 of "e\n" by sha256sum.
    assert_eq!(
        found[2]["sha256"],
        "a2bbdb2de53523b8099b37013f251546f3d65dbe7a0774fa41af0a4176992fd4"
    );
    assert!(found[3]["diff"].to_string().contains("two"), "{}", found[3]);
    assert!(!unexplained(&report).is_empty());

    let (_, found) = inner("packed_text_change");
    assert_eq!((found.len(), &found[0]["kind"]), (1, &"contents".into()));
    assert!(found[0]["diff"].to_string().contains("one"), "{}", found[0]);

    // What cannot be unpacked is told by its sizes.
    let (report, found) = inner("packed_badly");
    assert!(found.is_empty());
    assert!(!unexplained(&report).is_empty());
}

#[test]
fn the_level_that_zlib_was_told_is_named() {
    let level = report("level", 1);
    let cause = &level["causes"][0];
    let sentence = cause["sentence"].as_str().unwrap();
    assert!(sentence.contains("9, rebuilt at level 1"), "{sentence}");
    let report = report("flushed", 1);
    let sentence = report["causes"][0]["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("published") && sentence.contains("no zlib level matches"),
        "{sentence}"
    );
}

/// Python's zlib says which levels give the bytes of a member.
#[test]
fn the_levels_of_each_member_are_those_of_pythons_zlib() {
    levels_of_members("levels");
}

#[test]
fn a_level_that_members_have_in_common_is_tried_first() {
    levels_of_members("levels_alike");
}

fn levels_of_members(scenario: &str) {
    let directory = tempfile::tempdir().unwrap();
    let files = pair("explain.py", directory.path(), scenario);
    let expected = std::fs::read(directory.path().join("levels.json")).unwrap();
    let expected: BTreeMap<String, Value> = serde_json::from_slice(&expected).unwrap();
    assert!(expected.len() > 8, "{expected:?}");
    let mut reports = Vec::new();
    for threads in ["1", "2", "5"] {
        let mut command = wheelproof();
        command.env("RAYON_NUM_THREADS", threads);
        command.arg("explain").args(&files);
        reports.push(
            wait(start(command.args(["--format", "json"])))
                .expect(1)
                .json(),
        );
    }
    assert!(reports.iter().all(|report| *report == reports[0]));
    let found: BTreeMap<String, Value> = reports[0]["differences"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|difference| difference["kind"] == "compression")
        .map(|difference| {
            let levels = ["published", "rebuilt"].map(|side| &difference[side]["zlib_levels"]);
            let member = difference["member"].as_str().unwrap();
            (member.to_owned(), serde_json::json!(levels))
        })
        .collect();
    assert_eq!(found, expected);
    let evidence = reports[0]["causes"][0]["evidence"][0].as_str().unwrap();
    let tried = format!("zlib tried on {} of them", expected.len() - 1);
    assert!(evidence.ends_with(&tried), "{evidence}");
}

#[test]
fn what_is_unexplained_says_what_was_seen_of_it() {
    for (scenario, seen) in [
        (
            "encrypted",
            &["probe/__init__.py: flags differ (0x0001 → 0x0000)"][..],
        ),
        (
            "link",
            &["probe/lib.so: file type differs (symbolic link, mode 120777 → file, mode 100644)"],
        ),
        ("cut_object", &["probe/x.so: published cannot be read: "]),
        (
            "opaque",
            &["probe/x.dat: contents differ (1,280 bytes → 256 bytes), and nothing smaller"],
        ),
        (
            "long_line",
            &["probe/c.py: lines from 1: …same same same same 1' → …same same same same 2'\n"],
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let files = pair("explain.py", directory.path(), scenario);
        let said = explain(&files, &[]).expect(1).out();
        for words in seen {
            assert!(said.contains(words), "{scenario}\n{said}");
        }
        assert!(!said.contains("cause["), "{scenario}\n{said}");
    }
}

#[test]
fn what_nobody_can_account_for_is_unexplained() {
    for (scenario, member, alarming) in [
        ("requirement_changed", "probe-1.0.dist-info/METADATA", false),
        ("evil_line", "probe/a.py", false),
        ("other_name", "probe-1.0.dist-info/METADATA", false),
        ("bytecode_code", "probe/a.pyc", false),
        ("extra_member", "probe/evil.py", true),
        ("description_changed", "probe-1.0.dist-info/METADATA", false),
        ("version_that_runs", "probe/_version.py", false),
        ("trailing", "", false),
        ("foreign_licence", "probe-1.0.dist-info/LICENSE.py", true),
        ("json_of_any_name", "probe/bom.json", false),
        (
            "sbom_component",
            "probe-1.0.dist-info/sboms/x.cdx.json",
            false,
        ),
        ("empty_package", "examples/__init__.py", true),
        ("moved_code", "probe/a.py", false),
    ] {
        let report = report(scenario, 1);
        assert_eq!(names(&report), Vec::<String>::new(), "{scenario}");
        let unexplained = unexplained(&report);
        assert_eq!(unexplained.len(), 1, "{scenario}: {unexplained:?}");
        assert_eq!(
            unexplained[0]["member"].as_str().unwrap_or_default(),
            member,
            "{scenario}"
        );
        assert_eq!(unexplained[0]["is_alarming"], alarming, "{scenario}");
    }
}

/// The classes of a pair: what is explained has no entry in either list.
fn attributed(report: &Value) -> Vec<(String, String)> {
    let text = |found: &Value, key: &str| found[key].as_str().unwrap_or_default().to_owned();
    let list = report["attributed"].as_array().unwrap();
    list.iter()
        .map(|found| (text(found, "cause"), text(found, "member")))
        .collect()
}

#[test]
fn what_follows_byte_for_byte_is_explained_and_the_rest_is_attributed() {
    for (scenario, is_derived) in [
        ("epoch", true),
        ("umask", true),
        ("umask_of_a_program", true),
        ("zone", true),
        ("member_order", true),
        ("record_order", true),
        ("level", true),
        ("extra", true),
        ("creator_version", true),
        ("requirement_spelling", false),
        ("unknown_platform", true),
        ("hash_seed", true),
        ("locale_order", true),
        ("permuted_lines", true),
        ("set_in_keywords", true),
        ("sbom", true),
        ("sbom_order", true),
        ("licences_moved", true),
        ("line_ends", true),
        ("epoch_of_1980", true),
        ("epoch_of_nothing", true),
        // No file has that name, so no tool wrote the field.
        ("license_file", false),
        // Nothing says which of the two dates the builds had.
        ("build_date", false),
        ("build_path", false),
        ("bytecode", false),
        ("bytecode_path", false),
        ("nested", false),
        ("packed", false),
        ("archive_modes", false),
        ("version_from_git", false),
    ] {
        let report = report(scenario, 1);
        assert_eq!(
            attributed(&report).is_empty(),
            is_derived,
            "{scenario}: {}",
            report["attributed"]
        );
        assert_eq!(unexplained(&report), Vec::<Value>::new(), "{scenario}");
    }
    let report = report("build_path", 1);
    let own = ("build-path".to_owned(), "probe/conf.py".to_owned());
    assert_eq!(attributed(&report), [own]);
}

/// Sentences and advice of pairs that were once put down to something else.
#[test]
fn a_cause_says_what_was_and_advises_nothing_that_was_done() {
    for (scenario, said, never) in [
        ("record_order_of_maturin", "maturin", "wheel project"),
        (
            "mode_of_record_alone",
            "RECORD alone has another mode",
            "source",
        ),
        ("epoch_of_1980", "SOURCE_DATE_EPOCH=315532800", "unset"),
        ("constant_of_the_tool", "unset", "SOURCE_DATE_EPOCH=1"),
        ("epoch_of_nothing", "SOURCE_DATE_EPOCH was 0", "freeze"),
        ("build_environment", "build tools", "build in the directory"),
        ("late_record", "wheel tags", "SOURCE_DATE_EPOCH"),
        ("beside_wheel", "wheel project 0.44 or newer", "75.6.0"),
        ("sbom_order", "PYTHONHASHSEED", "SOURCE_DATE_EPOCH"),
        ("sbom_path", "/tmp/one", "SOURCE_DATE_EPOCH"),
        (
            "bytecode_path",
            "/build/pip-unpacked-wheel-j79n_99h",
            "header",
        ),
    ] {
        let report = report(scenario, 1);
        let cause = &report["causes"][0];
        let text = format!("{} {}", cause["sentence"], cause["advice"]);
        assert!(text.contains(said), "{scenario}: {text}");
        assert!(!text.contains(never), "{scenario}: {text}");
    }
}

/// auditwheel takes libraries from the system that repairs; nothing at hand yields them.
#[test]
fn the_libraries_of_a_repair_are_named_and_alarm() {
    let report = report("repaired", 1);
    assert_eq!(names(&report), ["wheel-repair"]);
    let unexplained = unexplained(&report);
    assert_eq!(unexplained.len(), 1);
    assert_eq!(unexplained[0]["member"], "probe.libs/libz-0123abcd.so.1");
    assert_eq!(unexplained[0]["is_alarming"], true);
}

/// A foreign change in a pair that has a cause: the long run is `scripts/plant-changes`.
#[test]
fn no_foreign_change_is_counted_as_explained() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/plant-changes");
    let done = Command::new("python3")
        .arg(program)
        .arg(directory.path().join("work"))
        .args(["--count", "400", "--seed", "suite", "--wheelproof"])
        .arg(env!("CARGO_BIN_EXE_wheelproof"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let trouble = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}\n{trouble}");
    assert!(said.contains("400 told"), "{said}");
}

#[test]
fn several_causes_hold_at_once_and_the_rest_stays() {
    let report = report("mixed", 1);
    assert_eq!(names(&report), ["epoch", "license-file-field", "umask"]);
    let unexplained = unexplained(&report);
    assert_eq!(unexplained.len(), 1);
    assert_eq!(unexplained[0]["member"], "probe/b.py");
    assert!(unexplained[0]["what"].as_str().unwrap().contains("x = 1"));
}

#[test]
fn a_member_without_source_is_told_from_one_that_the_sdist_has() {
    let directory = tempfile::tempdir().unwrap();
    let files = pair("explain.py", directory.path(), "extra_member");
    let sdist = directory.path().join("probe-1.0.tar.gz");
    // The same file, another name, and the same name with other contents.
    for (member, contents, is_alarming) in [
        ("probe/evil.py", "import evil\\n", false),
        ("probe/other.py", "import evil\\n", true),
        ("probe/evil.py", "import good\\n", true),
    ] {
        let program = format!(
            "import io, tarfile\nt = tarfile.open({sdist:?}, 'w:gz')\n\
             d = b'{contents}'\n\
             i = tarfile.TarInfo('probe-1.0/src/{member}')\ni.size = len(d)\n\
             t.addfile(i, io.BytesIO(d))\nt.close()"
        );
        let made = Command::new("python3").args(["-c", &program]).status();
        assert!(made.unwrap().success());
        let sdist = sdist.to_str().unwrap();
        let report = explain(&files, &["--sdist", sdist, "--format", "json"])
            .expect(1)
            .json();
        let causes = names(&report);
        if is_alarming {
            assert_eq!(causes, Vec::<String>::new());
            assert_eq!(unexplained(&report)[0]["is_alarming"], true);
            let text = explain(&files, &["--sdist", sdist]).expect(1).out();
            let second = text.lines().nth(1).unwrap();
            assert!(second.starts_with("UNEXPLAINED: probe/evil.py"), "{text}");
        } else {
            assert_eq!(causes, ["tree-instead-of-sdist"]);
            assert!(unexplained(&report).is_empty());
        }
    }
}

#[test]
fn the_codes_are_those_of_diff() {
    let directory = tempfile::tempdir().unwrap();
    let files = pair("explain.py", directory.path(), "identical");
    let same = explain(&files, &[]).expect(0);
    assert!(same.out().starts_with("identical"), "{}", same.out());
    assert_eq!(explain(&files, &["--quiet"]).expect(0).out(), "");
    let missing = [files[0].clone(), directory.path().join("none.whl")];
    let trouble = explain(&missing, &[]).expect(3);
    assert!(trouble.err().contains("none.whl") && trouble.out().is_empty());
    let no_wheel = [files[0].clone(), directory.path().join("x.whl")];
    std::fs::write(&no_wheel[1], "no wheel").unwrap();
    let trouble = explain(&no_wheel, &["--format", "json"]).expect(3).json();
    assert_eq!(trouble["verdict"], "error");
    let message = trouble["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("x.whl is no wheel that can be read"),
        "{message}"
    );
    explain(&files, &["--no-such-flag"]).expect(2);
}

#[test]
fn ten_lines_are_enough_and_full_has_everything() {
    let directory = tempfile::tempdir().unwrap();
    let files = pair("explain.py", directory.path(), "mixed");
    let short = explain(&files, &[]).expect(1).out();
    assert!(short.lines().count() <= 10, "{short}");
    // What is not explained comes first, right under the headline.
    assert!(
        short.lines().nth(1).unwrap().starts_with("unexplained"),
        "{short}"
    );
    let full = explain(&files, &["--full"]).expect(1).out();
    for text in [
        "umask 022",
        "SHA-256",
        "+License-File: LICENSE",
        "probe/b.py: contents differ",
    ] {
        assert!(full.contains(text), "{text} is not in\n{full}");
    }
    assert!(!full.contains('\u{1b}'));
    let coloured = explain(&files, &["--color", "always"]).expect(1).out();
    assert!(coloured.contains("\u{1b}["), "{coloured}");
}

#[test]
fn hostile_names_stay_text_on_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let files = pair("explain.py", directory.path(), "hostile_names");
    for form in [&[][..], &["--full"], &["--format", "json"]] {
        let out = explain(&files, form).expect(1).out();
        assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out:?}");
    }
}

#[test]
fn the_report_is_written_to_files_too() {
    let directory = tempfile::tempdir().unwrap();
    let files = pair("explain.py", directory.path(), "license_file");
    let to = directory.path().join("report.json");
    let out = explain(
        &files,
        &["--format", "json", "--report", to.to_str().unwrap()],
    )
    .expect(1);
    assert_eq!(std::fs::read(&to).unwrap(), out.stdout);
}

#[test]
fn every_cause_has_a_paragraph_and_every_paragraph_a_cause() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/explaining.md");
    let text = std::fs::read_to_string(manual).unwrap();
    let mut headings: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
        .collect();
    let mut causes: Vec<&str> = wheelproof::explain::causes()
        .iter()
        .map(|kind| kind.name)
        .collect();
    headings.sort_unstable();
    causes.sort_unstable();
    assert_eq!(headings, causes);
    // Each stands below the heading of its family.
    let mut family = "";
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            family = heading;
        }
        let name = line
            .strip_prefix("### `")
            .and_then(|rest| rest.strip_suffix('`'));
        if let Some(kind) = name.and_then(wheelproof::explain::cause) {
            assert_eq!(kind.family.title(), family, "{}", kind.name);
        }
    }
}

#[test]
fn a_recorded_environment_compares_with_a_live_one() {
    let python = "/usr/bin/python3";
    if !Path::new(python).exists() {
        crate::skipped!("{python} is not there");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let recorded = run(wheelproof().args(["explain", "--record-environment", python])).expect(0);
    let mut value = recorded.json();
    assert_eq!(value["schema"], "wheelproof.environment/1");
    // As Python itself says it.
    let asked = Command::new(python)
        .args([
            "-c",
            "import sysconfig; print(sysconfig.get_config_var('CFLAGS'))",
        ])
        .output()
        .unwrap();
    let flags = String::from_utf8(asked.stdout).unwrap();
    let flags = flags.trim_end_matches('\n');
    assert_eq!(value["sections"]["sysconfig"]["CFLAGS"], flags);

    let same = directory.path().join("same.json");
    std::fs::write(&same, &recorded.stdout).unwrap();
    let mut compare = wheelproof();
    compare
        .args(["explain", "--environment"])
        .arg(&same)
        .arg(python);
    assert!(run(&mut compare).expect(0).out().starts_with("the same"));

    value["sections"]["sysconfig"]["CFLAGS"] = format!("{flags} -fprobe").into();
    value["sections"]["process"]["umask"] = "077".into();
    let other = directory.path().join("other.json");
    std::fs::write(&other, value.to_string()).unwrap();
    let mut compare = wheelproof();
    compare
        .args(["explain", "--format", "json", "--environment"])
        .arg(&other)
        .arg(&same);
    let report = run(&mut compare).expect(1).json();
    let found = report["differences"].as_array().unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0]["what"], "process umask");
    assert_eq!(found[0]["reach"], "every-wheel");
    assert_eq!(found[1]["published"], serde_json::json!(["-fprobe"]));

    std::fs::write(&other, "{}").unwrap();
    let mut compare = wheelproof();
    compare
        .args(["explain", "--environment"])
        .arg(&other)
        .arg(&same);
    assert!(
        run(&mut compare)
            .expect(3)
            .err()
            .contains("not a recorded environment")
    );
}

/// No damage of a shared object or of its debug information ends the program, or
/// takes long.
#[test]
fn damaged_objects_are_read_as_far_as_they_go() {
    if !has_program("cc") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("probe.c");
    let object = directory.path().join("probe.so");
    std::fs::write(
        &source,
        "const char *text = \"a text to find\"; int probe(int x) { return x * 3; }\n",
    )
    .unwrap();
    let compiled = Command::new("cc")
        .args(["-g", "-O2", "-shared", "-fPIC", "-o"])
        .args([&object, &source])
        .status();
    assert!(compiled.unwrap().success());
    let whole = std::fs::read(&object).unwrap();
    let facts = wheelproof::elf::Facts::read(&whole).unwrap();
    assert!(facts.exports.contains("probe") && facts.damage.is_empty());
    assert!(facts.texts.unwrap().contains("a text to find"));
    let flags: Vec<_> = facts
        .producers
        .iter()
        .flat_map(|producer| &producer.flags)
        .collect();
    assert!(
        flags.iter().any(|flag| *flag == "-O2") || facts.producers.is_empty(),
        "{flags:?}"
    );

    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let started = std::time::Instant::now();
    for round in 0..400 {
        let mut damaged = whole.clone();
        for _ in 0..=random(20) {
            let at = random(damaged.len());
            damaged[at] = u8::try_from(random(256)).unwrap();
        }
        if round % 5 == 0 {
            damaged.truncate(random(damaged.len()));
        }
        // What matters is that it comes back.
        let _ = wheelproof::elf::Facts::read(&damaged);
    }
    assert!(started.elapsed().as_secs() < 60);
}
