//! What a recipe says of the machine that built.
//!
//! In: what was written down there, and what is found here. Out: where the two
//! disagree. None of it can be enforced: a compiler is the one that is installed.
//! A wheel may come back all the same, so a disagreement is no verdict.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;

/// What is known of a machine. What is `None` was not written down, and is not
/// compared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Machine {
    /// The compiler that `sysconfig` names. Only compiled wheels depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compiler: Option<Program>,
    /// The C library. Only compiled wheels depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub c_library: Option<CLibrary>,
    /// Python's own headers. Only compiled wheels depend on them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
    /// The interpreter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<InterpreterIdentity>,
    /// The linker. Only compiled wheels depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linker: Option<Program>,
    /// The version of the zlib that the interpreter compresses with, as
    /// `zlib.ZLIB_RUNTIME_VERSION` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zlib: Option<String>,
}

/// Which interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterpreterIdentity {
    /// `cpython`, `pypy`, ….
    pub implementation: String,
    /// The package of the distribution and its version, `python3.11-minimal
    /// 3.11.2-6+deb12u6`; `None` where no package owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The path it had.
    pub path: String,
    /// The digest of the executable.
    pub sha256: Sha256Digest,
    /// The digest of its own sysconfig data, see [`super::Sysconfig`].
    pub sysconfig_sha256: Sha256Digest,
    /// `3.11.2`.
    pub version: String,
}

/// Which compiler, or linker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The name it is called by.
    pub command: String,
    /// The package of the distribution and its version; `None` where no package
    /// owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The digest of the executable.
    pub sha256: Sha256Digest,
    /// The first line that `--version` prints.
    pub version: String,
}

/// Which C library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CLibrary {
    /// The package with its headers and its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Name and version, `glibc 2.36`.
    pub version: String,
}

/// Which headers of Python.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Headers {
    /// The package of the distribution and its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The include path, which debug information repeats.
    pub path: String,
    /// The digest of the list of its files, as of an input.
    pub sha256: Sha256Digest,
}

/// Something that is not as the recipe says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// What, in words for people.
    pub what: &'static str,
    /// What the recipe says.
    pub expected: String,
    /// What there is.
    pub found: String,
}

impl Machine {
    /// Returns whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// Returns where another machine is not this one. What only compiled wheels
    /// depend on is left out where nothing is compiled.
    pub fn mismatches(&self, found: &Self, compiled: bool) -> Vec<Mismatch> {
        let mut all = Vec::new();
        let mut compare = |what, expected: Option<String>, found: Option<String>| {
            if let Some(expected) = expected
                && found.as_ref() != Some(&expected)
            {
                let found = found.unwrap_or_else(|| "not known here".to_owned());
                all.push(Mismatch {
                    what,
                    expected,
                    found,
                });
            }
        };
        let of = |machine: &Self, part: fn(&InterpreterIdentity) -> Option<String>| {
            machine.interpreter.as_ref().and_then(part)
        };
        for (what, part) in INTERPRETER_PARTS {
            compare(what, of(self, *part), of(found, *part));
        }
        compare("zlib", self.zlib.clone(), found.zlib.clone());
        if !compiled {
            return all;
        }
        for (what, part) in COMPILED_PARTS {
            compare(what, part(self), part(found));
        }
        all
    }
}

type Part<T> = (&'static str, fn(&T) -> Option<String>);

const INTERPRETER_PARTS: &[Part<InterpreterIdentity>] = &[
    ("interpreter", |it| {
        Some(format!("{} {}", it.implementation, it.version))
    }),
    ("interpreter's package", |it| it.package.clone()),
    ("interpreter's executable", |it| Some(it.sha256.to_string())),
];

const COMPILED_PARTS: &[Part<Machine>] = &[
    ("compiler", |it| Some(it.compiler.as_ref()?.version.clone())),
    ("compiler's package", |it| {
        it.compiler.as_ref()?.package.clone()
    }),
    ("compiler's executable", |it| {
        Some(it.compiler.as_ref()?.sha256.to_string())
    }),
    ("linker", |it| Some(it.linker.as_ref()?.version.clone())),
    ("linker's package", |it| it.linker.as_ref()?.package.clone()),
    ("C library", |it| {
        Some(it.c_library.as_ref()?.version.clone())
    }),
    ("C library's package", |it| {
        it.c_library.as_ref()?.package.clone()
    }),
    ("Python headers' path", |it| {
        Some(it.headers.as_ref()?.path.clone())
    }),
    ("Python headers' package", |it| {
        it.headers.as_ref()?.package.clone()
    }),
    ("Python headers", |it| {
        Some(it.headers.as_ref()?.sha256.to_string())
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        let sha256 = Sha256Digest::of(b"");
        Machine {
            interpreter: Some(InterpreterIdentity {
                implementation: "cpython".to_owned(),
                package: Some("python3.11-minimal 3.11.2-6".to_owned()),
                path: "/usr/bin/python3.11".to_owned(),
                sha256,
                sysconfig_sha256: sha256,
                version: "3.11.2".to_owned(),
            }),
            compiler: Some(Program {
                command: "gcc".to_owned(),
                package: None,
                sha256,
                version: "gcc 12.2.0".to_owned(),
            }),
            zlib: Some("1.2.13".to_owned()),
            ..Machine::default()
        }
    }

    #[test]
    fn only_what_was_written_down_is_compared() {
        assert_eq!(Machine::default().mismatches(&machine(), true), []);
        assert_eq!(machine().mismatches(&machine(), true), []);
    }

    #[test]
    fn what_is_other_and_what_is_unknown_is_named_with_both_sides() {
        let mut other = machine();
        other.zlib = None;
        if let Some(interpreter) = &mut other.interpreter {
            interpreter.package = Some("python3.11-minimal 3.11.2-7".to_owned());
        }
        let said: Vec<_> = machine()
            .mismatches(&other, true)
            .into_iter()
            .map(|it| (it.what, it.expected, it.found))
            .collect();
        assert_eq!(
            said,
            [
                (
                    "interpreter's package",
                    "python3.11-minimal 3.11.2-6".to_owned(),
                    "python3.11-minimal 3.11.2-7".to_owned()
                ),
                ("zlib", "1.2.13".to_owned(), "not known here".to_owned()),
            ]
        );
    }

    #[test]
    fn a_compiler_matters_where_something_is_compiled() {
        let mut other = machine();
        other.compiler = None;
        assert_eq!(machine().mismatches(&other, false), []);
        assert_eq!(machine().mismatches(&other, true).len(), 2);
    }
}
