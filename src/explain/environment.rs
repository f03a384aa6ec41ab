//! Two environments of builds, and which of their differences can change bytes.
//!
//! In: what two interpreters say of themselves and of their surroundings, live or
//! written down. Out: [`EnvironmentDifference`]s, those first that change the most
//! wheels. It is what comparing `python3 -m sysconfig` of both by eye would show.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The name and version of the format of a recorded environment.
pub const SCHEMA: &str = "wheelproof.environment/1";

/// An environment of builds: values by section and name. Nothing in it is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The format: [`SCHEMA`].
    pub schema: String,
    /// `interpreter`, `tools`, `sysconfig`, `compiler`, `libraries`, `process` and
    /// `variables`, each with names and values.
    pub sections: BTreeMap<String, BTreeMap<String, String>>,
}

/// What a difference can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// The bytes of every wheel.
    EveryWheel,
    /// Wheels with compiled extensions.
    CompiledWheels,
    /// Few wheels, whose builds look at it.
    FewWheels,
    /// No bytes that are known of: it says where things are, or how the interpreter
    /// itself was built.
    Nothing,
}

impl Reach {
    /// Returns the words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EveryWheel => "every wheel",
            Self::CompiledWheels => "compiled wheels",
            Self::FewWheels => "few wheels",
            Self::Nothing => "no bytes",
        }
    }
}

/// One value that differs. Values come from foreign files; who prints them escapes
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvironmentDifference {
    /// What it can change.
    pub reach: Reach,
    /// The section and the name in it.
    pub what: String,
    /// What only the published environment has; of flags each one.
    pub published: Vec<String>,
    /// What only the rebuilt environment has.
    pub rebuilt: Vec<String>,
}

/// Variables of sysconfig that decide how extensions are compiled, linked and named.
const COMPILING: [&str; 20] = [
    "CC",
    "CXX",
    "CFLAGS",
    "OPT",
    "LDSHARED",
    "LDCXXSHARED",
    "BLDSHARED",
    "LDFLAGS",
    "CCSHARED",
    "CPPFLAGS",
    "BASECFLAGS",
    "EXTRA_CFLAGS",
    "CONFIGURE_CFLAGS",
    "PY_CFLAGS",
    "AR",
    "ARFLAGS",
    "EXT_SUFFIX",
    "SOABI",
    "SHLIB_SUFFIX",
    "Py_ENABLE_SHARED",
];

/// Compares two environments; the differences that reach furthest come first.
pub fn environments(published: &Environment, rebuilt: &Environment) -> Vec<EnvironmentDifference> {
    let names: BTreeSet<(&str, &str)> = [published, rebuilt]
        .iter()
        .flat_map(|environment| &environment.sections)
        .flat_map(|(section, values)| values.keys().map(|name| (section.as_str(), name.as_str())))
        .collect();
    let mut differences = Vec::new();
    for (section, name) in names {
        let value = |environment: &Environment| {
            let values = environment.sections.get(section)?;
            values.get(name).cloned()
        };
        let (one, other) = (value(published), value(rebuilt));
        // A variable of sysconfig that is missing is as one that is empty.
        let empty = |value: &Option<String>| value.as_deref().unwrap_or_default().trim().is_empty();
        if one == other || (empty(&one) && empty(&other)) {
            continue;
        }
        let is_flags = section == "sysconfig" || name.ends_with("FLAGS");
        let (published, rebuilt) = match is_flags {
            true => flags(one.as_deref(), other.as_deref()),
            false => (one.into_iter().collect(), other.into_iter().collect()),
        };
        differences.push(EnvironmentDifference {
            reach: reach(section, name),
            what: format!("{section} {name}"),
            published,
            rebuilt,
        });
    }
    differences.sort_by(|a, b| {
        (a.reach, place(&a.what), &a.what).cmp(&(b.reach, place(&b.what), &b.what))
    });
    differences
}

