//! A TOML document that knows on which line each of its values stands.
//!
//! In: text. Out: [`Table`]s whose lookups say what is missing, and where. Keys
//! that nobody asked for are told too: a key that is not known may well say where
//! a file comes from.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{FaultKind, clip};

/// A parsed document.
pub(super) struct Document<'a> {
    root: Spanned<DeTable<'a>>,
    /// Where each line begins.
    starts: Vec<usize>,
}

/// Where something stands, and what is wrong with it.
pub(super) type Faulty = (u64, FaultKind);

impl<'a> Document<'a> {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// It is not TOML.
    pub(super) fn parse(text: &'a str) -> Result<Self, Faulty> {
        let starts: Vec<usize> = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(index, _)| index + 1))
            .collect();
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { root, starts }),
            Err(error) => {
                let line = line_of(&starts, error.span().unwrap_or_default());
                Err((line, FaultKind::Toml(clip(error.message()))))
            }
        }
    }

    /// Returns the whole document.
    pub(super) fn root(&self) -> Table<'_> {
        Table {
            document: self,
            table: self.root.get_ref(),
            line: 1,
        }
    }

    fn line(&self, span: Range<usize>) -> u64 {
        line_of(&self.starts, span)
    }
}

fn line_of(starts: &[usize], span: Range<usize>) -> u64 {
    starts.partition_point(|start| *start <= span.start) as u64
}

/// A table and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    document: &'a Document<'a>,
    table: &'a DeTable<'a>,
    /// The line it begins on.
    pub(super) line: u64,
}

/// A value and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    document: &'a Document<'a>,
    value: &'a DeValue<'a>,
    /// The line it begins on.
    pub(super) line: u64,
}

impl<'a> Table<'a> {
    /// Returns the keys, where each stands, and their values.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        self.table
            .iter()
            .map(move |(key, value)| (key.get_ref().as_ref(), self.value(value)))
    }

    fn value(self, value: &'a Spanned<DeValue<'a>>) -> Value<'a> {
        Value {
            document: self.document,
            value: value.get_ref(),
            line: self.document.line(value.span()),
        }
    }

    /// Returns the value of a key.
    pub(super) fn get(self, key: &str) -> Option<Value<'a>> {
        self.table.get(key).map(|value| self.value(value))
    }

    /// Returns the text that a key has to have.
    pub(super) fn text(self, key: &'static str) -> Result<&'a str, Faulty> {
        self.get(key)
            .and_then(Value::text)
            .ok_or((self.line, FaultKind::Key(key, "a text")))
    }

    /// Returns the text of a key that may be left out.
    pub(super) fn optional_text(self, key: &'static str) -> Result<Option<&'a str>, Faulty> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => match value.text() {
                Some(text) => Ok(Some(text)),
                None => Err((value.line, FaultKind::Key(key, "a text"))),
            },
        }
    }

    /// Returns the tables in the list of a key; none when it is left out.
    pub(super) fn tables(self, key: &'static str) -> Result<Vec<Table<'a>>, Faulty> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        value
            .tables()
            .map_err(|(line, _)| (line, FaultKind::Key(key, LIST_OF_TABLES)))
    }

    /// Returns the texts in the list of a key; none when it is left out.
    pub(super) fn texts(self, key: &'static str) -> Result<Vec<&'a str>, Faulty> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let wrong = || (value.line, FaultKind::Key(key, "a list of texts"));
        let DeValue::Array(items) = value.value else {
            return Err(wrong());
        };
        items
            .iter()
            .map(|item| self.value(item).text().ok_or_else(wrong))
            .collect()
    }

    /// Returns the first key that is none of these.
    pub(super) fn unknown(self, known: &[&str]) -> Option<Faulty> {
        self.table
            .iter()
            .find(|(key, _)| !known.contains(&key.get_ref().as_ref()))
            .map(|(key, _)| {
                let line = self.document.line(key.span());
                (line, FaultKind::UnknownKey(clip(key.get_ref())))
            })
    }
}

/// What a list of tables is called in a message.
const LIST_OF_TABLES: &str = "a list of tables";

impl<'a> Value<'a> {
    /// Returns the tables in a list.
    pub(super) fn tables(self) -> Result<Vec<Table<'a>>, Faulty> {
        let wrong = || (self.line, FaultKind::Key("value", LIST_OF_TABLES));
        let DeValue::Array(items) = self.value else {
            return Err(wrong());
        };
        items
            .iter()
            .map(|item| {
                let value = Value {
                    document: self.document,
                    value: item.get_ref(),
                    line: self.document.line(item.span()),
                };
                value.table().ok_or_else(wrong)
            })
            .collect()
    }

    /// Returns the value as text.
    pub(super) fn text(self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// Returns the value as a number, as it is written.
    pub(super) fn number(self) -> Option<&'a str> {
        match self.value {
            DeValue::Integer(number) => Some(number.as_str()),
            _ => None,
        }
    }

    /// Returns the value as yes or no.
    pub(super) fn boolean(self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the value as a table.
    pub(super) fn table(self) -> Option<Table<'a>> {
        match self.value {
            DeValue::Table(table) => Some(Table {
                document: self.document,
                table,
                line: self.line,
            }),
            _ => None,
        }
    }
}
