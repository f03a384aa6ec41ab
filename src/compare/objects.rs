//! Two shared objects, part by part.
//!
//! In: what each says of itself. Out: [`ElfDifference`]s, each a set of what only
//! one side has, from who compiled to the sections that follow from it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::sides::Sides;
use crate::count::counted;
use crate::elf::Facts;
use crate::elf::SectionClass;

/// The most entries that one difference lists of each side.
const ENTRIES: usize = 200;

/// Which part of a shared object differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ElfPart {
    /// Class, byte order, machine or type.
    Identity,
    /// The compiler and its version.
    Compiler,
    /// The flags of the compiler, compared as a set.
    CompilerFlags,
    /// The same flags in another order or number.
    FlagOrder,
    /// The version of Cython.
    Cython,
    /// The directory of the compilation.
    BuildPath,
    /// The directories of headers and sources.
    SourceDirectories,
    /// An entry of the dynamic section; `subject` names it.
    Dynamic,
    /// What is protected after start: RELRO, the stack.
    Hardening,
    /// The symbols that others have to provide.
    Imports,
    /// The symbols it provides.
    Exports,
    /// Debug information or symbol table on one side only.
    Stripped,
    /// Names that the compiler makes up for objects on their way to the linker.
    TemporaryNames,
    /// Texts among constants and variables.
    Texts,
    /// The build-id, which is a digest of the rest.
    BuildId,
    /// A section; `subject` is its class, the entries are names and sizes.
    Section,
    /// A part that could not be read on one side.
    Damage,
    /// Only bytes that belong to no section differ, such as padding.
    Padding,
}

/// A part that differs. Entries come from a wheel; who prints them escapes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ElfDifference {
    /// Which part.
    pub part: ElfPart,
    /// What of that part; empty where the part says it all.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub subject: &'static str,
    /// What only the published object has.
    pub published: Vec<String>,
    /// What only the rebuilt object has.
    pub rebuilt: Vec<String>,
}

