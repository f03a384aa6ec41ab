//! What CPython's `sysconfig` says of the way it was compiled.
//!
//! In: the variables as data. Out: [`Sysconfig`], named by a digest, and the text
//! of a module that holds them. The interpreter imports the module that
//! `_PYTHON_SYSCONFIGDATA_NAME` names (CPython, `Lib/sysconfig.py`), so another
//! build of the same CPython compiles as this one would.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::digest::Sha256Digest;

/// How many bytes the variables may have as canonical JSON. CPython's have 50 kB.
const MAX_BYTES: usize = 1 << 20;

/// A value; there are no others in CPython's own data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Number(i64),
    Text(String),
}

/// The variables of `sysconfig`, and their digest. Serialized, it is the digest;
/// [`Sysconfig::json`] has the variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sysconfig {
    variables: BTreeMap<String, Value>,
    sha256: Sha256Digest,
}

/// Why data is no sysconfig data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SysconfigError {
    /// It is no object of texts and whole numbers.
    #[error("not an object of texts and whole numbers: {0}")]
    Malformed(String),
    /// It is larger than any CPython's.
    #[error("more than {MAX_BYTES} bytes")]
    TooLarge,
}

impl Serialize for Sysconfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.sha256)
    }
}

impl Sysconfig {
    /// Takes the variables from a JSON value.
    ///
    /// # Errors
    ///
    /// [`SysconfigError`] when it is something else.
    pub fn from_value(value: serde_json::Value) -> Result<Self, SysconfigError> {
        let variables: BTreeMap<String, Value> = serde_json::from_value(value)
            .map_err(|error| SysconfigError::Malformed(error.to_string()))?;
        let json = serde_json::to_vec(&variables)
            .map_err(|error| SysconfigError::Malformed(error.to_string()))?;
        if json.len() > MAX_BYTES {
            return Err(SysconfigError::TooLarge);
        }
        Ok(Self {
            sha256: Sha256Digest::of(&json),
            variables,
        })
    }

    /// Reads the variables from JSON text.
    ///
    /// # Errors
    ///
    /// [`SysconfigError`] when it is something else.
    pub fn from_json(text: &[u8]) -> Result<Self, SysconfigError> {
        // White space may be added to the canonical form.
        if text.len() > 4 * MAX_BYTES {
            return Err(SysconfigError::TooLarge);
        }
        let value = serde_json::from_slice(text)
            .map_err(|error| SysconfigError::Malformed(error.to_string()))?;
        Self::from_value(value)
    }

    /// Returns the variables as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::to_value(&self.variables).unwrap_or_default()
    }

    /// Returns the SHA-256 of the variables as JSON: an object with sorted keys,
    /// without white space, everything but quotes, backslashes and control
    /// characters as itself.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// Returns the name of the module.
    pub fn module_name(&self) -> String {
        let digest = self.sha256.to_string();
        format!("_sysconfigdata_{}", digest.get(..16).unwrap_or(&digest))
    }

    /// Returns the text of the module.
    pub fn module_text(&self) -> String {
        let mut text = "build_time_vars = {\n".to_owned();
        for (name, value) in &self.variables {
            let name = python_text(name);
            match value {
                Value::Number(number) => text.push_str(&format!("{name}: {number},\n")),
                Value::Text(value) => {
                    text.push_str(&format!("{name}: {},\n", python_text(value)));
                }
            }
        }
        text.push_str("}\n");
        text
    }

    /// Returns the value of a variable that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.variables.get(name) {
            Some(Value::Text(text)) => Some(text),
            Some(Value::Number(_)) | None => None,
        }
    }
}

/// Returns a Python literal for a text, in ASCII.
fn python_text(text: &str) -> String {
    let mut literal = String::from("'");
    for character in text.chars() {
        match character {
            '\'' | '\\' => {
                literal.push('\\');
                literal.push(character);
            }
            ' '..='~' => literal.push(character),
            _ => literal.push_str(&format!("\\U{:08x}", u32::from(character))),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python reads the module, and Python writes and hashes the canonical form.
    #[test]
    fn python_reads_what_is_written_and_hashes_the_same() {
        let json =
            "{\"B\": \"it's \\\\ \\\"x\\\" \\n \u{e9}\u{1f600}\\u0000\", \"A\": -3,\n \"C\": 0}";
        let sysconfig = Sysconfig::from_json(json.as_bytes()).expect("reads");
        let script = "import hashlib, json, sys
given = json.loads(sys.argv[1])
space = {}
exec(sys.argv[2], space)
assert space['build_time_vars'] == given, space
canonical = json.dumps(given, sort_keys=True, separators=(',', ':'), ensure_ascii=False)
print(hashlib.sha256(canonical.encode()).hexdigest())";
        let answer = std::process::Command::new("python3")
            .args(["-c", script, json, &sysconfig.module_text()])
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&answer.stdout);
        assert_eq!(said.trim(), sysconfig.sha256().to_string(), "{answer:?}");
    }

    #[test]
    fn the_order_and_spacing_of_json_do_not_matter_and_its_types_do() {
        let one = Sysconfig::from_json(b"{\"A\":1,\"B\":\"x\"}").expect("reads");
        let two = Sysconfig::from_json(b" { \"B\" : \"x\", \"A\" : 1 } ").expect("reads");
        assert_eq!(one, two);
        for text in ["[]", "{\"A\":1.5}", "{\"A\":null}", "{\"A\":[1]}", "{", "1"] {
            assert!(Sysconfig::from_json(text.as_bytes()).is_err(), "{text}");
        }
    }
}
