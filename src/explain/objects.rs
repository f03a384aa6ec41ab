//! Causes that lie in how shared objects were compiled and linked.
//!
//! A wheel may hold many objects that differ for one reason, so what is found is
//! gathered over all of them and said once. Where flags or compilers differ, code,
//! data and debug information go with them; what flags cannot bring in stays
//! unexplained: texts, foreign symbols, other libraries.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::case::{Case, Piece, change};
use super::patterns;
use super::registry;
use super::texts::without_directories;
use super::{Cause, CauseKind, Factor, Family};
use crate::compare::{ElfDifference, ElfPart};

// The bytes of objects are not derived: what these causes claim there is attributed.

pub(super) static COMPILER_VERSION: CauseKind = CauseKind {
    name: "compiler-version",
    title: "another compiler or version compiled the objects",
    advice: "install the compiler package of published",
    family: Family::Compiler,
    derivations: &[],
};

pub(super) static COMPILER_FLAGS: CauseKind = CauseKind {
    name: "compiler-flags",
    title: "the compiler was given other flags",
    advice: "build with the interpreter that published was built with",
    family: Family::Compiler,
    derivations: &[],
};

pub(super) static CPU_FLAGS: CauseKind = CauseKind {
    name: "cpu-flags",
    title: "the flags that name a processor differ",
    advice: "name a fixed -march in CFLAGS",
    family: Family::Compiler,
    derivations: &[],
};

pub(super) static LINK_FLAGS: CauseKind = CauseKind {
    name: "link-flags",
    title: "the linker was told something else",
    advice: "build with the interpreter that published was built with",
    family: Family::Compiler,
    derivations: &[],
};

pub(super) static CYTHON_VERSION: CauseKind = CauseKind {
    name: "cython-version",
    title: "another Cython wrote the C sources",
    advice: "pin Cython by hash",
    family: Family::Source,
    derivations: &[],
};

pub(super) static BUILD_PATH: CauseKind = CauseKind {
    name: "build-path",
    title: "the directory of the build is in the contents",
    advice: "build in the directory of published",
    family: Family::Compiler,
    derivations: &[],
};

pub(super) static BUILD_ENVIRONMENT: CauseKind = CauseKind {
    name: "build-environment",
    title: "the directory of the build tools is in the contents",
    advice: "have the project write no path of its tools",
    family: Family::Compiler,
    derivations: &[],
};

pub(super) static PYTHON_HEADERS: CauseKind = CauseKind {
    name: "python-headers",
    title: "the headers of Python came from elsewhere",
    advice: "install the header package of published",
    family: Family::Compiler,
    derivations: &[],
};

pub(super) static STRIPPED: CauseKind = CauseKind {
    name: "stripped",
    title: "only one side has debug information or a symbol table",
    advice: "strip both sides the same way",
    family: Family::Compiler,
    derivations: &[],
};

pub(super) static TEMPORARY_NAME: CauseKind = CauseKind {
    name: "temporary-name",
    title: "the compiler made up a name that stands in the symbol table",
    advice: "strip the symbol table, or assemble as a source of the extension",
    family: Family::Compiler,
    derivations: &[],
};

pub(super) static COMPILE_DATE: CauseKind = CauseKind {
    name: "compile-date",
    title: "the date of the compilation is compiled in",
    advice: "set SOURCE_DATE_EPOCH",
    family: Family::Compiler,
    derivations: &[],
};

/// Functions that compilers call by themselves, or in place of others when they
/// are told to protect (`-fstack-protector`, `_FORTIFY_SOURCE`).
fn is_compilers_own(symbol: &str) -> bool {
    const PLAIN: [&str; 18] = [
        "memcpy", "memmove", "memset", "memcmp", "strlen", "strcmp", "strncmp", "strcpy", "strchr",
        "strncpy", "puts", "printf", "putchar", "fwrite", "fputc", "sprintf", "snprintf",
        "fprintf",
    ];
    is_protection(symbol)
        || PLAIN.contains(&symbol)
        || symbol.starts_with("_ITM_")
        || [
            "__cxa_finalize",
            "__gmon_start__",
            "__tls_get_addr",
            "_Unwind_Resume",
            "__assert_fail",
            "abort",
        ]
        .contains(&symbol)
}

fn is_protection(symbol: &str) -> bool {
    symbol == "__stack_chk_fail" || (symbol.starts_with("__") && symbol.ends_with("_chk"))
}

