//! The programs that installers generate from a wheel: `entry_points.txt`.
//!
//! In: the bytes of the file (entry points specification, "File format"). Out: each
//! [`Script`] that installers write from it, and a [`Fault`] for whatever they read
//! differently, or take for something else than a program of a plain name. Sections
//! that installers do not read are held against the format and not looked into.
//!
//! pip reads the file line by line (importlib.metadata), installer as Python's
//! configparser does, and uv with a reader of its own. Before pip 26.3, a name was a
//! path to pip, wherever it led.

use std::collections::BTreeSet;

use super::fault::FaultKind;
use crate::archive::{Fault, Faults};

/// The most bytes that are read. The largest in use have some thousands.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// The sections that installers make programs of.
const SCRIPT_SECTIONS: &[&str] = &["console_scripts", "gui_scripts"];

/// A program that installers generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    /// The section it stands in.
    pub(super) section: &'static str,
    /// Its name, which is a plain file name.
    pub(super) name: String,
}

/// Reads the file, whose path in the wheel is `path`.
pub(super) fn read(bytes: &[u8], path: &str, faults: &mut Faults<FaultKind>) -> Vec<Script> {
    let mut reader = Reader {
        path,
        faults,
        sections: BTreeSet::new(),
        section: None,
        scripts: Vec::new(),
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => reader.text(text),
        Err(error) => {
            let at = error.valid_up_to();
            let found = format!("no UTF-8 at byte {at}");
            reader.push(FaultKind::EntryPointsMalformed, found);
        }
    }
    reader.scripts
}

struct Reader<'a> {
    path: &'a str,
    faults: &'a mut Faults<FaultKind>,
    sections: BTreeSet<&'a str>,
    section: Option<Section<'a>>,
    scripts: Vec<Script>,
}

/// The section that lines belong to.
struct Section<'a> {
    /// Its name, when installers make programs of it.
    scripts: Option<&'static str>,
    names: BTreeSet<&'a str>,
    /// How far the entry before is indented.
    indent: Option<usize>,
}

impl<'a> Reader<'a> {
    fn push(&mut self, kind: FaultKind, found: String) {
        self.faults
            .push(Fault::new(kind).member(self.path).found(found));
    }

    fn text(&mut self, text: &'a str) {
        let odd = |character: char| {
            matches!(
                character,
                '\u{b}' | '\u{c}' | '\u{1c}'
                    ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
            )
        };
        for (number, line) in (1u64..).zip(text.split('\n')) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let found = |what: &str| format!("line {number}: {what}: '{line}'");
            if line.contains(|character| character == '\r' || odd(character)) {
                self.push(
                    FaultKind::EntryPointsMalformed,
                    found("a character that ends a line for some readers"),
                );
                continue;
            }
            match self.line(line) {
                Ok(()) => {}
                Err((kind, what)) => self.push(kind, found(what)),
            }
        }
    }

    fn line(&mut self, line: &'a str) -> Result<(), (FaultKind, &'static str)> {
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            return Ok(());
        }
        if text.starts_with(';') {
            return match self.section {
                None => Ok(()),
                Some(_) => Err((
                    FaultKind::EntryPointsRefused,
                    "a comment with ';', at which pip fails",
                )),
            };
        }
        if let Some(inner) = text.strip_prefix('[') {
            return self.header(inner);
        }
        let malformed = |what| Err((FaultKind::EntryPointsMalformed, what));
        let indent = line.len() - line.trim_start().len();
        let Some(section) = &mut self.section else {
            return malformed("an entry before the first section");
        };
        if section.indent.is_some_and(|before| indent > before) {
            return malformed("indented more than the line before, so some readers join the two");
        }
        section.indent = Some(indent);
        let Some((name, reference)) = text.split_once('=') else {
            return malformed("neither a section nor 'name = module:attr'");
        };
        let (name, reference) = (name.trim(), reference.trim());
        if !section.names.insert(name) {
            return Err((
                FaultKind::EntryPointsRepeated,
                "a name that the section has already",
            ));
        }
        match section.scripts {
            Some(scripts) => self.script(scripts, name, reference),
            None => Ok(()),
        }
    }

    fn header(&mut self, inner: &'a str) -> Result<(), (FaultKind, &'static str)> {
        self.section = None;
        let Some(name) = inner.strip_suffix(']') else {
            return Err((
                FaultKind::EntryPointsMalformed,
                "something behind the name of a section",
            ));
        };
        self.section = Some(Section {
            scripts: SCRIPT_SECTIONS
                .iter()
                .find(|known| **known == name)
                .copied(),
            names: BTreeSet::new(),
            indent: None,
        });
        if name.eq_ignore_ascii_case("default") {
            return Err((
                FaultKind::EntryPointsMalformed,
                "a section whose entries some readers take for those of every section",
            ));
        }
        match self.sections.insert(name) {
            true => Ok(()),
            false => Err((
                FaultKind::EntryPointsRepeated,
                "a section that stands there already",
            )),
        }
    }

    fn script(
        &mut self,
        section: &'static str,
        name: &'a str,
        reference: &str,
    ) -> Result<(), (FaultKind, &'static str)> {
        if let Some(what) = name_fault(name) {
            return Err((FaultKind::ScriptName, what));
        }
        self.scripts.push(Script {
            section,
            name: name.to_owned(),
        });
        match is_reference(reference) {
            true => Ok(()),
            false => Err((
                FaultKind::ScriptReference,
                "an object that is not 'module:attr'",
            )),
        }
    }
}

