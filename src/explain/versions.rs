//! What the next version of a backend writes in another way, where the table of probes
//! does not have it: measured with one version changed.
//!
//! Each is claimed only where both sides say the same in their own way; the bytes are not
//! derived.

use super::case::{Case, Item, Piece};
use super::derive::Side;
use super::generator::Generator;
use super::tools;
use crate::compare::{FieldDifference, Kind, LineSide, Sides, UnixMode};

/// Claims what goes with another version of one backend.
pub(super) fn claim(case: &mut Case<'_>, generators: &Sides<Option<Generator>>) {
    modes_in_decimal(case, generators);
    modes_of_objects(case, generators);
    if generators.published == generators.rebuilt {
        return;
    }
    let fields = case.find(|item| {
        let is_metadata = item.is_described() && item.file() == "METADATA";
        is_metadata
            && match item.piece {
                Piece::Field(field) => {
                    says_the_same(field)
                        || is_import_name(case, field)
                        || is_licence(case, item, field)
                }
                // flit_core 4.0.1 leaves out the empty line before the description.
                Piece::Lines(hunk) => {
                    let mut changed = hunk.lines.iter().filter(|line| line.side != LineSide::Both);
                    changed.all(|line| line.text.trim().is_empty())
                }
                _ => false,
            }
    });
    let fields: Vec<usize> = fields
        .into_iter()
        .filter(|place| !case.is_claimed(*place))
        .collect();
    let Some(evidence) = case.at(&fields).next().map(|item| match item.piece {
        Piece::Field(field) => format!(
            "{}: {}",
            field.field,
            super::case::change(&field.published, &field.rebuilt)
        ),
        _ => "an empty line before the description".to_owned(),
    }) else {
        return;
    };
    if !case.extend("backend-version", evidence.clone(), &fields) {
        let cause = tools::backend_cause(generators, &tools::BACKEND_VERSION);
        case.add(cause.seen(evidence), &fields);
    }
}

/// Returns whether both sides of a field say the same: an encoded word (RFC 2047) and its
/// characters, or the same words with other signs between them.
fn says_the_same(field: &FieldDifference) -> bool {
    let is = |names: &[&str]| {
        names
            .iter()
            .any(|name| field.field.eq_ignore_ascii_case(name))
    };
    let (published, rebuilt) = (field.published.join(", "), field.rebuilt.join(", "));
    if published.is_empty() || rebuilt.is_empty() {
        return false;
    }
    if is(&["Author", "Author-email", "Maintainer", "Maintainer-email"]) {
        let plain = |text: &str| decoded(text).replace(['"', ' '], "");
        return plain(&published) == plain(&rebuilt);
    }
    let words = |text: &str| {
        let mut words: Vec<String> = text
            .split([',', ' '])
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        words.sort();
        words
    };
    is(&["Keywords"]) && words(&published) == words(&rebuilt)
}

/// Returns whether `Import-Name` (core metadata 2.5), on one side only, names what lies at
/// the top of the wheel.
fn is_import_name(case: &Case<'_>, field: &FieldDifference) -> bool {
    let is_own = |side: Side, values: &[String]| {
        let wheel = side.of(&case.wheels);
        values.iter().all(|value| {
            let name = value.split([';', '.']).next().unwrap_or_default().trim();
            wheel.layout.members.iter().any(|place| {
                let member = place.name.to_string();
                let rest = member.strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with('/') || rest.starts_with('.'))
            })
        })
    };
    ["Import-Name", "Import-Namespace"]
        .iter()
        .any(|name| field.field.eq_ignore_ascii_case(name))
        && field.published.is_empty() != field.rebuilt.is_empty()
        && is_own(Side::Published, &field.published)
        && is_own(Side::Rebuilt, &field.rebuilt)
}

/// Returns whether a licence stands in `License` on one side and in `License-Expression` on
/// the other, with the same value.
fn is_licence(case: &Case<'_>, item: &Item<'_>, field: &FieldDifference) -> bool {
    let other = match field.field.to_ascii_lowercase().as_str() {
        "license" => "License-Expression",
        "license-expression" => "License",
        _ => return false,
    };
    case.items.iter().any(|twin| match twin.piece {
        Piece::Field(found) if twin.difference == item.difference => {
            found.field.eq_ignore_ascii_case(other)
                && found.published == field.rebuilt
                && found.rebuilt == field.published
        }
        _ => false,
    })
}

