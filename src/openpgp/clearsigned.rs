//! Clearsigned documents: a text and the signatures over it in one file (RFC 9580,
//! section 7, "Cleartext Signature Framework").
//!
//! In: the bytes of a file that claims to be one. Out: [`Clearsigned`], the text
//! that the signatures are over and nothing else, or the first thing that is not
//! as it should be. Nothing is trusted yet: whether the signatures hold is asked
//! afterwards, over exactly this text.
//!
//! The framing is read here and not by the library, because every laxness that
//! readers allow each other (text around the document, other headers, blank lines
//! that are not quite blank) has at some time made one show as signed what another
//! had not verified.

use std::collections::BTreeSet;

use super::signatures::SignatureFile;
use crate::policy::Tolerance;

/// The line that a document begins with.
const BEGIN: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
/// The line after the text.
const BEGIN_SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
/// The last line.
const END_SIGNATURE: &[u8] = b"-----END PGP SIGNATURE-----";

/// The most headers a document may have; there are fewer hash algorithms.
const MAX_HEADERS: usize = 16;

/// A document taken apart: its text, and the signatures that claim to be over it.
#[derive(Debug)]
pub struct Clearsigned {
    text: Vec<u8>,
    signatures: SignatureFile,
}

/// What is wrong with the frame around a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ClearsignedFault {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub kind: ClearsignedFaultKind,
}

/// What is wrong with a line of a clearsigned document, or with all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClearsignedFaultKind {
    /// Something stands before the document.
    #[error("text stands before the document, which nobody signed")]
    Before,
    /// Something stands after the document.
    #[error("text stands after the document, which nobody signed")]
    After,
    /// A second document begins.
    #[error("a second signed document begins")]
    Second,
    /// A header is none of those a document may have.
    #[error("'{}' is no Hash header, the only one that a document may have", .line.escape_debug())]
    Header {
        /// The line.
        line: String,
    },
    /// A header names a hash algorithm that there is not.
    #[error("the Hash header names '{}', which is no hash algorithm", .name.escape_debug())]
    HashName {
        /// The name.
        name: String,
    },
    /// A signature is over a hash algorithm that no header names.
    #[error("a signature uses {hash}, which no Hash header names")]
    HashMissing {
        /// The algorithm.
        hash: String,
    },
    /// A header names a hash algorithm that no signature is over.
    #[error("the Hash header names {hash}, which no signature uses")]
    HashUnused {
        /// The algorithm.
        hash: String,
    },
    /// A line of the text begins with a hyphen and is not escaped.
    #[error("the line begins with a hyphen and has no '- ' before it")]
    NotEscaped,
    /// The line ends with CR LF, and the policy does not allow that.
    #[error("the line ends in CR LF, as files from Windows do")]
    CarriageReturn,
    /// A CR stands where no line ends.
    #[error("a CR stands where no line ends; some readers begin a new line there")]
    StrayCarriageReturn,
    /// The document ends before its time.
    #[error("the document ends in its {0}")]
    Truncated(Part),
    /// Signature files lie beside it or are named.
    #[error("there are signature files too ({files}), and a clearsigned manifest brings its own")]
    Detached {
        /// The files.
        files: String,
    },
}

/// A part of a clearsigned document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The lines before the first empty one.
    Headers,
    /// The lines that are signed.
    Text,
    /// The armored block.
    Signature,
}

impl std::fmt::Display for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Headers => "headers",
            Self::Text => "text",
            Self::Signature => "signature",
        })
    }
}

impl Clearsigned {
    /// Returns whether the first line claims that a document begins, however it is
    /// spelled: with blanks or a byte order mark before it, or more after it.
    pub fn begins(bytes: &[u8]) -> bool {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        bytes
            .trim_ascii_start()
            .starts_with(b"-----BEGIN PGP SIGNED MESSAGE")
    }