/// Returns why a name is no plain file name of a program; nothing when it is one.
fn name_fault(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("no name"),
        "." | ".." => Some("a name that is a directory"),
        _ if name.contains(['/', '\\']) => Some("a name that is a path"),
        _ if name.contains(':') => Some("a name with a colon, which Windows reads as more"),
        _ if name.contains(char::is_control) => Some("a name with a control character"),
        _ if name.contains(char::is_whitespace) => {
            Some("a name with white space, where pip cuts it")
        }
        _ if is_interpreter(name) => Some("the name of the interpreter, which pip writes over"),
        _ => None,
    }
}

/// Returns whether a program of this name would stand where an environment has its
/// interpreter: `python`, `pythonw`, `python3`, `python3.11`, `pypy3`, in any case.
pub(super) fn is_interpreter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    let rest = name
        .strip_prefix("python")
        .or_else(|| name.strip_prefix("pypy"));
    let Some(rest) = rest else {
        return false;
    };
    let rest = rest.strip_prefix('w').unwrap_or(rest);
    let rest = rest.strip_suffix('t').unwrap_or(rest);
    rest.bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Returns whether a text is `module:attr`, with extras behind it or not (entry points
/// specification, "Data model"). Installers write the two parts into a program.
fn is_reference(text: &str) -> bool {
    let object = match text.split_once('[') {
        Some((object, extras)) => match extras.strip_suffix(']') {
            Some(extras) if !extras.contains(['[', ']']) => object.trim_end(),
            _ => return false,
        },
        None => text,
    };
    object
        .split_once(':')
        .is_some_and(|(module, attribute)| is_dotted(module) && is_dotted(attribute))
}

fn is_dotted(text: &str) -> bool {
    text.split('.').all(|part| {
        let mut characters = part.chars();
        let begins = characters
            .next()
            .is_some_and(|first| first.is_alphabetic() || first == '_');
        begins && characters.all(|character| character.is_alphanumeric() || character == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use FaultKind as K;

    fn read(text: &str) -> (Vec<String>, Vec<FaultKind>) {
        let mut faults = Faults::default();
        let scripts = super::read(text.as_bytes(), "x", &mut faults);
        let names = scripts.into_iter().map(|script| script.name);
        let kinds = faults.finish().into_iter().map(|fault| fault.kind);
        (names.collect(), kinds.collect())
    }

    /// What pip 26.3, uv 0.13.9 and installer 1.1.0 all install, and alike.
    #[test]
    fn what_all_installers_read_alike_is_well() {
        for (text, expected) in [
            ("", &[][..]),
            ("[console_scripts]\nhello = demo.m:f\n", &["hello"]),
            ("[console_scripts]\r\nhello=demo.m:F.g\r\n", &["hello"]),
            ("[gui_scripts]\nhello = demo.m:f [x, y]\n", &["hello"]),
            (
                "; x\n# y\n[console_scripts]\n# z = w\n\nhello = demo.m:f",
                &["hello"],
            ),
            (
                "\n  [console_scripts]\n  a = b:c\n  d = e:f\n  ",
                &["a", "d"],
            ),
            ("[console_scripts]\n    a = b:c\n    d = e:f\n", &["a", "d"]),
            (
                "[console_scripts]\nhello+x%.y-1 = demo.m:f\nHello = demo:f\n",
                &["hello+x%.y-1", "Hello"],
            ),
            (
                "[x.y]\nhello = not a reference!\n[Console_Scripts]\na/b = c\n",
                &[],
            ),
            ("[ console_scripts ]\na/b = c\n", &[]),
            (
                "[console_scripts]\nh\u{e9} = _m.\u{e9}2:f\npypyx = a:b\npythons = a:b\n",
                &["h\u{e9}", "pypyx", "pythons"],
            ),
        ] {
            let (names, kinds) = read(text);
            assert_eq!(kinds, [], "{text:?}");
            assert_eq!(names, expected, "{text:?}");
        }
    }

    /// What one of them refuses, or makes another program of.
    #[test]
    fn what_they_read_differently_is_told() {
        for (entry, expected) in [
            ("sub/hello = demo.m:f", K::ScriptName),
            ("../hello = demo.m:f", K::ScriptName),
            ("sub\\hello = demo.m:f", K::ScriptName),
            (".. = demo.m:f", K::ScriptName),
            (" = demo.m:f", K::ScriptName),
            ("c:hello = demo.m:f", K::ScriptName),
            ("hello there = demo.m:f", K::ScriptName),
            ("hel\u{1b}lo = demo.m:f", K::ScriptName),
            ("python3.11 = demo.m:f", K::ScriptName),
            ("Python.exe = demo.m:f", K::ScriptName),
            ("pypy3 = demo.m:f", K::ScriptName),
            ("hello = demo.m", K::ScriptReference),
            ("hello = demo.m:f()", K::ScriptReference),
            ("hello = demo.m:f;x=1", K::ScriptReference),
            ("hello = demo-m:f", K::ScriptReference),
            ("hello = demo.m : f", K::ScriptReference),
            ("hello = demo.m:f:g", K::ScriptReference),
            ("hello = 1demo.m:f", K::ScriptReference),
            ("hello = demo..m:f", K::ScriptReference),
            ("hello = demo.m:f # x", K::ScriptReference),
            ("hello = demo.m:f [x", K::ScriptReference),
            ("a=b = demo.m:f", K::ScriptReference),
            ("hello = demo.m:f\nhello = demo.m:f", K::EntryPointsRepeated),
            (
                "hello = demo.m:f\n[console_scripts]",
                K::EntryPointsRepeated,
            ),
            ("[x]\na = b\na = c", K::EntryPointsRepeated),
            ("hello: demo.m:f", K::EntryPointsMalformed),
            (
                "hello = demo.m:f\n  bye = demo.m:g",
                K::EntryPointsMalformed,
            ),
            (
                "hello = demo.m:f\u{2028}bye = demo.m:g",
                K::EntryPointsMalformed,
            ),
            ("hello = demo.m:f\rbye = demo.m:g", K::EntryPointsMalformed),
            ("[hello = demo.m:f", K::EntryPointsMalformed),
            ("[x] ; y", K::EntryPointsMalformed),
            ("[DEFAULT]\nhello = demo.m:f", K::EntryPointsMalformed),
            ("; x", K::EntryPointsRefused),
        ] {
            let (_, kinds) = read(&format!("[console_scripts]\n{entry}\n"));
            assert_eq!(kinds, [expected], "{entry:?}");
        }
        assert_eq!(
            read("\u{feff}[console_scripts]\n").1,
            [K::EntryPointsMalformed]
        );
        assert_eq!(read("a = b:c\n[x]\n").1, [K::EntryPointsMalformed]);
        let mut faults = Faults::default();
        assert!(super::read(b"[x]\n\xff", "x", &mut faults).is_empty());
        assert_eq!(faults.finish()[0].kind, K::EntryPointsMalformed);
    }
}
