//! Bills of materials inside wheels (PEP 770): what of two of them is the same.
//!
//! In: JSON of foreign wheels. What is taken out is taken out of the text as it stands, so
//! that a space or a second key of one name still counts.

use serde_json::Value;

use crate::compare::Sides;

/// Returns a document with its number and its time replaced by signs, where they have the
/// form of such: `serialNumber` and `metadata.timestamp` of CycloneDX, `creationInfo.created`
/// of SPDX.
pub(super) fn without_own(bytes: &[u8]) -> Option<Vec<u8>> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let mut text = std::str::from_utf8(bytes).ok()?.to_owned();
    let places = [
        ("/serialNumber", is_number as fn(&str) -> bool),
        ("/metadata/timestamp", is_time),
        ("/creationInfo/created", is_time),
    ];
    for (place, has_form) in places {
        let own = document.pointer(place).and_then(Value::as_str);
        if let Some(own) = own.filter(|own| has_form(own)) {
            text = text.replacen(&format!("\"{own}\""), "\"*\"", 1);
        }
    }
    Some(text.into_bytes())
}

/// Returns whether a text is a UUID as a URN (RFC 9562, section 4).
fn is_number(text: &str) -> bool {
    let Some(digits) = text.strip_prefix("urn:uuid:") else {
        return false;
    };
    let parts: Vec<usize> = digits.split('-').map(str::len).collect();
    let is_digit = |c: char| c.is_ascii_hexdigit() || c == '-';
    parts == [8, 4, 4, 4, 12] && digits.chars().all(is_digit)
}

/// Returns whether a text is a time (RFC 3339).
fn is_time(text: &str) -> bool {
    text.len() <= 40 && text.parse::<jiff::Timestamp>().is_ok()
}

/// Returns what a document says without the order of its lists, and which bytes it has.
pub(super) fn without_order(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = without_own(bytes)?;
    let mut document: Value = serde_json::from_slice(&text).ok()?;
    sort(&mut document);
    let mut reduced = document.to_string().into_bytes();
    // Spaces and repeated keys are no part of the document as it is read.
    let mut signs = text;
    signs.sort_unstable();
    reduced.push(b'\n');
    reduced.extend(signs);
    Some(reduced)
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(entries) => {
            entries.iter_mut().for_each(sort);
            entries.sort_by_cached_key(Value::to_string);
        }
        Value::Object(entries) => entries.values_mut().for_each(sort),
        _ => {}
    }
}

/// Returns the directories of both sides when documents are the same but for one directory
/// that stands in the place of another, everywhere.
pub(super) fn directories(held: &Sides<Vec<u8>>) -> Option<(String, String)> {
    let published = String::from_utf8(without_own(&held.published)?).ok()?;
    let rebuilt = String::from_utf8(without_own(&held.rebuilt)?).ok()?;
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    let (one, other) = first_texts(&parse(&published)?, &parse(&rebuilt)?)?;
    let (from, to) = directory_pair(&one, &other)?;
    let is_path = |path: &str| path.starts_with('/') && path.len() > 1;
    (is_path(&from) && is_path(&to) && published.replace(&from, &to) == rebuilt)
        .then_some((from, to))
}

/// Returns the first texts that differ in the same place.
fn first_texts(one: &Value, other: &Value) -> Option<(String, String)> {
    match (one, other) {
        (Value::String(one), Value::String(other)) => {
            (one != other).then(|| (one.clone(), other.clone()))
        }
        (Value::Array(one), Value::Array(other)) => one
            .iter()
            .zip(other)
            .find_map(|(one, other)| first_texts(one, other)),
        (Value::Object(one), Value::Object(other)) => one
            .iter()
            .find_map(|(key, value)| first_texts(value, other.get(key)?)),
        _ => None,
    }
}

/// Returns the parts of two texts that are absolute paths and differ.
fn directory_pair(one: &str, other: &str) -> Option<(String, String)> {
    let is_path = |c: char| c.is_alphanumeric() || "/._-+~".contains(c);
    // A number or a name ends the directory; the last part may be common.
    let start = |text: &str| {
        let at = text.find("//").map_or(0, |at| at + 2);
        text.get(at..)?.find('/').map(|slash| at + slash)
    };
    let (begin, other_begin) = (start(one)?, start(other)?);
    let path = |text: &str, begin: usize| -> Option<String> {
        let rest = text.get(begin..)?;
        let end = rest.find(|c| !is_path(c)).unwrap_or(rest.len());
        rest.get(..end).map(str::to_owned)
    };
    let (one, other) = (path(one, begin)?, path(other, other_begin)?);
    let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (mut ones, mut others) = (parts(&one), parts(&other));
    while ones.len() > 2 && others.len() > 2 && ones.last() == others.last() {
        ones.pop();
        others.pop();
    }
    Some((ones.join("/"), others.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(published: &str, rebuilt: &str) -> Sides<Vec<u8>> {
        Sides {
            published: published.as_bytes().to_vec(),
            rebuilt: rebuilt.as_bytes().to_vec(),
        }
    }

    #[test]
    fn only_a_number_and_a_time_are_taken_out() {
        let text = |number: &str, time: &str, version: &str| {
            format!(
                "{{\"serialNumber\": \"{number}\", \"metadata\": {{\"timestamp\": \"{time}\"}}, \"version\": {version}}}"
            )
        };
        let reduce = |text: String| without_own(text.as_bytes());
        let uuid = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79";
        let other = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
        let base = reduce(text(uuid, "2026-11-23T00:00:00Z", "1"));
        assert_eq!(base, reduce(text(other, "2027-01-01T11:00:00Z", "1")));
        for changed in [
            text("evil", "2026-11-23T00:00:00Z", "1"),
            text(uuid, "evil", "1"),
            text(uuid, "2026-11-23T00:00:00Z", "2"),
            text(uuid, "2026-11-23T00:00:00Z", "1 "),
        ] {
            assert_ne!(base, reduce(changed.clone()), "{changed}");
        }
    }

    #[test]
    fn an_order_is_no_other_component() {
        let list = |names: &str| without_order(format!("{{\"components\": [{names}]}}").as_bytes());
        assert_eq!(list("\"a\", \"b\""), list("\"b\", \"a\""));
        assert_ne!(list("\"a\", \"b\""), list("\"b\", \"c\""));
        assert_ne!(list("\"a\", \"b\""), list("\"b\",  \"a\""));
    }

    #[test]
    fn one_directory_for_another_is_found_where_it_is_so_everywhere() {
        let text = |one: &str, two: &str| {
            format!(
                "{{\"bom-ref\": \"path+file://{one}#0.1.0\", \"purl\": \"pkg:cargo/x?download_url=file://{two}\"}}"
            )
        };
        let found = directories(&sides(
            &text("/tmp/a/x", "/tmp/a/x"),
            &text("/home/me/x", "/home/me/x"),
        ));
        assert_eq!(found, Some(("/tmp/a".to_owned(), "/home/me".to_owned())));
        let found = directories(&sides(
            &text("/tmp/a/x", "/tmp/a/x"),
            &text("/home/me/x", "/home/it/x"),
        ));
        assert_eq!(found, None);
    }
}