/// Compares flags as sets; those in another order or number are shown whole.
fn flags(published: Option<&str>, rebuilt: Option<&str>) -> (Vec<String>, Vec<String>) {
    let words = |text: Option<&str>| -> Vec<String> {
        text.unwrap_or_default()
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect()
    };
    let (published, rebuilt) = (words(published), words(rebuilt));
    let only = |own: &[String], other: &[String]| -> Vec<String> {
        let mut only: Vec<String> = Vec::new();
        for word in own {
            if !other.contains(word) && !only.contains(word) {
                only.push(word.clone());
            }
        }
        only
    };
    let sets = (only(&published, &rebuilt), only(&rebuilt, &published));
    match sets.0.is_empty() && sets.1.is_empty() {
        true => (vec![published.join(" ")], vec![rebuilt.join(" ")]),
        false => sets,
    }
}

fn reach(section: &str, name: &str) -> Reach {
    match (section, name) {
        (
            "tools",
            "setuptools" | "wheel" | "flit_core" | "flit-core" | "hatchling" | "poetry-core"
            | "pdm-backend",
        ) => Reach::EveryWheel,
        ("libraries", "zlib") | ("process", "umask") => Reach::EveryWheel,
        ("variables", "SOURCE_DATE_EPOCH") => Reach::EveryWheel,
        ("tools", "cython" | "pybind11" | "numpy") => Reach::CompiledWheels,
        ("compiler", _) | ("libraries", _) => Reach::CompiledWheels,
        ("sysconfig", name) if COMPILING.contains(&name) => Reach::CompiledWheels,
        ("interpreter", "version" | "implementation" | "soabi" | "headers" | "platform") => {
            Reach::CompiledWheels
        }
        (
            "variables",
            "CC" | "CFLAGS" | "LDFLAGS" | "CPPFLAGS" | "LDSHARED" | "CXX" | "ARCHFLAGS",
        ) => Reach::CompiledWheels,
        ("tools", _) | ("process", _) => Reach::FewWheels,
        ("variables", _) => Reach::FewWheels,
        _ => Reach::Nothing,
    }
}

/// Orders what reaches equally far: what decides most comes first.
fn place(what: &str) -> usize {
    const ORDER: [&str; 10] = [
        "tools setuptools",
        "tools wheel",
        "variables SOURCE_DATE_EPOCH",
        "process umask",
        "libraries zlib",
        "interpreter version",
        "sysconfig CFLAGS",
        "sysconfig OPT",
        "sysconfig LDSHARED",
        "compiler version",
    ];
    ORDER
        .iter()
        .position(|known| *known == what)
        .unwrap_or(ORDER.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(values: &[(&str, &str, &str)]) -> Environment {
        let mut environment = Environment::default();
        for (section, name, value) in values {
            let section = environment
                .sections
                .entry((*section).to_owned())
                .or_default();
            section.insert((*name).to_owned(), (*value).to_owned());
        }
        environment
    }

    #[test]
    fn flags_are_compared_one_by_one_and_what_reaches_furthest_is_first() {
        let published = environment(&[
            ("sysconfig", "CFLAGS", "-g -O2 -fstack-protector-strong"),
            ("sysconfig", "prefix", "/usr"),
            ("process", "umask", "022"),
            ("libraries", "libc", "glibc 2.36"),
        ]);
        let rebuilt = environment(&[
            ("sysconfig", "CFLAGS", "-g -O3"),
            ("sysconfig", "prefix", "/opt"),
            ("process", "umask", "077"),
            ("libraries", "libc", "glibc 2.36"),
        ]);
        let found = environments(&published, &rebuilt);
        let whats: Vec<&str> = found
            .iter()
            .map(|difference| difference.what.as_str())
            .collect();
        assert_eq!(
            whats,
            ["process umask", "sysconfig CFLAGS", "sysconfig prefix"]
        );
        assert_eq!(found[1].published, ["-O2", "-fstack-protector-strong"]);
        assert_eq!(found[1].rebuilt, ["-O3"]);
        assert_eq!(found[2].reach, Reach::Nothing);
        assert!(environments(&published, &published).is_empty());
    }

    #[test]
    fn the_same_flags_in_another_order_are_a_difference() {
        let one = environment(&[("sysconfig", "CFLAGS", "-O2 -O3")]);
        let other = environment(&[("sysconfig", "CFLAGS", "-O3 -O2")]);
        let found = environments(&one, &other);
        assert_eq!(
            (found[0].published.as_slice(), found[0].rebuilt.as_slice()),
            (&["-O2 -O3".to_owned()][..], &["-O3 -O2".to_owned()][..])
        );
    }
}