/// Compares two objects whose bytes differ; at least one entry.
pub(super) fn compare(facts: Sides<&Facts>) -> Vec<ElfDifference> {
    let mut parts = Parts(Vec::new());
    let Sides { published, rebuilt } = facts;
    parts.one(
        ElfPart::Identity,
        "",
        facts.map(|facts| facts.identity.clone()),
    );
    let tools = facts.map(|facts| -> BTreeSet<String> {
        let of_units = facts.producers.iter().map(|producer| producer.tool.clone());
        of_units.chain(facts.comments.iter().cloned()).collect()
    });
    // Without debug information there is only `.comment` to compare, on both.
    let tools = if published.producers.is_empty() != rebuilt.producers.is_empty() {
        facts.map(|facts| facts.comments.clone())
    } else {
        tools
    };
    parts.set(ElfPart::Compiler, "", tools.as_ref());
    if !published.producers.is_empty() && !rebuilt.producers.is_empty() {
        let flags = facts.map(|facts| -> BTreeSet<String> {
            let all = facts.producers.iter().flat_map(|producer| &producer.flags);
            all.cloned().collect()
        });
        let lists = facts.map(|facts| -> BTreeSet<String> {
            let lists = facts.producers.iter();
            lists.map(|producer| producer.flags.join(" ")).collect()
        });
        if !parts.set(ElfPart::CompilerFlags, "", flags.as_ref()) {
            parts.set(ElfPart::FlagOrder, "", lists.as_ref());
        }
    }
    parts.one(
        ElfPart::Cython,
        "",
        facts.map(|facts| facts.cython.clone().unwrap_or_default()),
    );
    if !published.directories.is_empty() && !rebuilt.directories.is_empty() {
        parts.set(
            ElfPart::BuildPath,
            "",
            facts.map(|facts| &facts.directories),
        );
        parts.set(
            ElfPart::SourceDirectories,
            "",
            facts.map(|facts| &facts.source_directories),
        );
    }
    let nothing = BTreeSet::new();
    for name in ["NEEDED", "SONAME", "RPATH", "RUNPATH", "FLAGS", "FLAGS_1"] {
        let values = facts.map(|facts| facts.dynamic.get(name).unwrap_or(&nothing));
        parts.set(ElfPart::Dynamic, name, values);
    }
    parts.one(
        ElfPart::Hardening,
        "RELRO",
        facts.map(|facts| facts.relro.to_string()),
    );
    parts.one(
        ElfPart::Hardening,
        "stack",
        facts.map(|facts| match facts.executable_stack {
            true => "executable".to_owned(),
            false => "not executable".to_owned(),
        }),
    );
    parts.set(ElfPart::Imports, "", facts.map(|facts| &facts.imports));
    parts.set(ElfPart::Exports, "", facts.map(|facts| &facts.exports));
    let stripped = facts.map(|facts| -> BTreeSet<String> {
        let debug = facts.has_debug().then(|| "debug information".to_owned());
        let table = facts.sections.contains_key(".symtab");
        debug
            .into_iter()
            .chain(table.then(|| "symbol table".to_owned()))
            .collect()
    });
    parts.set(ElfPart::Stripped, "", stripped.as_ref());
    if !published.temporary.is_empty() && !rebuilt.temporary.is_empty() {
        parts.set(
            ElfPart::TemporaryNames,
            "",
            facts.map(|facts| &facts.temporary),
        );
    }
    if let (Some(published), Some(rebuilt)) = (&published.texts, &rebuilt.texts) {
        let own = Sides {
            published: without_tails(published, rebuilt),
            rebuilt: without_tails(rebuilt, published),
        };
        parts.set(ElfPart::Texts, "", own.as_ref());
    }
    parts.one(
        ElfPart::BuildId,
        "",
        facts.map(|facts| facts.build_id.clone().unwrap_or_default()),
    );
    sections(&mut parts, facts);
    let damage = facts.map(|facts| -> BTreeSet<String> {
        facts.damage.iter().map(|what| (*what).to_owned()).collect()
    });
    parts.set(ElfPart::Damage, "", damage.as_ref());
    if parts.0.is_empty() {
        parts.0.push(ElfDifference {
            part: ElfPart::Padding,
            subject: "",
            published: Vec::new(),
            rebuilt: Vec::new(),
        });
    }
    parts.0
}

/// Returns the texts of one side without those that end a text of the other side.
/// Linkers keep such a text once, inside the longer one (ELF, `SHF_MERGE`).
fn without_tails(own: &BTreeSet<String>, other: &BTreeSet<String>) -> BTreeSet<String> {
    let backwards = |text: &str| text.chars().rev().collect::<String>();
    let only: Vec<&String> = own.difference(other).collect();
    if only.is_empty() {
        return BTreeSet::new();
    }
    let ends: BTreeSet<String> = other.iter().map(|text| backwards(text)).collect();
    let is_tail = |text: &&String| {
        let end = backwards(text);
        let next = ends.range(end.clone()..).next();
        next.is_some_and(|longer| longer.starts_with(&end))
    };
    only.into_iter()
        .filter(|text| !is_tail(text))
        .cloned()
        .collect()
}

fn sections(parts: &mut Parts, facts: Sides<&Facts>) {
    for class in [
        SectionClass::Code,
        SectionClass::Data,
        SectionClass::Layout,
        SectionClass::Debug,
        SectionClass::Comment,
        SectionClass::Note,
    ] {
        // Name and size say which; the digest only that.
        let differ = facts.map(|own| {
            let other = if std::ptr::eq(own, facts.published) {
                facts.rebuilt
            } else {
                facts.published
            };
            own.sections
                .iter()
                .filter(|(_, section)| section.class == class)
                .filter(|(name, section)| other.sections.get(*name) != Some(section))
                .map(|(name, section)| {
                    format!("{name} ({})", counted(section.size, "byte", "bytes"))
                })
                .take(ENTRIES)
                .collect::<Vec<_>>()
        });
        if !differ.published.is_empty() || !differ.rebuilt.is_empty() {
            parts.0.push(ElfDifference {
                part: ElfPart::Section,
                subject: class.as_str(),
                published: differ.published,
                rebuilt: differ.rebuilt,
            });
        }
    }
}

