//! The kit of cases: a fault and its innocent neighbour, many times over.
//!
//! In: `fixtures/cases`. Out: a directory for each side, made and signed, in which a
//! command is to be run. CPython makes the files (`fixtures/cases/make.py`), Sequoia
//! the certificates and signatures, so the program under test has no part in what it
//! is asked about. The runner and `examples/make-cases.rs` both use this.

#![allow(dead_code, reason = "each user needs a part of it")]

pub(crate) mod format;
mod openpgp;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use format::{Case, Change, Side};

/// Returns what to run in a side's directory, without the name of the program.
pub(crate) fn arguments(side: &Side) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in side.command.iter().chain(&side.flags).chain(&side.last) {
        let mut word = word.replace("{time}", &side.time);
        for certificate in &side.certificate {
            let name = format!("{{fingerprint:{}}}", certificate.name);
            if word.contains(&name)
                && let Ok(signer) = openpgp::signer(certificate)
            {
                word = word.replace(&name, &signer.fingerprint().to_string());
            }
        }
        words.push(word);
    }
    words
}

/// Makes every side of these cases in `out/NAME/fault` and `out/NAME/neighbour`.
///
/// # Errors
///
/// A sentence that says which case cannot be made, and why.
pub(crate) fn make(cases: &[Case], out: &Path) -> Result<(), String> {
    make_files(cases, out)?;
    for case in cases {
        for (name, side) in case.sides() {
            let place = out.join(&case.name).join(name);
            sign(side, &place)
                .and_then(|()| change(&side.change, &place))
                .map_err(|error| format!("{}, {name}: {error}", case.name))?;
        }
    }
    Ok(())
}

/// Has CPython make the files and the manifests of all sides at once.
fn make_files(cases: &[Case], out: &Path) -> Result<(), String> {
    let mut wanted = Vec::new();
    for case in cases {
        for (name, side) in case.sides() {
            wanted.push(serde_json::json!({
                "case": case.name,
                "side": name,
                "file": side.file,
                "manifest": side.manifest,
            }));
        }
    }
    let mut python = Command::new("python3")
        .arg("-B")
        .arg(format::directory().join("make.py"))
        .arg(out)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("python3 cannot be started: {error}"))?;
    let wanted = serde_json::to_vec(&wanted).map_err(|error| error.to_string())?;
    let mut input = python.stdin.take().ok_or("python3 has no input")?;
    // Were it to end early, what it says matters and not that nobody listens.
    let _ = input.write_all(&wanted);
    drop(input);
    let output = python
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn sign(side: &Side, place: &Path) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut signers = BTreeMap::new();
    for declared in &side.certificate {
        let signer = openpgp::signer(declared)?;
        let path = declared.path.clone();
        let path = path.unwrap_or_else(|| format!("keys/{}.asc", declared.name));
        if !path.is_empty() {
            let path = place.join(path);
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(text)?;
            }
            std::fs::write(path, openpgp::certificate_file(declared, &signer)).map_err(text)?;
        }
        signers.insert(declared.name.as_str(), signer);
    }
    let path = place.join(&side.manifest.path);
    // A manifest may be a FIFO that nobody writes to, or of many gigabytes.
    let manifest = match std::fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() && found.len() < 1 << 28 => {
            std::fs::read(&path).map_err(text)?
        }
        _ => Vec::new(),
    };
    let files =
        openpgp::signature_files(&side.signature, &signers, &side.manifest.path, &manifest)?;
    let takes_its_place = |signature: &format::Signature| {
        signature.form.as_deref() == Some("clearsigned") && signature.over.is_none()
    };
    if side.signature.iter().any(takes_its_place) {
        std::fs::remove_file(&path).map_err(text)?;
    }
    for (path, bytes) in files {
        std::fs::write(place.join(path), bytes).map_err(text)?;
    }
    Ok(())
}

fn change(changes: &[Change], place: &Path) -> Result<(), String> {
    for change in changes {
        let path = place.join(&change.path);
        let wrong = |error: std::io::Error| format!("{}: {error}", change.path);
        let mut bytes = std::fs::read(&path).map_err(wrong)?;
        if let Some(keep) = change.keep {
            bytes.truncate(keep);
        }
        if let Some(find) = &change.find {
            let found = bytes
                .windows(find.len())
                .position(|window| window == find.as_bytes())
                .ok_or_else(|| format!("{}: {find:?} is not in it", change.path))?;
            let put = change.put.clone().unwrap_or_default();
            bytes.splice(found..found + find.len(), put.into_bytes());
        }
        if let Some(text) = &change.prepend {
            bytes.splice(0..0, text.bytes());
        }
        if let Some(text) = &change.append {
            bytes.extend(text.bytes());
        }
        if let Some(other) = &change.append_file {
            bytes.extend(std::fs::read(place.join(other)).map_err(wrong)?);
        }
        if change.remove || change.move_to.is_some() {
            std::fs::remove_file(&path).map_err(wrong)?;
        }
        if !change.remove {
            let to = change.move_to.as_ref().map_or(path, |to| place.join(to));
            std::fs::write(to, bytes).map_err(wrong)?;
        }
    }
    Ok(())
}

/// Returns what a stranger has to know of the cases: what to run where, and what has
/// to come of it.
pub(crate) fn told(cases: &[Case]) -> serde_json::Value {
    let of = |case: &Case, name: &str, side: &Side| {
        serde_json::json!({
            "case": case.name,
            "side": name,
            "directory": format!("{}/{name}", case.name),
            "shows": case.shows,
            "rows": case.rows,
            "time": side.time,
            "arguments": arguments(side),
            "environment": side.environment,
            "exit": side.exit,
            "errors": side.errors,
            "warnings": side.warnings,
            "notes": side.notes,
            "says": side.says,
            "report": side.report,
            "manifest": side.manifest.path,
            "memory_mib": side.memory_mib,
            "ordinary_user": side.ordinary_user,
            "written_meanwhile": side.written_meanwhile,
            "interrupted_after": side.interrupted_after,
        })
    };
    let sides = cases
        .iter()
        .flat_map(|case| case.sides().map(|(name, side)| of(case, name, side)));
    serde_json::json!({ "schema": "wheelproof.cases/1", "sides": sides.collect::<Vec<_>>() })
}
