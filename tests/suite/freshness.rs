//! Good signatures over the wrong manifest: of another project, or of another day.

use std::process::{Command, Stdio};

use crate::common::{House, run};

/// Returns a house whose manifest has these lines before the list.
fn house_with(lines: &str) -> House {
    let house = House::new();
    house.sign(format!("{lines}{}", House::lines()));
    house
}

// The project.

#[test]
fn a_pinned_project_has_to_be_stated_exactly() {
    for (lines, errors) in [
        ("# wheelproof: project=example\n", &[][..]),
        ("# other\n\n# wheelproof: project=example\n", &[]),
        ("", &["manifest-project-missing"]),
        ("# project=example\n", &["manifest-project-missing"]),
        (
            "#wheelproof: project=example\n",
            &["manifest-project-missing"],
        ),
        (
            "# wheelproof: project = example\n",
            &["manifest-project-missing"],
        ),
        (
            " # wheelproof: project=example\n",
            &["manifest-project-missing", "manifest-line-malformed"],
        ),
        (
            "# wheelproof: project=another\n",
            &["manifest-project-differs"],
        ),
        (
            "# wheelproof: project=Example\n",
            &["manifest-project-differs"],
        ),
        (
            "# wheelproof: project=example2\n",
            &["manifest-project-differs"],
        ),
        (
            "# wheelproof: project=example \n",
            &["manifest-project-missing", "manifest-line-malformed"],
        ),
        (
            "# wheelproof: project=\n",
            &["manifest-project-missing", "manifest-line-malformed"],
        ),
        (
            "# wheelproof: project=ex\u{430}mple\n",
            &["manifest-project-missing", "manifest-line-malformed"],
        ),
        (
            "# wheelproof: project=example\n# wheelproof: project=another\n",
            &["manifest-line-malformed"],
        ),
        (
            "# wheelproof: project=another\n# wheelproof: project=example\n",
            &["manifest-project-differs", "manifest-line-malformed"],
        ),
        (
            "# wheelproof: project=example\n# wheelproof: project=example\n",
            &["manifest-line-malformed"],
        ),
    ] {
        let house = house_with(lines);
        let outcome = house.check(&["--project", "example"]);
        assert_eq!(outcome.errors(), errors, "{lines:?}");
        outcome.expect(i32::from(!errors.is_empty()));
        house.write("wheelproof.toml", "[wheelhouse]\nproject = \"example\"\n");
        assert_eq!(house.check(&[]).errors(), errors, "{lines:?}");
        // sha256sum passes over comments.
        let theirs = run(Command::new("sha256sum")
            .current_dir(house.at("wheels"))
            .args(["--check", "--strict", "--quiet", "../sha256sums.txt"])
            .stdin(Stdio::null()));
        assert_eq!(theirs.code == Some(0), !lines.starts_with(' '), "{lines:?}");
    }
}

#[test]
fn a_stated_project_without_a_pin_is_shown_and_changes_nothing() {
    let house = house_with("# wheelproof: project=example\n");
    let report = house.check(&[]).expect(0).json();
    assert_eq!(report["manifest"]["project"], "example");
    let text = house.text(&[]).expect(0).out();
    assert!(text.contains("6 files, of project example\n"), "{text}");
    let report = House::new().check(&[]).expect(0).json();
    assert_eq!(report["manifest"]["project"], serde_json::Value::Null);
    // What nobody trusted signed states nothing.
    house.write(
        "sha256sums.txt.asc",
        crate::signing::Signer::ordinary(9).sign_plainly(b"x"),
    );
    let report = house.check(&[]).expect(1).json();
    assert_eq!(report["manifest"]["project"], serde_json::Value::Null);
}

#[test]
fn the_flag_wins_over_the_policy_and_has_to_be_a_name() {
    let house = house_with("# wheelproof: project=example\n");
    house.write("wheelproof.toml", "[wheelhouse]\nproject = \"another\"\n");
    house.check(&[]).expect(1);
    house.check(&["--project", "example"]).expect(0);
    house.check(&["--project", "a b"]).expect(2);
}
