//! `wheelproof init`: what it writes has to be a policy, and to say what lies
//! there.

use std::path::Path;
use std::process::Command;

use sequoia::types::ReasonForRevocation;
use sequoia_openpgp as sequoia;

use crate::common::{FILES, House, Outcome, fixture, run, wheelproof};
use crate::signing::{Signer, TODAY};
use wheelproof::policy::Policy;

fn command(house: &House, flags: &[&str]) -> Command {
    let mut command = wheelproof();
    command
        .current_dir(house.at(""))
        .args(["init", ".", "--time", TODAY])
        .args(flags);
    command
}

fn text(house: &House) -> String {
    std::fs::read_to_string(house.at("wheelproof.toml")).unwrap()
}

fn policy(house: &House) -> Policy {
    Policy::load(&house.at("wheelproof.toml")).unwrap()
}

/// Verifies with nothing but the policy.
#[track_caller]
fn verify(house: &House) -> Outcome {
    let mut command = wheelproof();
    command
        .current_dir(house.at(""))
        .args(["verify", ".", "--time", TODAY]);
    run(&mut command)
}

#[test]
fn the_policy_of_a_good_house_verifies_it() {
    let house = House::new();
    let outcome = run(&mut command(&house, &["--format", "json"])).expect(0);
    assert_eq!(outcome.json()["written"][0]["change"], "created");
    let policy = policy(&house);
    assert_eq!(policy.trust.certificates, [house.at("keys")]);
    let signers: Vec<_> = policy.trust.signers.iter().cloned().collect();
    assert_eq!(signers, [house.signer.fingerprint()]);
    assert_eq!(policy.wheelhouse.manifest, Some(house.at("sha256sums.txt")));
    assert_eq!(
        policy.wheelhouse.signatures,
        [house.at("sha256sums.txt.asc")]
    );
    assert_eq!(policy.wheelhouse.directory, Some(house.at("wheels")));
    assert!(text(&house).contains("CHECK THESE FINGERPRINTS"));
    verify(&house).expect(0);
    // The neighbour: somebody else signs, with a certificate in keys/.
    let other = Signer::ordinary(2);
    house.write("keys/other.asc", other.certificate());
    house.write(
        "sha256sums.txt.asc",
        other.sign_plainly(House::lines().as_bytes()),
    );
    verify(&house).expect(1);
}

#[test]
fn a_policy_that_is_there_stays_unless_forced() {
    let house = House::new();
    house.write("wheelproof.toml", "# mine\n");
    let outcome = run(&mut command(&house, &[])).expect(2);
    assert!(outcome.err().contains("--force"));
    assert_eq!(text(&house), "# mine\n");
    let outcome = run(&mut command(&house, &["--force", "--format", "json"])).expect(0);
    assert_eq!(outcome.json()["written"][0]["change"], "replaced");
    verify(&house).expect(0);
    // A link is not written through, forced or not.
    house.remove("wheelproof.toml");
    house.write("elsewhere", "# theirs\n");
    std::os::unix::fs::symlink("elsewhere", house.at("wheelproof.toml")).unwrap();
    run(&mut command(&house, &[])).expect(2);
    run(&mut command(&house, &["--force"])).expect(3);
    assert_eq!(std::fs::read(house.at("elsewhere")).unwrap(), b"# theirs\n");
}

#[test]
fn signers_who_do_not_count_are_named_in_a_comment_only() {
    let house = House::new();
    let revoked = Signer::ordinary(2).revoked(TODAY, ReasonForRevocation::KeyCompromised);
    house.write("pubkeys", "no directory");
    house.write("keys/revoked.asc", revoked.certificate());
    let stranger = Signer::ordinary(3);
    let manifest = House::lines();
    let mut blocks = revoked.sign_plainly(manifest.as_bytes());
    blocks.extend(stranger.sign_plainly(manifest.as_bytes()));
    blocks.extend(house.signer.sign_plainly(manifest.as_bytes()));
    house.write("sha256sums.txt.asc", blocks);
    run(&mut command(&house, &[])).expect(0);
    let policy = policy(&house);
    assert_eq!(policy.trust.signers.len(), 1);
    let text = text(&house);
    let line = text
        .lines()
        .find(|line| line.contains(revoked.fingerprint().as_str()))
        .unwrap();
    assert!(line.starts_with('#') && line.contains("revoked"), "{line}");
    assert!(!text.contains(stranger.fingerprint().as_str()));
}

