//! Certificates and signatures of the cases, made with Sequoia from what they declare.

use std::collections::BTreeMap;

use sequoia_openpgp as sequoia;

use sequoia::armor::Kind;
use sequoia::packet::Packet;
use sequoia::serialize::SerializeInto;
use sequoia::types::{HashAlgorithm, ReasonForRevocation, SignatureType};

use super::format::{Certificate, Signature, Subkey};
use crate::signing::{self, BEGIN, SIGNED, Signer, Use, Wish, armored, plan};

/// The kit is read once, and its times live as long as the process.
fn kept(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn kept_or(text: Option<&String>, other: &'static str) -> &'static str {
    text.map_or(other, |text| kept(text))
}

fn hash(name: Option<&String>) -> Result<HashAlgorithm, String> {
    match name.map_or("SHA512", String::as_str) {
        "MD5" => Ok(HashAlgorithm::MD5),
        "SHA1" => Ok(HashAlgorithm::SHA1),
        "SHA256" => Ok(HashAlgorithm::SHA256),
        "SHA384" => Ok(HashAlgorithm::SHA384),
        "SHA512" => Ok(HashAlgorithm::SHA512),
        other => Err(format!("no hash is called {other}")),
    }
}

fn reason(name: &str) -> Result<ReasonForRevocation, String> {
    match name {
        "compromised" => Ok(ReasonForRevocation::KeyCompromised),
        "retired" => Ok(ReasonForRevocation::KeyRetired),
        "superseded" => Ok(ReasonForRevocation::KeySuperseded),
        "unspecified" => Ok(ReasonForRevocation::Unspecified),
        other => Err(format!("no reason for a revocation is called {other}")),
    }
}

fn subkey(declared: &Subkey) -> Result<signing::Subkey, String> {
    let created = kept_or(declared.created.as_ref(), BEGIN);
    Ok(signing::Subkey {
        number: declared.number,
        created,
        expires: declared.expires.as_deref().map(kept),
        bound: kept_or(declared.bound.as_ref(), created),
        for_use: match declared.for_use.as_deref() {
            None | Some("sign") => Use::Sign,
            Some("encrypt") => Use::Encrypt,
            Some("authenticate") => Use::Authenticate,
            Some(other) => return Err(format!("no key is for {other}")),
        },
        agrees: declared.agrees.unwrap_or(true),
    })
}

/// Makes a certificate as it is declared.
pub(crate) fn signer(declared: &Certificate) -> Result<Signer, String> {
    let created = kept_or(declared.created.as_ref(), BEGIN);
    let mut signer = Signer::new(signing::Plan {
        created,
        expires: declared.expires.as_deref().map(kept),
        bound: kept_or(declared.bound.as_ref(), created),
        self_signature_hash: hash(declared.hash.as_ref())?,
        primary_signs: declared.signs.unwrap_or(true),
        version: declared.version.unwrap_or(4),
        ..plan(declared.number)
    });
    for declared in &declared.subkey {
        signer = signer.with_subkey(subkey(declared)?);
    }
    for extended in &declared.extended {
        let expires = extended.expires.as_deref().map(kept);
        signer.bind_user_id(&extended.bound, expires, hash(extended.hash.as_ref())?);
    }
    for revoked in &declared.revoked {
        let why = reason(&revoked.reason)?;
        signer = match revoked.subkey {
            Some(place) => signer.subkey_revoked(place, &revoked.time, why),
            None => signer.revoked(&revoked.time, why),
        };
    }
    Ok(signer)
}

/// Returns the file of a certificate.
pub(crate) fn certificate_file(declared: &Certificate, signer: &Signer) -> Vec<u8> {
    match (declared.secret, declared.binary) {
        (true, _) => signer.secret_certificate(),
        (false, true) => signer.binary_certificate(),
        (false, false) => signer.certificate(),
    }
}

fn wished(declared: &Signature) -> Result<Wish, String> {
    let form = declared.form.as_deref().unwrap_or("detached");
    let usual = match form {
        "clearsigned" => "text",
        _ => "binary",
    };
    Ok(Wish {
        made: kept_or(declared.time.as_ref(), SIGNED),
        expires: declared.expires.as_deref().map(kept),
        hash: hash(declared.hash.as_ref())?,
        kind: match declared.kind.as_deref().unwrap_or(usual) {
            "binary" => SignatureType::Binary,
            "text" => SignatureType::Text,
            other => return Err(format!("no type of signature is called {other}")),
        },
        with_subkey: declared.subkey,
        names_its_key: declared.names_key.unwrap_or(true),
    })
}

/// Returns what is hashed for a clearsigned text: its lines without blanks at the
/// end, CR LF between them and none after the last (RFC 9580, section 7).
fn hashed(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.trim_end_matches([' ', '\t']))
        .collect();
    lines.join("\r\n")
}

fn message(signer: &Signer, wish: Wish, data: &[u8]) -> Result<Vec<u8>, String> {
    let signature = signer.signature(wish, data);
    let mut literal = sequoia::packet::Literal::new(sequoia::types::DataFormat::Binary);
    literal.set_body(data.to_vec());
    let mut one_pass = sequoia::packet::one_pass_sig::OnePassSig3::try_from(&signature)
        .map_err(|error| error.to_string())?;
    one_pass.set_last(true);
    let packets = [
        Packet::from(sequoia::packet::OnePassSig::from(one_pass)),
        literal.into(),
        signature.into(),
    ];
    let mut bytes = Vec::new();
    for packet in packets {
        bytes.extend(packet.to_vec().map_err(|error| error.to_string())?);
    }
    Ok(bytes)
}

/// A file of signatures while it is put together.
#[derive(Default)]
struct Together {
    /// The packets of each armor block.
    blocks: Vec<Vec<u8>>,
    binary: bool,
    /// The label of the blocks.
    is_message: bool,
    /// The text of a clearsigned document, and the hashes of its signatures.
    document: Option<(String, Vec<String>)>,
}

impl Together {
    fn bytes(self) -> Vec<u8> {
        let kind = match self.is_message {
            true => Kind::Message,
            false => Kind::Signature,
        };
        if let Some((text, hashes)) = self.document {
            let mut document = "-----BEGIN PGP SIGNED MESSAGE-----\n".to_owned();
            document.push_str(&format!("Hash: {}\n\n", hashes.join(",")));
            for line in text.lines() {
                let escape = if line.starts_with('-') { "- " } else { "" };
                document.push_str(&format!("{escape}{line}\n"));
            }
            let mut document = document.into_bytes();
            document.extend(armored(Kind::Signature, &self.blocks.concat()));
            return document;
        }
        match self.binary {
            true => self.blocks.concat(),
            false => self
                .blocks
                .iter()
                .flat_map(|block| armored(kind, block))
                .collect(),
        }
    }
}

/// Makes the signature files of a side: their paths and their bytes. A clearsigned
/// document brings the manifest's text and takes its place.
pub(crate) fn signature_files(
    declared: &[Signature],
    signers: &BTreeMap<&str, Signer>,
    manifest_path: &str,
    manifest: &[u8],
) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut files: BTreeMap<String, Together> = BTreeMap::new();
    for signature in declared {
        let signer = signers
            .get(signature.by.as_str())
            .ok_or_else(|| format!("no certificate is called {}", signature.by))?;
        let wish = wished(signature)?;
        let data = signature
            .over
            .as_ref()
            .map_or(manifest, |text| text.as_bytes());
        let path = signature.path.clone();
        let path = path.unwrap_or_else(|| format!("{manifest_path}.asc"));
        let file = files.entry(path).or_default();
        file.binary |= signature.binary;
        let packets = match signature.form.as_deref().unwrap_or("detached") {
            // What is hashed has CR LF ends (RFC 9580, section 5.2.1.2).
            "detached" if wish.kind == SignatureType::Text => {
                let text = String::from_utf8_lossy(data).replace('\n', "\r\n");
                signer.sign_binary(wish, text.as_bytes())
            }
            "detached" => signer.sign_binary(wish, data),
            "message" => {
                file.is_message = true;
                message(signer, wish, data)?
            }
            "clearsigned" => {
                let text = std::str::from_utf8(data).map_err(|error| error.to_string())?;
                let name = signature
                    .hash
                    .clone()
                    .unwrap_or_else(|| "SHA512".to_owned());
                let (_, hashes) = file
                    .document
                    .get_or_insert_with(|| (text.to_owned(), Vec::new()));
                if !hashes.contains(&name) {
                    hashes.push(name);
                }
                signer.sign_binary(wish, hashed(text).as_bytes())
            }
            other => return Err(format!("no form of signature is called {other}")),
        };
        for _ in 0..signature.times.unwrap_or(1) {
            match file.blocks.last_mut() {
                Some(block) if signature.same_block => block.extend(&packets),
                _ => file.blocks.push(packets.clone()),
            }
        }
    }
    Ok(files
        .into_iter()
        .map(|(path, file)| (path, file.bytes()))
        .collect())
}
