//! METADATA, WHEEL and their like, field by field.
//!
//! In: two texts of header lines with an optional body, as core metadata has them
//! (an email message, RFC 822). Out: [`FieldsDetail`]. A name keeps the case it
//! is written in and is compared without it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::sides::Sides;

/// The most values that one field shows of each side.
const VALUES: usize = 100;

/// The longest value that is kept, in characters.
const VALUE_CHARACTERS: usize = 500;

/// What differs between two texts of header lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FieldsDetail {
    /// The fields whose values differ, sorted by name.
    pub fields: Vec<FieldDifference>,
    /// Whether both have the same fields and values in another order.
    pub order: bool,
    /// How many line feeds end the text, where that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_line_feeds: Option<Sides<u64>>,
    /// Whether only one side ends its lines with CR LF, and which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crlf: Option<Sides<bool>>,
    /// Whether the text below the header lines differs, but for its end and its
    /// line ends.
    pub body: bool,
}

/// A field whose values differ. It comes from a wheel; who prints it escapes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldDifference {
    /// Its name.
    pub field: String,
    /// The values that the rebuilt wheel does not have, in their order.
    pub published: Vec<String>,
    /// The values that the published wheel does not have, in their order.
    pub rebuilt: Vec<String>,
}

/// Compares two texts that are known to differ; nothing when one is not UTF-8 or
/// does not start with a header line.
pub(super) fn compare(published: &[u8], rebuilt: &[u8]) -> Option<FieldsDetail> {
    let sides = Sides {
        published: Text::parse(published)?,
        rebuilt: Text::parse(rebuilt)?,
    };
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for text in [&sides.published, &sides.rebuilt] {
        for (name, _) in &text.fields {
            names.entry(name.to_ascii_lowercase()).or_insert(name);
        }
    }
    let mut fields = Vec::new();
    for (key, name) in names {
        let values = sides.as_ref().map(|text| text.values(&key));
        let only = Sides {
            published: surplus(&values.published, &values.rebuilt),
            rebuilt: surplus(&values.rebuilt, &values.published),
        };
        if !only.published.is_empty() || !only.rebuilt.is_empty() {
            fields.push(FieldDifference {
                field: name.to_owned(),
                published: only.published,
                rebuilt: only.rebuilt,
            });
        }
    }
    let common = |own: &Text, other: &Text| -> Vec<(String, String)> {
        let others: Vec<_> = other.fields.iter().map(folded).collect();
        let own = own.fields.iter().map(folded);
        own.filter(|field| others.contains(field)).collect()
    };
    let ends = sides.as_ref().map(|text| text.final_line_feeds);
    let crlf = sides.as_ref().map(|text| text.crlf);
    Some(FieldsDetail {
        // The order of what both have; an added field moves nothing.
        order: common(&sides.published, &sides.rebuilt) != common(&sides.rebuilt, &sides.published),
        final_line_feeds: (ends.published != ends.rebuilt).then_some(ends),
        crlf: (crlf.published != crlf.rebuilt).then_some(crlf),
        body: sides.published.body != sides.rebuilt.body,
        fields,
    })
}

fn folded((name, value): &(String, String)) -> (String, String) {
    (name.to_ascii_lowercase(), value.clone())
}

/// Returns the values that are on one side more often than on the other.
fn surplus(own: &[&str], other: &[&str]) -> Vec<String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for value in other {
        *left.entry(value).or_default() += 1;
    }
    let is_surplus = |value: &&&str| match left.get_mut(**value) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    own.iter()
        .filter(is_surplus)
        .take(VALUES)
        .map(|value| value.chars().take(VALUE_CHARACTERS).collect())
        .collect()
}

struct Text {
    fields: Vec<(String, String)>,
    body: Vec<String>,
    final_line_feeds: u64,
    crlf: bool,
}

impl Text {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let crlf = text.contains("\r\n");
        let text = text.replace("\r\n", "\n");
        let content = text.trim_end_matches('\n');
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut lines = content.lines();
        for line in lines.by_ref() {
            if line.is_empty() {
                break;
            }
            if line.starts_with([' ', '\t']) {
                let (_, value) = fields.last_mut()?;
                value.push('\n');
                value.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':')?;
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                return None;
            }
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
        (!fields.is_empty()).then(|| Self {
            fields,
            body: lines.map(str::to_owned).collect(),
            final_line_feeds: (text.len() - content.len()) as u64,
            crlf,
        })
    }

    fn values(&self, key: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "Metadata-Version: 2.1\nName: six\nPlatform: UNKNOWN\n\nText.\n\n\n";

    fn to(rebuilt: &str) -> FieldsDetail {
        compare(BASE.as_bytes(), rebuilt.as_bytes()).expect("header lines")
    }

    #[test]
    fn a_field_more_is_the_only_difference() {
        let detail = to(&BASE.replace("Platform", "License-File: LICENSE\nPlatform"));
        assert_eq!(
            detail.fields,
            [FieldDifference {
                field: "License-File".to_owned(),
                published: vec![],
                rebuilt: vec!["LICENSE".to_owned()],
            }]
        );
        assert!(!detail.order && !detail.body && detail.final_line_feeds.is_none());
    }

    #[test]
    fn the_end_the_line_ends_the_order_and_the_body_are_told_apart() {
        let detail = to(BASE.trim_end());
        assert!(detail.fields.is_empty() && !detail.body);
        assert_eq!(
            detail
                .final_line_feeds
                .map(|ends| (ends.published, ends.rebuilt)),
            Some((3, 0))
        );
        let detail = to(&BASE.replace('\n', "\r\n"));
        assert_eq!(detail.crlf.map(|crlf| crlf.rebuilt), Some(true));
        assert!(detail.fields.is_empty() && !detail.body && !detail.order);
        let detail = to("Name: six\nMetadata-Version: 2.1\nPlatform: UNKNOWN\n\nText.\n\n\n");
        assert!(detail.order && detail.fields.is_empty());
        assert!(to(&BASE.replace("Text", "Other")).body);
    }

    #[test]
    fn a_value_that_stands_twice_counts_twice() {
        let detail = to(&BASE.replace("Name: six", "Name: six\nName: six"));
        assert_eq!(detail.fields[0].rebuilt, ["six"]);
        assert!(detail.fields[0].published.is_empty());
    }

    #[test]
    fn what_has_no_header_lines_is_not_compared_by_field() {
        for bytes in [&b""[..], b"\xff: x", b"import six\n", b" x: y\n"] {
            assert!(compare(bytes, BASE.as_bytes()).is_none());
        }
    }
}