    /// Returns whether a document begins on any line.
    pub fn is_in(bytes: &[u8]) -> bool {
        bytes
            .split(|byte| *byte == b'\n')
            .any(|line| line.trim_ascii() == BEGIN)
    }

    /// Takes a document apart. `path` is for reports only.
    ///
    /// One in which every line ends in CR LF is read whatever `crlf` says: the standard
    /// signs the text with such ends, some programs always write them (OpenPGP.js, rnp,
    /// PGPainless), and what is handed on has LF in any case.
    ///
    /// # Errors
    ///
    /// The first line that is not as the standard has it. Where the standard
    /// leaves readers a choice, the stricter one is taken; `docs/signatures.md` has
    /// the list.
    pub fn parse(
        path: impl Into<String>,
        bytes: &[u8],
        crlf: Tolerance,
    ) -> Result<Self, ClearsignedFault> {
        let mut lines = Lines {
            rest: bytes,
            number: 0,
            crlf: match has_only_crlf(bytes) {
                true => Tolerance::Accept,
                false => crlf,
            },
        };
        match lines.next()? {
            Some(line) if line == BEGIN => {}
            _ => return Err(lines.fault(ClearsignedFaultKind::Before)),
        }
        let hashes = lines.headers()?;
        let lines_before = lines.number;
        let text = lines.text()?;
        let (armor, line) = lines.signature()?;
        let signatures = SignatureFile::parse_clearsigned(path, lines_before, &armor);
        compare_hashes(&hashes, &signatures).map_err(|kind| ClearsignedFault { line, kind })?;
        Ok(Self { text, signatures })
    }

    /// Returns the text with LF after every line, and the signatures over it. The
    /// text is without dash escapes and blanks at line ends: exactly what is
    /// hashed, but for the line ends themselves.
    pub fn into_parts(self) -> (Vec<u8>, SignatureFile) {
        (self.text, self.signatures)
    }
}

/// Returns whether every line that ends in LF has CR before it.
fn has_only_crlf(bytes: &[u8]) -> bool {
    let mut ends = (0..bytes.len()).filter(|at| bytes.get(*at) == Some(&b'\n'));
    ends.all(|at| at > 0 && bytes.get(at - 1) == Some(&b'\r'))
}

/// The lines of a file, without their ends.
struct Lines<'a> {
    rest: &'a [u8],
    number: u64,
    crlf: Tolerance,
}

impl<'a> Lines<'a> {
    fn fault(&self, kind: ClearsignedFaultKind) -> ClearsignedFault {
        ClearsignedFault {
            line: self.number.max(1),
            kind,
        }
    }

