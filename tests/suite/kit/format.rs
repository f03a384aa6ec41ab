//! The form of a case; `fixtures/README.md` has the same in words.
//!
//! In: `fixtures/cases`. Out: for each case two sides, the one with the fault and its
//! innocent neighbour, each with everything it takes from `base.toml` and from the
//! part of the case that both share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// Where the cases are.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases")
}

/// A case: a fault and its nearest innocent neighbour.
#[derive(Debug)]
pub(crate) struct Case {
    /// The folders below `fixtures/cases`, with `/` between them.
    pub(crate) name: String,
    /// What the case shows, in a sentence.
    pub(crate) shows: String,
    /// Rows of the table of hostile input that it stands for.
    pub(crate) rows: Vec<u32>,
    pub(crate) fault: Side,
    pub(crate) neighbour: Side,
}

impl Case {
    /// Returns both sides with their names.
    pub(crate) fn sides(&self) -> [(&'static str, &Side); 2] {
        [("fault", &self.fault), ("neighbour", &self.neighbour)]
    }
}

/// How a wheelhouse is made, what is run on it, and what has to come of it.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Side {
    /// The time to judge at.
    pub(crate) time: String,
    /// The command without the name of the program.
    pub(crate) command: Vec<String>,
    /// What comes after it.
    #[serde(default)]
    pub(crate) flags: Vec<String>,
    /// What comes after everything else.
    #[serde(default)]
    pub(crate) last: Vec<String>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// The exit code.
    #[serde(default)]
    pub(crate) exit: i32,
    #[serde(default)]
    pub(crate) errors: Vec<String>,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
    #[serde(default)]
    pub(crate) notes: Vec<String>,
    /// Texts that the report has to contain.
    #[serde(default)]
    pub(crate) says: Vec<String>,
    /// The file with the report, where it is not standard output.
    pub(crate) report: Option<String>,
    /// The largest address space, in MiB.
    pub(crate) memory_mib: Option<u64>,
    /// Whether somebody has to run it whom permissions keep out.
    #[serde(default)]
    pub(crate) ordinary_user: bool,
    /// A file to write to while the program runs.
    pub(crate) written_meanwhile: Option<String>,
    /// After how many milliseconds to send SIGINT.
    pub(crate) interrupted_after: Option<u64>,

    #[serde(default)]
    pub(crate) file: Vec<File>,
    pub(crate) manifest: Manifest,
    #[serde(default)]
    pub(crate) certificate: Vec<Certificate>,
    #[serde(default)]
    pub(crate) signature: Vec<Signature>,
    #[serde(default)]
    pub(crate) change: Vec<Change>,
}

/// A file to make. `fixtures/cases/make.py` makes it and knows what the keys mean.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct File {
    pub(crate) path: Option<String>,
    raw_path: Option<String>,
    text: Option<String>,
    pub(crate) python: Option<String>,
    from: Option<String>,
    symlink: Option<String>,
    hardlink: Option<String>,
    special: Option<String>,
    sparse: Option<u64>,
    digest: Option<String>,
    mode: Option<String>,
    listed: Option<bool>,
    removed: Option<bool>,
}

/// How the manifest is made; `make.py` makes it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Manifest {
    /// Where it lies.
    pub(crate) path: String,
    /// A text or bytes from the usual lines, which are called `lines`.
    python: Option<String>,
}

/// A certificate to make.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Certificate {
    pub(crate) name: String,
    /// Decides the key: certificates with the same number have the same one.
    pub(crate) number: u8,
    pub(crate) created: Option<String>,
    pub(crate) expires: Option<String>,
    /// When the self-signature is made.
    pub(crate) bound: Option<String>,
    /// The hash of the self-signatures.
    pub(crate) hash: Option<String>,
    /// Whether the first key may sign data.
    pub(crate) signs: Option<bool>,
    pub(crate) version: Option<u8>,
    #[serde(default)]
    pub(crate) subkey: Vec<Subkey>,
    /// Further self-signatures over the user ID.
    #[serde(default)]
    pub(crate) extended: Vec<Extended>,
    #[serde(default)]
    pub(crate) revoked: Vec<Revoked>,
    /// Where it is written; nowhere when empty.
    pub(crate) path: Option<String>,
    /// Whether it is written with its secret keys.
    #[serde(default)]
    pub(crate) secret: bool,
    /// Whether it is written without armor.
    #[serde(default)]
    pub(crate) binary: bool,
}

/// A subkey to make.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Subkey {
    pub(crate) number: u8,
    pub(crate) created: Option<String>,
    pub(crate) expires: Option<String>,
    pub(crate) bound: Option<String>,
    #[serde(rename = "for")]
    pub(crate) for_use: Option<String>,
    /// Whether the subkey agrees to belong to the certificate.
    pub(crate) agrees: Option<bool>,
}