/// uv_build up to 0.8.2 wrote the digits of a mode as a decimal number: 0o644 for 644.
fn modes_in_decimal(case: &mut Case<'_>, generators: &Sides<Option<Generator>>) {
    let is_uv = |generator: &Option<Generator>| {
        generator
            .as_ref()
            .is_some_and(|generator| generator.name == "uv")
    };
    if !is_uv(&generators.published) || !is_uv(&generators.rebuilt) {
        return;
    }
    let is_decimal = |one: UnixMode, other: UnixMode| {
        let digits = format!("{:o}", other.0 & 0o777);
        let decimal: Option<u16> = digits.parse().ok();
        decimal.is_some_and(|decimal| one.0 & 0o7777 == decimal)
    };
    let places = case.find(|item| match item.piece {
        Piece::Whole(Kind::Mode(modes)) => {
            is_decimal(modes.published, modes.rebuilt) || is_decimal(modes.rebuilt, modes.published)
        }
        _ => false,
    });
    claim_modes(
        case,
        generators,
        &places,
        "modes are written in decimal, as uv_build up to 0.8.2 did",
    );
}

/// CMake as Debian has it installs shared objects without the bit for running, others do not.
fn modes_of_objects(case: &mut Case<'_>, generators: &Sides<Option<Generator>>) {
    let uses_cmake = |generator: &Option<Generator>| {
        generator.as_ref().is_some_and(|generator| {
            ["scikit-build-core", "py-build-cmake"].contains(&generator.name.as_str())
        })
    };
    if !uses_cmake(&generators.published) || !uses_cmake(&generators.rebuilt) {
        return;
    }
    let places = case.find(|item| match item.piece {
        Piece::Whole(Kind::Mode(modes)) => {
            let only_running = (modes.published.0 ^ modes.rebuilt.0) & 0o7777 == 0o111;
            only_running && [".so", ".pyd"].iter().any(|end| item.file().ends_with(end))
        }
        _ => false,
    });
    claim_modes(
        case,
        generators,
        &places,
        "shared objects alone may be run on one side: CMake of Debian installs them with 0644, that of others with 0755",
    );
}

fn claim_modes(
    case: &mut Case<'_>,
    generators: &Sides<Option<Generator>>,
    places: &[usize],
    evidence: &str,
) {
    if places.is_empty() {
        return;
    }
    if !case.extend("backend-version", evidence.to_owned(), places) {
        let cause = tools::backend_cause(generators, &tools::BACKEND_VERSION);
        case.add(cause.seen(evidence), places);
    }
}

/// Decodes encoded words (RFC 2047, sections 2 and 4.2) in UTF-8; others stay.
fn decoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("=?") {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let word = from.get(2..).and_then(|word| {
            let (charset, word) = word.split_once('?')?;
            let (encoding, word) = word.split_once('?')?;
            let (data, after) = word.split_once("?=")?;
            let bytes = match encoding {
                "q" | "Q" => quoted_printable(data)?,
                "b" | "B" => base64(data)?,
                _ => return None,
            };
            let is_utf8 = charset.eq_ignore_ascii_case("utf-8");
            Some((String::from_utf8(bytes).ok().filter(|_| is_utf8)?, after))
        });
        match word {
            Some((word, after)) => {
                out.push_str(&word);
                rest = after;
            }
            None => {
                out.push_str("=?");
                rest = from.get(2..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

fn quoted_printable(data: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = data.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'_' => bytes.push(b' '),
            b'=' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = rest.get(2..)?;
            }
            other => bytes.push(*other),
        }
    }
    Some(bytes)
}

fn base64(data: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0_u32, 0);
    for sign in data.trim_end_matches('=').bytes() {
        let value = match sign {
            b'A'..=b'Z' => sign - b'A',
            b'a'..=b'z' => sign - b'a' + 26,
            b'0'..=b'9' => sign - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_word_is_what_pythons_email_makes_of_it() {
        // str(email.header.make_header(email.header.decode_header(text)))
        for (text, plain) in [
            ("=?utf-8?q?Andr=C3=A9?= <a@b.c>", "André <a@b.c>"),
            ("=?utf-8?b?QW5kcsOp?= <a@b.c>", "André <a@b.c>"),
            ("=?utf-8?q?A_B?=", "A B"),
            ("a =? b", "a =? b"),
        ] {
            assert_eq!(decoded(text), plain);
        }
    }

    #[test]
    fn only_what_says_the_same_is_a_matter_of_the_version() {
        let field = |name: &str, published: &str, rebuilt: &str| FieldDifference {
            field: name.to_owned(),
            published: vec![published.to_owned()],
            rebuilt: vec![rebuilt.to_owned()],
        };
        assert!(says_the_same(&field(
            "Author-email",
            "=?utf-8?q?Andr=C3=A9?= <a@b.c>",
            "André <a@b.c>"
        )));
        assert!(!says_the_same(&field(
            "Author-email",
            "=?utf-8?q?Andr=C3=A9?= <a@b.c>",
            "André <e@vil>"
        )));
        assert!(says_the_same(&field("Keywords", "a,b", "a b")));
        assert!(!says_the_same(&field("Keywords", "a,b", "a,c")));
        assert!(!says_the_same(&field("Summary", "a,b", "a b")));
    }
}