/// What was found for one cause over all objects.
#[derive(Default)]
struct Found {
    places: Vec<usize>,
    members: BTreeSet<String>,
    published: BTreeSet<String>,
    rebuilt: BTreeSet<String>,
    evidence: Vec<String>,
}

impl Found {
    fn note(&mut self, difference: &ElfDifference) {
        self.published.extend(difference.published.iter().cloned());
        self.rebuilt.extend(difference.rebuilt.iter().cloned());
    }

    fn say(&mut self, evidence: String) {
        if self.evidence.len() < 3 && !self.evidence.contains(&evidence) {
            self.evidence.push(evidence);
        }
    }
}

type Gathered = BTreeMap<&'static str, Found>;

/// One object: its parts with their places.
struct Object<'a> {
    member: String,
    parts: Vec<(usize, &'a ElfDifference)>,
}

impl<'a> Object<'a> {
    fn find(&self, part: ElfPart) -> Option<(usize, &'a ElfDifference)> {
        self.parts
            .iter()
            .find(|(_, found)| found.part == part)
            .copied()
    }

    fn dynamic(&self, entry: &str) -> Option<(usize, &'a ElfDifference)> {
        self.parts
            .iter()
            .find(|(_, found)| found.part == ElfPart::Dynamic && found.subject == entry)
            .copied()
    }

    fn sections(&self, classes: &[&str]) -> Vec<usize> {
        let sections = self
            .parts
            .iter()
            .filter(|(_, found)| found.part == ElfPart::Section);
        sections
            .filter(|(_, found)| classes.contains(&found.subject))
            .map(|(place, _)| *place)
            .collect()
    }

    /// Returns the sections of these classes that have the same names and sizes on
    /// both sides: their bytes differ as addresses in them do.
    fn moved_sections(&self, classes: &[&str]) -> Vec<usize> {
        let sections = self
            .parts
            .iter()
            .filter(|(_, found)| found.part == ElfPart::Section);
        sections
            .filter(|(_, found)| {
                classes.contains(&found.subject)
                    && (found.published == found.rebuilt || is_of_tables(found))
            })
            .map(|(place, _)| *place)
            .collect()
    }
}

/// Returns whether the sections that differ in more than their bytes are the names
/// of sections and symbols, which the linker writes.
pub(super) fn is_of_tables(found: &ElfDifference) -> bool {
    let others = |sections: &[String]| -> Vec<String> {
        let named = |section: &&String| {
            ![".shstrtab (", ".symtab (", ".strtab ("]
                .iter()
                .any(|name| section.starts_with(name))
        };
        sections.iter().filter(named).cloned().collect()
    };
    found.subject == "debug information" && others(&found.published) == others(&found.rebuilt)
}

const COMPILED: [&str; 4] = ["code", "data", "tables", "debug information"];

/// Claims what differs inside shared objects.
pub(super) fn claim(case: &mut Case<'_>) {
    let mut objects: BTreeMap<(usize, String), Object<'_>> = BTreeMap::new();
    for (place, item) in case.items.iter().enumerate() {
        if let Piece::Elf(part) = item.piece {
            objects
                .entry((item.difference, item.member.clone()))
                .or_insert_with(|| Object {
                    member: item.member.clone(),
                    parts: Vec::new(),
                })
                .parts
                .push((place, part));
        }
    }
    let mut gathered = Gathered::new();
    for object in objects.values() {
        if object
            .parts
            .iter()
            .all(|(place, _)| case.is_claimed(*place))
        {
            continue;
        }
        object_causes(object, &mut gathered);
    }
    if let Some(found) = gathered.get_mut("cython-version") {
        let sources = shipped_sources(case, &found.members);
        found.places.extend(sources);
    }
    for (name, found) in gathered {
        let cause = sentence(name, &found);
        case.add(cause, &found.places);
    }
}

/// Returns the items of the sources that Cython wrote for these objects, where they
/// lie beside them: the whole of such a file follows from who wrote it.
fn shipped_sources(case: &Case<'_>, objects: &BTreeSet<String>) -> Vec<usize> {
    let stems: BTreeSet<&str> = objects
        .iter()
        .filter_map(|object| {
            let file = object.rfind('/').map_or(0, |slash| slash + 1);
            let dot = object.get(file..)?.find('.')?;
            object.get(..file + dot)
        })
        .collect();
    case.find(|item| {
        let stem = [".c", ".cpp"]
            .iter()
            .find_map(|end| item.member.strip_suffix(end));
        matches!(
            item.piece,
            Piece::Opaque(_) | Piece::MoreLines(_) | Piece::Damaged(_) | Piece::Lines(_)
        ) && stem.is_some_and(|stem| stems.contains(stem))
    })
}