/// A further self-signature.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Extended {
    pub(crate) bound: String,
    pub(crate) expires: Option<String>,
    pub(crate) hash: Option<String>,
}

/// A revocation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Revoked {
    pub(crate) time: String,
    pub(crate) reason: String,
    /// The subkey, by its place; the certificate when it is not given.
    pub(crate) subkey: Option<usize>,
}

/// A signature to make.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Signature {
    /// The name of the certificate.
    pub(crate) by: String,
    pub(crate) subkey: Option<usize>,
    pub(crate) time: Option<String>,
    pub(crate) expires: Option<String>,
    pub(crate) hash: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// Whether the signature says which key made it.
    pub(crate) names_key: Option<bool>,
    pub(crate) form: Option<String>,
    /// Another text to sign than the manifest.
    pub(crate) over: Option<String>,
    pub(crate) path: Option<String>,
    #[serde(default)]
    pub(crate) binary: bool,
    /// Whether it stands in the armor block of the one before it.
    #[serde(default)]
    pub(crate) same_block: bool,
    /// How many times the same signature is written.
    pub(crate) times: Option<usize>,
}

/// A change to a file when everything is made and signed.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Change {
    pub(crate) path: String,
    pub(crate) keep: Option<usize>,
    pub(crate) find: Option<String>,
    pub(crate) put: Option<String>,
    pub(crate) prepend: Option<String>,
    pub(crate) append: Option<String>,
    pub(crate) append_file: Option<String>,
    pub(crate) move_to: Option<String>,
    #[serde(default)]
    pub(crate) remove: bool,
}

/// Lists that a later table adds to; everything else it replaces.
const ADDED: [&str; 4] = ["file", "certificate", "change", "flags"];

fn add(into: &mut Table, later: Table) {
    for (key, value) in later {
        match (into.get_mut(&key), value) {
            (Some(Value::Array(earlier)), Value::Array(more)) if ADDED.contains(&key.as_str()) => {
                earlier.extend(more);
            }
            (Some(Value::Table(earlier)), Value::Table(more)) => earlier.extend(more),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Keeps the last certificate of each name, where the first one stood.
fn last_of_each_name(certificates: Vec<Certificate>) -> Vec<Certificate> {
    let mut kept: Vec<Certificate> = Vec::new();
    for certificate in certificates {
        match kept.iter_mut().find(|kept| kept.name == certificate.name) {
            Some(earlier) => *earlier = certificate,
            None => kept.push(certificate),
        }
    }
    kept
}

fn side(base: &Table, common: &Table, own: Table) -> Result<Side, String> {
    let mut all = base.clone();
    add(&mut all, common.clone());
    add(&mut all, own);
    let mut side: Side = Value::Table(all).try_into().map_err(|e| format!("{e}"))?;
    side.certificate = last_of_each_name(side.certificate);
    Ok(side)
}

fn table(path: &Path) -> Result<Table, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    toml::from_str(&text).map_err(|error| error.to_string())
}

fn case(base: &Table, name: String, path: &Path) -> Result<Case, String> {
    let mut common = table(path)?;
    let mut taken = |key: &str| {
        common
            .remove(key)
            .ok_or_else(|| format!("it has no `{key}`"))
    };
    let shows: String = taken("shows")?.try_into().map_err(|e| format!("{e}"))?;
    let rows: Vec<u32> = taken("rows")?.try_into().map_err(|e| format!("{e}"))?;
    let (Value::Table(fault), Value::Table(neighbour)) = (taken("fault")?, taken("neighbour")?)
    else {
        return Err("`fault` and `neighbour` have to be tables".to_owned());
    };
    Ok(Case {
        name,
        shows,
        rows,
        fault: side(base, &common, fault)?,
        neighbour: side(base, &common, neighbour)?,
    })
}

/// Reads every case, in the order of their names.
///
/// # Errors
///
/// One sentence for each case that cannot be read.
pub(crate) fn cases() -> Result<Vec<Case>, Vec<String>> {
    let top = directory();
    let base = table(&top.join("base.toml")).map_err(|error| vec![error])?;
    let (mut cases, mut wrong) = (Vec::new(), Vec::new());
    for entry in walkdir::WalkDir::new(&top).sort_by_file_name() {
        let entry = entry.map_err(|error| vec![error.to_string()])?;
        if entry.file_name() != "case.toml" {
            continue;
        }
        let name = entry
            .path()
            .parent()
            .and_then(|path| path.strip_prefix(&top).ok());
        let name = name.and_then(Path::to_str).unwrap_or_default().to_owned();
        match case(&base, name.clone(), entry.path()) {
            Ok(case) => cases.push(case),
            Err(error) => wrong.push(format!("{name}/case.toml: {error}")),
        }
    }
    match wrong.is_empty() {
        true => Ok(cases),
        false => Err(wrong),
    }
}