    /// Returns the next line, or nothing at the end of the file.
    fn next(&mut self) -> Result<Option<&'a [u8]>, ClearsignedFault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let mut parts = self.rest.splitn(2, |byte| *byte == b'\n');
        let line = parts.next().unwrap_or_default();
        let rest = parts.next();
        self.rest = rest.unwrap_or_default();
        let line = match (line.strip_suffix(b"\r"), rest, self.crlf) {
            (Some(line), Some(_), Tolerance::Accept) => line,
            (Some(_), Some(_), Tolerance::Refuse) => {
                return Err(self.fault(ClearsignedFaultKind::CarriageReturn));
            }
            _ => line,
        };
        if line.contains(&b'\r') {
            return Err(self.fault(ClearsignedFaultKind::StrayCarriageReturn));
        }
        Ok(Some(line))
    }

    /// Reads the headers and the empty line after them.
    fn headers(&mut self) -> Result<BTreeSet<&'static str>, ClearsignedFault> {
        let mut hashes = BTreeSet::new();
        for _ in 0..=MAX_HEADERS {
            let line = match self.next()? {
                None => return Err(self.fault(ClearsignedFaultKind::Truncated(Part::Headers))),
                Some(b"") => return Ok(hashes),
                Some(line) => line,
            };
            let Some(names) = line.strip_prefix(b"Hash: ") else {
                let line = String::from_utf8_lossy(line.get(..80).unwrap_or(line)).into_owned();
                return Err(self.fault(ClearsignedFaultKind::Header { line }));
            };
            for name in names.split(|byte| *byte == b',') {
                let name = name.trim_ascii();
                let known = HASHES.iter().find(|known| known.as_bytes() == name);
                hashes.insert(*known.ok_or_else(|| {
                    let name = String::from_utf8_lossy(name.get(..80).unwrap_or(name));
                    let name = name.into_owned();
                    self.fault(ClearsignedFaultKind::HashName { name })
                })?);
            }
        }
        let line = "one more header than there are hash algorithms".to_owned();
        Err(self.fault(ClearsignedFaultKind::Header { line }))
    }

    /// Reads the text up to the line that begins the signature.
    fn text(&mut self) -> Result<Vec<u8>, ClearsignedFault> {
        let mut text = Vec::with_capacity(self.rest.len());
        loop {
            let line = match self.next()? {
                None => return Err(self.fault(ClearsignedFaultKind::Truncated(Part::Text))),
                Some(line) if line == BEGIN_SIGNATURE => return Ok(text),
                Some(line) if line == BEGIN => {
                    return Err(self.fault(ClearsignedFaultKind::Second));
                }
                Some(line) => line,
            };
            let line = match line.strip_prefix(b"- ") {
                Some(line) => line,
                None if line.starts_with(b"-") => {
                    return Err(self.fault(ClearsignedFaultKind::NotEscaped));
                }
                None => line,
            };
            // Blanks and tabs at line ends are not signed (section 7.2). Handing
            // them on would hand on what nobody signed.
            let length = line
                .iter()
                .rposition(|byte| !matches!(byte, b' ' | b'\t'))
                .map_or(0, |last| last + 1);
            text.extend_from_slice(line.get(..length).unwrap_or_default());
            text.push(b'\n');
        }
    }

    /// Reads the armored block to the end of the file. Returns it with the number
    /// of its first line.
    fn signature(&mut self) -> Result<(Vec<u8>, u64), ClearsignedFault> {
        let begin = self.number;
        let mut armor = BEGIN_SIGNATURE.to_vec();
        armor.push(b'\n');
        loop {
            let Some(line) = self.next()? else {
                return Err(self.fault(ClearsignedFaultKind::Truncated(Part::Signature)));
            };
            armor.extend_from_slice(line);
            armor.push(b'\n');
            if line == END_SIGNATURE {
                break;
            }
        }
        while let Some(line) = self.next()? {
            if line == BEGIN {
                return Err(self.fault(ClearsignedFaultKind::Second));
            }
            // Empty lines say nothing; an editor may have added one.
            if !line.is_empty() {
                return Err(self.fault(ClearsignedFaultKind::After));
            }
        }
        Ok((armor, begin))
    }
}

/// The names of hash algorithms in headers (RFC 9580, section 9.5).
const HASHES: &[&str] = &[
    "MD5",
    "SHA1",
    "RIPEMD160",
    "SHA256",
    "SHA384",
    "SHA512",
    "SHA224",
    "SHA3-256",
    "SHA3-512",
];