fn object_causes(object: &Object<'_>, gathered: &mut Gathered) {
    let mut any = false;
    let mut add = |name: &'static str,
                   places: Vec<usize>,
                   differences: &[&ElfDifference],
                   evidence: Option<String>| {
        let found = gathered.entry(name).or_default();
        found.places.extend(places);
        found.members.insert(object.member.clone());
        for difference in differences {
            found.note(difference);
        }
        if let Some(evidence) = evidence {
            found.say(evidence);
        }
        any = true;
    };
    let compiled = || object.sections(&COMPILED);
    let imports = object.find(ElfPart::Imports);
    let own_imports = imports.filter(|(_, found)| {
        found
            .published
            .iter()
            .chain(&found.rebuilt)
            .all(|symbol| is_compilers_own(symbol))
    });

    // What the compiler calls by itself may be all that the C library is needed for.
    let c_library: Vec<usize> = own_imports
        .and_then(|_| object.dynamic("NEEDED"))
        .filter(|(_, found)| is_c_library(found))
        .map(|(place, _)| place)
        .into_iter()
        .collect();
    let compiler = object.find(ElfPart::Compiler);
    if let Some((place, found)) = compiler {
        let mut places = compiled();
        places.extend(&c_library);
        // Compilers have headers of their own, and write directories their own way.
        places.extend(
            object
                .find(ElfPart::SourceDirectories)
                .map(|(place, _)| place),
        );
        places.push(place);
        places.extend(own_imports.map(|(place, _)| place));
        places.extend(object.find(ElfPart::FlagOrder).map(|(place, _)| place));
        add("compiler-version", places, &[found], None);
    }
    if let Some((place, found)) = object.find(ElfPart::CompilerFlags) {
        // GCC writes down what it aims at by itself; others do not.
        let is_default = |flag: &String| {
            compiler.is_some() && ["-mtune=generic", "-march=x86-64"].contains(&flag.as_str())
        };
        let is_cpu = |flag: &String| flag.starts_with("-m") && !is_default(flag);
        let cpu = ElfDifference {
            part: found.part,
            subject: found.subject,
            published: found
                .published
                .iter()
                .filter(|flag| is_cpu(flag))
                .cloned()
                .collect(),
            rebuilt: found
                .rebuilt
                .iter()
                .filter(|flag| is_cpu(flag))
                .cloned()
                .collect(),
        };
        let other = ElfDifference {
            published: found
                .published
                .iter()
                .filter(|flag| !is_cpu(flag) && !is_default(flag))
                .cloned()
                .collect(),
            rebuilt: found
                .rebuilt
                .iter()
                .filter(|flag| !is_cpu(flag) && !is_default(flag))
                .cloned()
                .collect(),
            ..cpu.clone()
        };
        let mut places = compiled();
        places.push(place);
        places.extend(own_imports.map(|(place, _)| place));
        places.extend(&c_library);
        let protection = own_imports.map(|(_, found)| {
            format!(
                "symbols it needs: {}",
                change(&found.published, &found.rebuilt)
            )
        });
        if !cpu.published.is_empty() || !cpu.rebuilt.is_empty() {
            add("cpu-flags", places.clone(), &[&cpu], None);
        }
        if !other.published.is_empty() || !other.rebuilt.is_empty() {
            add("compiler-flags", places, &[&other], protection);
        }
    } else if let Some((place, _)) = object.find(ElfPart::FlagOrder) {
        let mut places = compiled();
        places.push(place);
        add(
            "compiler-flags",
            places,
            &[],
            Some("the same flags in another order or number".to_owned()),
        );
    } else if let Some((place, found)) = own_imports
        && found
            .published
            .iter()
            .chain(&found.rebuilt)
            .any(|symbol| is_protection(symbol))
    {
        // No debug information tells the flags, but what they bring in does.
        let mut places = compiled();
        places.push(place);
        places.extend(&c_library);
        add(
            "compiler-flags",
            places,
            &[],
            Some(format!(
                "symbols it needs: {}",
                change(&found.published, &found.rebuilt)
            )),
        );
    }
    if let Some((place, found)) = object.find(ElfPart::Cython) {
        let mut places = compiled();
        places.push(place);
        places.extend(
            object
                .parts
                .iter()
                .filter(|(_, part)| {
                    matches!(
                        part.part,
                        ElfPart::Texts | ElfPart::Imports | ElfPart::Exports
                    )
                })
                .map(|(place, _)| *place),
        );
        places.extend(
            object
                .find(ElfPart::SourceDirectories)
                .map(|(place, _)| place),
        );
        add("cython-version", places, &[found], None);
    }
    linking(object, &c_library, &mut add);
    let texts = object.find(ElfPart::Texts);
    if let Some((place, found)) = object.find(ElfPart::BuildPath) {
        let mut places = object.sections(&["debug information"]);
        places.push(place);
        places.extend(
            object
                .find(ElfPart::SourceDirectories)
                .map(|(place, _)| place),
        );
        if let Some((place, _)) = texts.filter(|(_, found)| same_texts(found, without_directories))
        {
            places.push(place);
            places.extend(object.sections(&["code", "data", "tables"]));
        }
        add("build-path", places, &[found], None);
    } else {
        let headers = object
            .find(ElfPart::SourceDirectories)
            .filter(|(_, found)| tells_of_python(found, compiler.is_some()));
        if let Some((place, found)) = headers {
            let mut places = object.sections(&["debug information"]);
            places.push(place);
            add("python-headers", places, &[found], None);
        }
        if let Some((place, found)) =
            texts.filter(|(_, found)| same_texts(found, without_directories))
        {
            let mut places = object.sections(&COMPILED);
            places.push(place);
            add("build-path", places, &[found], None);
        }
    }
    if let Some((place, found)) = object.find(ElfPart::TemporaryNames) {
        let mut places = object.sections(&["debug information"]);
        places.push(place);
        add("temporary-name", places, &[found], None);
    }
    if let Some((place, found)) = object.find(ElfPart::Stripped) {
        let mut places = object.sections(&["debug information"]);
        places.push(place);
        add("stripped", places, &[found], None);
    }
    if let Some((place, found)) = texts {
        let dated = found.published.iter().any(|text| patterns::has_date(text));
        if dated && same_texts(found, patterns::without_dates) {
            let mut places = object.sections(&["data"]);
            places.extend(object.moved_sections(&["code", "tables"]));
            places.push(place);
            add("compile-date", places, &[found], None);
        } else if same_texts(found, patterns::without_python) {
            let mut places = object.sections(&["data"]);
            places.push(place);
            add("interpreter-version", places, &[found], None);
        }
    }
    let only_debug = object.parts.iter().all(|(_, found)| {
        matches!(found.part, ElfPart::BuildId)
            || (found.part == ElfPart::Section
                && ["debug information", "notes"].contains(&found.subject))
    });
    if only_debug && !object.sections(&["debug information"]).is_empty() {
        let places = object.sections(&["debug information", "notes"]);
        add(
            "python-headers",
            places,
            &[],
            Some("only debug information differs: same compiler, flags and directories".to_owned()),
        );
    }
    if any {
        // The build-id is a digest of the rest, and the comment repeats the compiler.
        let follows = object.sections(&["notes", "compiler comment"]);
        if let Some(found) = gathered
            .values_mut()
            .find(|found| found.members.contains(&object.member))
        {
            found.places.extend(follows);
        }
    }
}