#[test]
fn the_time_in_the_wheels_is_a_guess_in_a_comment() {
    let house = House::new();
    run(&mut command(&house, &[])).expect(0);
    // The fixtures were built with this, as fixtures/wheelhouse/wheelproof.toml
    // says.
    let own = Policy::load(&fixture("wheelhouse/wheelproof.toml")).unwrap();
    let Some(wheelproof::policy::Epoch::At(epoch)) = own.rebuild.recipe.source_date_epoch else {
        panic!("no epoch");
    };
    assert!(
        text(&house).contains(&format!("# source-date-epoch = {epoch}")),
        "{}",
        text(&house)
    );
    assert_eq!(policy(&house).rebuild.recipe.source_date_epoch, None);
}

#[test]
fn interpreters_are_those_on_the_path() {
    let house = House::new();
    std::fs::create_dir(house.at("bin")).unwrap();
    for name in ["python3", "python3.11"] {
        house.write(&format!("bin/{name}"), "#!/bin/sh\n");
        house.mode(&format!("bin/{name}"), 0o755);
    }
    for name in [
        "x-1-cp311-cp311-linux_x86_64.whl",
        "y-1-cp39-abi3-linux_x86_64.whl",
    ] {
        std::fs::write(house.wheel(name), "no archive").unwrap();
    }
    run(command(&house, &[]).env("PATH", house.at("bin"))).expect(0);
    let found = policy(&house).rebuild.interpreters;
    let found: Vec<_> = found
        .iter()
        .map(|(tag, programs)| (tag.as_str(), programs[0].python.as_path()))
        .collect();
    assert_eq!(
        found,
        [
            ("cp311", Path::new("python3.11")),
            ("py3", Path::new("python3"))
        ]
    );
    assert!(text(&house).contains("# cp39 = "));
}

#[test]
fn what_is_not_there_yet_is_left_open() {
    let house = House::new();
    house.remove("sha256sums.txt");
    house.remove("sha256sums.txt.asc");
    run(&mut command(&house, &[])).expect(0);
    let open = policy(&house);
    assert!(open.trust.signers.is_empty() && open.wheelhouse.manifest.is_none());
    assert_eq!(open.trust.certificates, [house.at("keys")]);
    // Then the other commands fill it in.
    run(wheelproof()
        .current_dir(house.at(""))
        .args(["manifest", "."]))
    .expect(0);
    house.write("secret", house.signer.secret_certificate());
    let mut sign = wheelproof();
    sign.current_dir(house.at(""))
        .args(["sign", ".", "--key-file", "secret", "--time", TODAY]);
    run(&mut sign).expect(0);
    house.remove("secret");
    run(&mut command(&house, &["--force"])).expect(0);
    assert_eq!(policy(&house).trust.signers.len(), 1);
    verify(&house).expect(0);
}

#[test]
fn the_project_that_the_manifest_states_is_pinned() {
    let house = House::new();
    house.sign(format!("# wheelproof: project=ours\n{}", House::lines()));
    run(&mut command(&house, &[])).expect(0);
    let project = policy(&house).wheelhouse.project.unwrap();
    assert_eq!(project.to_string(), "ours");
    verify(&house).expect(0);
    // The neighbour: the same signer, another project.
    house.sign(format!("# wheelproof: project=theirs\n{}", House::lines()));
    verify(&house).expect(1);
}

#[test]
fn certificates_can_be_named() {
    let house = House::new();
    std::fs::rename(house.at("keys"), house.at("elsewhere")).unwrap();
    run(&mut command(&house, &[])).expect(0);
    assert!(policy(&house).trust.certificates.is_empty());
    run(&mut command(&house, &["--force", "--certs", "elsewhere"])).expect(0);
    assert_eq!(policy(&house).trust.certificates, [house.at("elsewhere")]);
    verify(&house).expect(0);
    let outside = House::new();
    let path = outside.at("keys").canonicalize().unwrap();
    let named = path.to_str().unwrap();
    run(&mut command(&house, &["--force", "--certs", named])).expect(0);
    assert_eq!(policy(&house).trust.certificates, [path]);
    run(&mut command(&house, &["--force", "--certs", "nowhere"])).expect(3);
    verify(&house).expect(0);
}

#[test]
fn nothing_at_all_gets_no_policy() {
    let house = House::new();
    for name in FILES {
        std::fs::remove_file(house.wheel(name)).unwrap();
    }
    for name in ["sha256sums.txt", "sha256sums.txt.asc", "keys/signer.asc"] {
        house.remove(name);
    }
    run(&mut command(&house, &[])).expect(4);
    assert!(!house.at("wheelproof.toml").exists());
    run(wheelproof().arg("init").arg(house.at("nothing"))).expect(2);
}