/// Compares the headers with the signatures. A reader that hashes in one pass
/// believes the headers, another one the signatures; when the two disagree, so
/// may the readers. Signatures of version 6 bring no header (section 7).
fn compare_hashes(
    named: &BTreeSet<&'static str>,
    signatures: &SignatureFile,
) -> Result<(), ClearsignedFaultKind> {
    let used = signatures.hashes();
    for (hash, needs_header) in &used {
        if *needs_header && !named.contains(hash.as_str()) {
            let hash = hash.clone();
            return Err(ClearsignedFaultKind::HashMissing { hash });
        }
    }
    for hash in named {
        // What cannot be read may use anything; that it cannot be read is told.
        if !signatures.has_unread() && !used.iter().any(|(used, _)| used == hash) {
            let hash = (*hash).to_owned();
            return Err(ClearsignedFaultKind::HashUnused { hash });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(document: &str) -> Result<String, (u64, ClearsignedFaultKind)> {
        let mut lines = Lines {
            rest: document.as_bytes(),
            number: 0,
            crlf: Tolerance::Refuse,
        };
        let read = lines.next().and_then(|_| {
            lines.headers()?;
            let text = lines.text()?;
            lines.signature()?;
            Ok(text)
        });
        read.map(|text| String::from_utf8(text).unwrap())
            .map_err(|fault| (fault.line, fault.kind))
    }

    /// Returns a document with these lines between the headers and the armor.
    fn document(body: &str) -> String {
        format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{body}-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
        )
    }

    #[test]
    fn the_text_is_what_stands_between_without_escapes_and_blanks_at_line_ends() {
        for (body, expected) in [
            ("", ""),
            ("\n", "\n"),
            ("a\nb\n", "a\nb\n"),
            ("- -a\n- From b\n- \n- - c\n", "-a\nFrom b\n\n- c\n"),
            (" a \t \n\t\nb\u{a0}\n", " a\n\nb\u{a0}\n"),
            (
                "- -----BEGIN PGP SIGNATURE-----\n",
                "-----BEGIN PGP SIGNATURE-----\n",
            ),
        ] {
            assert_eq!(text(&document(body)).unwrap(), expected, "{body:?}");
        }
    }

    #[test]
    fn each_break_of_the_frame_is_told_with_its_line() {
        use ClearsignedFaultKind as K;
        let whole = document("a\n");
        for (document, line, kind) in [
            (document("-a\n"), 4, K::NotEscaped),
            (document("-\n"), 4, K::NotEscaped),
            (
                document("-----BEGIN PGP SIGNATURE----- \n"),
                4,
                K::NotEscaped,
            ),
            (
                document("-----BEGIN PGP SIGNED MESSAGE-----\n"),
                4,
                K::Second,
            ),
            (document("a\rb\n"), 4, K::StrayCarriageReturn),
            (document("a\r\n"), 4, K::CarriageReturn),
            (format!("{whole}x\n"), 9, K::After),
            (format!("{whole}\n\n \n"), 11, K::After),
            (format!("{whole}{whole}"), 9, K::Second),
            (whole[..51].to_owned(), 4, K::Truncated(Part::Text)),
            (
                whole[..42].to_owned(),
                2,
                K::HashName {
                    name: "S".to_owned(),
                },
            ),
            (
                whole.replace("\n\na\n", "\n"),
                3,
                K::Header {
                    line: "-----BEGIN PGP SIGNATURE-----".to_owned(),
                },
            ),
            (
                whole.replace("\n\na", "\n \na"),
                3,
                K::Header {
                    line: " ".to_owned(),
                },
            ),
            (
                whole.replace("Hash: SHA512", "NotDashEscaped: yes"),
                2,
                K::Header {
                    line: "NotDashEscaped: yes".to_owned(),
                },
            ),
            (
                whole.replace("SHA512", "sha512"),
                2,
                K::HashName {
                    name: "sha512".to_owned(),
                },
            ),
            (
                whole.replace("Hash: ", "Hash:"),
                2,
                K::Header {
                    line: "Hash:SHA512".to_owned(),
                },
            ),
            (
                whole.replace("-----END PGP SIGNATURE-----\n", ""),
                7,
                K::Truncated(Part::Signature),
            ),
        ] {
            assert_eq!(text(&document), Err((line, kind)), "{document}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Clearsigned::parse("file", &bytes, Tolerance::Accept);
            let framed = [document("").as_bytes().split_at(51).0, &bytes].concat();
            let _ = Clearsigned::parse("file", &framed, Tolerance::Refuse);
        }
    }
}
