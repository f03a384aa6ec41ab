//! The manifest as signatures hash it, once for each way of hashing it.
//!
//! A signature is over the manifest followed by fields of its own (RFC 9580, section
//! 5.2.4), so that what stands in front can be hashed once for all of them. Only
//! signatures of version 6 begin with a salt, and each of them is a way of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sequoia::crypto::hash::{Context, Hash as _};
use sequoia::packet::Signature;
use sequoia::types::SignatureType;
use sequoia_openpgp as sequoia;

use crate::cancel::Cancel;

/// How many bytes are hashed before somebody may ask to stop.
const PIECE: usize = 1 << 20;

/// What is hashed in front of a signature's own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// The bytes as they are.
    Bytes,
    /// The bytes with every line end as CR LF (RFC 9580, section 5.2.1.2).
    Text,
    /// The same without the last line end (section 7).
    ClearsignedText,
}

/// Why there is no digest.
#[derive(Debug)]
pub(super) enum Unhashed {
    /// Somebody asked to stop.
    Stopped,
    /// The library cannot compute it, or found that the hash was attacked.
    Refused(sequoia::anyhow::Error),
}

/// A way of hashing: the algorithm's number, the version of the signature, what is
/// hashed, the salt.
type Way = (u8, u8, Form, Vec<u8>);

/// What a way of hashing came to; nothing when somebody asked to stop.
type Begun = Arc<OnceLock<Option<Context>>>;

/// A manifest whose digests are computed when they are asked for, and once.
pub(super) struct Hashed<'a> {
    manifest: &'a [u8],
    as_text: OnceLock<Vec<u8>>,
    begun: Mutex<BTreeMap<Way, Begun>>,
    cancel: Cancel,
}

impl<'a> Hashed<'a> {
    pub(super) fn new(manifest: &'a [u8], cancel: &Cancel) -> Self {
        Self {
            manifest,
            as_text: OnceLock::new(),
            begun: Mutex::default(),
            cancel: cancel.clone(),
        }
    }

    /// Returns the digest that a signature is over.
    pub(super) fn digest(&self, signature: &Signature, form: Form) -> Result<Vec<u8>, Unhashed> {
        let way = (
            signature.hash_algo().into(),
            signature.version(),
            form,
            signature.salt().unwrap_or_default().to_vec(),
        );
        // A panic elsewhere leaves the map whole: nothing is computed under the lock.
        let begun = Arc::clone(
            self.begun
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(way)
                .or_default(),
        );
        // Made before the lock is taken: that an algorithm is not there is no result to
        // keep.
        let fresh = signature.hash_algo().context().map_err(Unhashed::Refused)?;
        let begun = begun.get_or_init(|| {
            let mut context = fresh.for_signature(signature.version());
            if let Some(salt) = signature.salt() {
                context.update(salt);
            }
            for piece in self.bytes(form).chunks(PIECE) {
                if self.cancel.is_requested() {
                    return None;
                }
                context.update(piece);
            }
            Some(context)
        });
        let mut context = begun.clone().ok_or(Unhashed::Stopped)?;
        signature.hash(&mut context).map_err(Unhashed::Refused)?;
        context.into_digest().map_err(Unhashed::Refused)
    }

    fn bytes(&self, form: Form) -> &[u8] {
        match form {
            Form::Bytes => self.manifest,
            Form::Text => self.text(),
            Form::ClearsignedText => {
                let text = self.text();
                text.strip_suffix(b"\r\n").unwrap_or(text)
            }
        }
    }

    fn text(&self) -> &[u8] {
        self.as_text.get_or_init(|| as_text(self.manifest))
    }
}

impl Form {
    /// Returns what a signature of this type is over, in a file of its own.
    pub(super) fn of(kind: SignatureType) -> Self {
        match kind {
            SignatureType::Text => Self::Text,
            _ => Self::Bytes,
        }
    }
}

/// Returns a text with every line end as CR LF.
pub(super) fn as_text(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut previous = 0;
    for &byte in bytes {
        if byte == b'\n' && previous != b'\r' {
            text.push(b'\r');
        }
        text.push(byte);
        previous = byte;
    }
    text
}

/// Returns a text with LF in place of every CR LF; nothing where there is none.
pub(super) fn without_carriage_returns(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let (line, after) = rest.split_at(at);
        text.extend_from_slice(line);
        rest = after.get(1..).unwrap_or_default();
    }
    (rest.len() < bytes.len()).then(|| {
        text.extend_from_slice(rest);
        text
    })
}