/// Returns whether directories tell of other headers of Python. Other ones come with
/// other code, or with another compiler.
fn tells_of_python(found: &ElfDifference, is_other_compiler: bool) -> bool {
    let any = |list: &[String]| {
        list.iter()
            .any(|directory| directory.to_ascii_lowercase().contains("python"))
    };
    match is_other_compiler {
        true => any(&found.published) && any(&found.rebuilt),
        false => any(&found.published) || any(&found.rebuilt),
    }
}

fn is_c_library(found: &ElfDifference) -> bool {
    let mut libraries = found.published.iter().chain(&found.rebuilt);
    libraries.all(|library| library.starts_with("libc.so"))
}

fn linking(
    object: &Object<'_>,
    claimed: &[usize],
    add: &mut impl FnMut(&'static str, Vec<usize>, &[&ElfDifference], Option<String>),
) {
    let is_link = |found: &ElfDifference| match (found.part, found.subject) {
        (ElfPart::Dynamic, "NEEDED") => {
            found.published.iter().chain(&found.rebuilt).all(|library| {
                library.starts_with("libpython")
                    || library.starts_with("libm.")
                    || library.starts_with("libpthread")
                    || library.starts_with("libdl.")
                    || library.starts_with("libc.so")
            })
        }
        (ElfPart::Dynamic, "SONAME") => false,
        (ElfPart::Dynamic | ElfPart::Hardening, _) => true,
        _ => false,
    };
    let linked: Vec<(usize, &ElfDifference)> = object
        .parts
        .iter()
        .filter(|(place, found)| is_link(found) && !claimed.contains(place))
        .copied()
        .collect();
    if linked.is_empty() {
        return;
    }
    let mut places: Vec<usize> = linked.iter().map(|(place, _)| *place).collect();
    places.extend(object.sections(&["tables"]));
    places.extend(object.moved_sections(&["code", "data", "debug information"]));
    for (_, found) in linked {
        let evidence = format!(
            "{}: {}",
            found.subject,
            change(&found.published, &found.rebuilt)
        );
        add("link-flags", Vec::new(), &[], Some(evidence));
    }
    add("link-flags", places, &[], None);
}

/// Returns whether texts are the same after a change of each.
fn same_texts(found: &ElfDifference, change: fn(&str) -> String) -> bool {
    let changed = |texts: &[String]| {
        texts
            .iter()
            .map(|text| change(text))
            .collect::<BTreeSet<_>>()
    };
    !found.published.is_empty() && changed(&found.published) == changed(&found.rebuilt)
}

fn sentence(name: &'static str, found: &Found) -> Cause {
    let published: Vec<String> = found.published.iter().cloned().collect();
    let rebuilt: Vec<String> = found.rebuilt.iter().cloned().collect();
    let list = |values: &[String]| values.join(" ");
    let first = |values: &[String]| {
        values
            .first()
            .cloned()
            .unwrap_or_else(|| "unknown".to_owned())
    };
    let Some(kind) = registry::cause(name) else {
        return Cause::new(&COMPILER_FLAGS, name, COMPILER_FLAGS.advice);
    };
    let mut cause = match name {
        "compiler-version" => Cause::new(
            kind,
            format!("published was compiled by {}, rebuilt by {}; the code that follows was not derived", first(&published), first(&rebuilt)),
            format!("install the compiler package of published: {}", first(&published)),
        ),
        "compiler-flags" => {
            let sentence = match (published.is_empty(), rebuilt.is_empty()) {
                (true, true) => "the compiler was given other flags; the code that follows was not derived".to_owned(),
                (false, true) => format!("published was compiled with {}, rebuilt without; the code that follows was not derived", list(&published)),
                (true, false) => format!("rebuilt was compiled with {}, published without; the code that follows was not derived", list(&rebuilt)),
                (false, false) => format!("published was compiled with {}, rebuilt with {}; the code that follows was not derived", list(&published), list(&rebuilt)),
            };
            Cause::new(
                kind,
                sentence,
                "build with the interpreter that published was built with: its sysconfig decides the flags (CFLAGS, OPT); `wheelproof explain --environment` compares two",
            )
            .tried_by(Factor::Interpreter)
        }
        "cpu-flags" => Cause::new(
            kind,
            format!("published was compiled for {}, rebuilt for {}", named(&published), named(&rebuilt)),
            "name a fixed -march in CFLAGS; -march=native is what the builder's processor can do",
        )
        .tried_by(Factor::Interpreter),
        "link-flags" => Cause::new(
            kind,
            match found.evidence.first() {
                Some(seen) => format!("the objects were linked with other flags; {seen}"),
                None => "the objects were linked with other flags".to_owned(),
            },
            "build with the interpreter that published was built with: its sysconfig decides LDSHARED and LDFLAGS",
        )
        .tried_by(Factor::Interpreter),
        "cython-version" => Cause::new(
            kind,
            format!("Cython {} wrote the published sources, Cython {} the rebuilt ones", first(&published), first(&rebuilt)),
            format!("pin Cython=={} by hash", first(&published)),
        )
        .tried_by(Factor::Tool { name: "cython", version: first(&published) }),
        "build-path" => Cause::new(
            kind,
            format!("published was built in {}, rebuilt in {}", first(&published), first(&rebuilt)),
            format!("build in {}, or map the path away with CC=\"gcc -ffile-prefix-map=…\" on both sides", first(&published)),
        )
        .tried_by(Factor::BuildPath(first(&published))),
        "python-headers" => Cause::new(
            kind,
            match (published.first(), rebuilt.first()) {
                (Some(published), Some(rebuilt)) => format!(
                    "headers came from {published} for published, from {rebuilt} for rebuilt; it shows in debug information"
                ),
                _ => "only debug information differs, as with headers of another patch level".to_owned(),
            },
            "install the header package of published (libpython3-dev and its version), or strip both",
        )
        .tried_by(Factor::Interpreter),
        "stripped" => Cause::new(
            kind,
            match rebuilt.is_empty() {
                true => format!("rebuilt is stripped: only published has its {}", published.join(" and ")),
                false => format!("published is stripped: only rebuilt has its {}", rebuilt.join(" and ")),
            },
            match rebuilt.is_empty() {
                true => "do not strip, and compile with -g",
                false => "strip the rebuilt objects the same way, or compile with -g0",
            },
        ),
        "temporary-name" => Cause::new(
            kind,
            format!(
                "an assembler file was given to the linking compiler, which makes up a name for its object: {} → {}; it stands in the symbol table",
                first(&published),
                first(&rebuilt)
            ),
            "strip the symbol table, or name the file among the sources; no recipe gives the same name again",
        ),
        "compile-date" => Cause::new(
            kind,
            format!("the date or time of the compilation is compiled in: {} → {}", first(&published), first(&rebuilt)),
            "set SOURCE_DATE_EPOCH, which __DATE__ and __TIME__ follow",
        ),
        _ => Cause::new(
            kind,
            "the version of the interpreter is compiled in",
            "build with the same version of Python",
        ),
    };
    let member = found.members.iter().next().cloned().unwrap_or_default();
    cause.evidence.push(match found.members.len() {
        1 => member,
        count => format!("{count} objects, such as {member}"),
    });
    cause.evidence.extend(found.evidence.iter().cloned());
    cause
}

fn named(flags: &[String]) -> String {
    match flags.is_empty() {
        true => "the processors that the compiler aims at by itself".to_owned(),
        false => flags.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_flags_of_the_linker_are_named_in_the_sentence() {
        let mut found = Found::default();
        found.say("RUNPATH: only rebuilt has /opt/python/lib".to_owned());
        let cause = sentence("link-flags", &found);
        assert!(
            cause
                .sentence
                .ends_with("; RUNPATH: only rebuilt has /opt/python/lib")
        );
    }

    #[test]
    fn only_what_compilers_call_by_themselves_goes_with_flags() {
        for symbol in ["__stack_chk_fail", "__memcpy_chk", "memset"] {
            assert!(is_compilers_own(symbol), "{symbol}");
        }
        for symbol in ["system", "execve", "PyImport_ImportModule", "socket"] {
            assert!(!is_compilers_own(symbol), "{symbol}");
        }
    }

    fn section(published: &str, rebuilt: &str) -> ElfDifference {
        let list = |text: &str| text.split(", ").map(str::to_owned).collect();
        ElfDifference {
            part: ElfPart::Section,
            subject: "debug information",
            published: list(published),
            rebuilt: list(rebuilt),
        }
    }

    #[test]
    fn names_of_sections_may_grow_and_debug_information_may_not() {
        assert!(is_of_tables(&section(
            ".debug_info (10 bytes), .shstrtab (344 bytes)",
            ".debug_info (10 bytes), .shstrtab (353 bytes)"
        )));
        assert!(!is_of_tables(&section(
            ".debug_info (10 bytes), .shstrtab (344 bytes)",
            ".debug_info (11 bytes), .shstrtab (353 bytes)"
        )));
    }

    #[test]
    fn only_directories_of_python_tell_of_its_headers() {
        let difference = |published: &str, rebuilt: &str| ElfDifference {
            part: ElfPart::SourceDirectories,
            ..section(published, rebuilt)
        };
        let moved = difference("/usr/include/python3.11", "/opt/include");
        assert!(tells_of_python(&moved, false));
        assert!(!tells_of_python(&moved, true));
        let more = difference("/usr/include/x", "/usr/include/bits");
        assert!(!tells_of_python(&more, false));
    }
}