struct Parts(Vec<ElfDifference>);

impl Parts {
    /// Adds what only one side has; tells whether there is anything.
    fn set(
        &mut self,
        part: ElfPart,
        subject: &'static str,
        sides: Sides<&BTreeSet<String>>,
    ) -> bool {
        let only = |own: &BTreeSet<String>, other: &BTreeSet<String>| -> Vec<String> {
            own.difference(other).take(ENTRIES).cloned().collect()
        };
        let (published, rebuilt) = (
            only(sides.published, sides.rebuilt),
            only(sides.rebuilt, sides.published),
        );
        let differs = !published.is_empty() || !rebuilt.is_empty();
        if differs {
            self.0.push(ElfDifference {
                part,
                subject,
                published,
                rebuilt,
            });
        }
        differs
    }

    fn one(&mut self, part: ElfPart, subject: &'static str, sides: Sides<String>) {
        if sides.published != sides.rebuilt {
            let entry = |value: String| match value.is_empty() {
                true => Vec::new(),
                false => vec![value],
            };
            let sides = sides.map(entry);
            self.0.push(ElfDifference {
                part,
                subject,
                published: sides.published,
                rebuilt: sides.rebuilt,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::Producer;

    fn facts(producer: &str) -> Facts {
        Facts {
            producers: BTreeSet::from([Producer::parse(producer)]),
            ..Facts::default()
        }
    }

    #[test]
    fn flags_are_compared_as_sets_apart_from_the_compiler() {
        let published = facts("GNU C17 12.2.0 -g -g -O2 -fPIC");
        let rebuilt = facts("GNU C17 12.2.0 -g -O3 -fPIC");
        let found = compare(Sides {
            published: &published,
            rebuilt: &rebuilt,
        });
        assert_eq!(
            found,
            [ElfDifference {
                part: ElfPart::CompilerFlags,
                subject: "",
                published: vec!["-O2".to_owned()],
                rebuilt: vec!["-O3".to_owned()],
            }]
        );
        let repeated = facts("GNU C17 12.2.0 -g -O2 -fPIC");
        let found = compare(Sides {
            published: &published,
            rebuilt: &repeated,
        });
        assert_eq!(found[0].part, ElfPart::FlagOrder);
    }

    #[test]
    fn a_text_that_the_linker_keeps_inside_another_is_no_difference() {
        let side = |texts: &[&str]| Facts {
            texts: Some(texts.iter().map(|text| (*text).to_owned()).collect()),
            ..Facts::default()
        };
        let published = side(&["VerifyingLookup", "LookupBase", "/bin/sh -c"]);
        let rebuilt = side(&["VerifyingLookup", "VerifyingLookupBase"]);
        let found = compare(Sides {
            published: &published,
            rebuilt: &rebuilt,
        });
        let texts: Vec<_> = found
            .iter()
            .filter(|part| part.part == ElfPart::Texts)
            .collect();
        assert_eq!(texts.len(), 1);
        assert_eq!(texts[0].published, ["/bin/sh -c"]);
        assert_eq!(texts[0].rebuilt, ["VerifyingLookupBase"]);
    }

    #[test]
    fn objects_with_equal_facts_differ_in_padding() {
        let facts = facts("GNU C17 12.2.0 -g");
        let found = compare(Sides {
            published: &facts,
            rebuilt: &facts.clone(),
        });
        assert_eq!(found[0].part, ElfPart::Padding);
    }
}
