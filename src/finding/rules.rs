//! The rules and their permanent names.
//!
//! A name is never given to another rule and never taken away. Each has a
//! paragraph in `docs/rules.md`; a test compares the two lists.

use serde::{Serialize, Serializer};

use super::Severity;

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The permanent name, in kebab-case.
    pub name: &'static str,
    /// What a finding weighs when nothing else is said.
    pub severity: Severity,
    /// What happened, in lower case and free of values, so that it can be
    /// searched for.
    pub title: &'static str,
    /// What to do, when the case at hand has no better advice.
    pub next: &'static str,
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $severity:ident, $title:literal, $next:literal;)*) => {
        $($(#[$doc])* pub static $constant: Rule = Rule {
            name: $name,
            severity: Severity::$severity,
            title: $title,
            next: $next,
        };)*

        /// Every rule, in the order of the manual.
        pub static ALL: &[&Rule] = &[$(&$constant),*];
    };
}

rules! {
    // Certificates.

    /// A certificate file holds something that is no certificate.
    CERTIFICATE_MALFORMED = "certificate-malformed", Error,
        "a certificate file cannot be read as OpenPGP certificates",
        "remove what is no certificate from it, or name only the certificate files";
    /// A secret key lies among the certificates.
    CERTIFICATE_SECRET_KEY = "certificate-secret-key", Warning,
        "a secret key lies among the certificates",
        "move it away, publish the public certificate instead, and consider the key known to others";
    /// The policy pins a fingerprint that no certificate file holds.
    CERTIFICATE_MISSING = "certificate-missing", Error,
        "no certificate file holds a signer that the policy names",
        "add that signer's certificate to the certificates";

    // Signatures.

    /// There is no signature file.
    SIGNATURE_MISSING = "signature-missing", Error,
        "the manifest has no signature",
        "fetch the signature file that was published with the manifest";
    /// The signature file holds no readable signature, or something else too.
    SIGNATURE_MALFORMED = "signature-malformed", Error,
        "the signature file cannot be read as detached OpenPGP signatures",
        "fetch the signature file again; if it is published like this, ask for a plain detached signature";
    /// The signature does not match the manifest.
    SIGNATURE_BAD = "signature-bad", Error,
        "a signature does not match the manifest",
        "do not use these files; fetch manifest and signature again, and ask the signer if it happens twice";
    /// The signer is nobody the policy knows.
    SIGNATURE_UNKNOWN_KEY = "signature-unknown-key", Note,
        "a signature is by a key in no trusted certificate",
        "if this signer is to count, add the certificate after checking its fingerprint";
    /// The signature uses an algorithm or version we cannot check.
    SIGNATURE_UNSUPPORTED = "signature-unsupported", Warning,
        "a signature uses an algorithm that cannot be checked here",
        "ask the signer for a signature with SHA-256 or better and RSA, ECDSA or EdDSA";
    /// The signature uses a hash that can be forged.
    SIGNATURE_WEAK_HASH = "signature-weak-hash", Error,
        "a signature uses a hash algorithm that the policy refuses",
        "ask the signer for a signature with SHA-256 or better";
    /// The signature carries an expiration time that has passed.
    SIGNATURE_EXPIRED = "signature-expired", Error,
        "a signature itself has expired",
        "ask the signer for a new signature";
    /// The signature is dated after the reference time.
    SIGNATURE_FUTURE = "signature-future", Error,
        "a signature is dated in the future",
        "check the clock of this machine and of the signer; --time sets the time to judge at";
    /// The signature is older than the policy accepts.
    SIGNATURE_TOO_OLD = "signature-too-old", Error,
        "a signature is older than the policy accepts",
        "fetch the current manifest and signature; an old pair may be a replay";
    /// The signer's certificate or signing key is revoked.
    SIGNER_REVOKED = "signer-revoked", Error,
        "the signer's certificate or signing key is revoked",
        "do not use these files until the signer has signed with a new key";
    /// The certificate or key had expired when it signed.
    SIGNER_EXPIRED_WHEN_SIGNED = "signer-expired-when-signed", Error,
        "the signer's key had expired when it signed",
        "fetch the signer's current certificate; a key must be valid when it signs";
    /// The certificate or key was valid when it signed and has expired since.
    SIGNER_EXPIRED_SINCE = "signer-expired-since", Error,
        "the signer's key was valid when it signed and has expired since",
        "fetch the signer's current certificate; to audit old files set --time, or key-validity = \"at-signing\"";
    /// The signature is dated before the key existed.
    SIGNER_NOT_YET_VALID = "signer-not-yet-valid", Error,
        "a signature is dated before the signer's key was valid",
        "fetch the signer's current certificate; ask the signer about the clock that dated the signature";
    /// Nothing the policy accepts binds the key to the certificate.
    SIGNER_UNBOUND = "signer-unbound", Error,
        "nothing that the policy accepts binds the signing key to its certificate",
        "ask the signer to renew the certificate's self-signatures with SHA-256 or better";
    /// The key may not sign data.
    SIGNER_NOT_FOR_SIGNING = "signer-not-for-signing", Error,
        "the key that made a signature is not one for signing data",
        "ask the signer to sign with a key that has the signing capability";
    /// A trusted certificate signed, but the policy names other signers.
    SIGNER_NOT_PINNED = "signer-not-pinned", Note,
        "a signature is by a certificate that the policy does not name as signer",
        "if this signer is to count, add the fingerprint to the signers of the policy";
    /// No signature counts.
    NO_TRUSTED_SIGNATURE = "no-trusted-signature", Error,
        "no signature by a trusted certificate counts",
        "check that the certificates are the signers' and that manifest and signature belong together";
    /// Fewer signers than the policy asks for.
    THRESHOLD_NOT_MET = "threshold-not-met", Error,
        "fewer signers than the policy asks for",
        "collect the missing signatures; one signer counts once, however often it signed";

    // Manifest.

    /// There is no manifest.
    MANIFEST_MISSING = "manifest-missing", Error,
        "there is no manifest",
        "name it with --manifest, or put sha256sums.txt and its signature into the directory";
    /// The frame of a clearsigned manifest is not as the standard has it.
    CLEARSIGNED_MALFORMED = "clearsigned-malformed", Error,
        "the clearsigned manifest is not one signed text and nothing else",
        "fetch the file again; a clearsigned file holds one block from its first line to its last";
    /// A line is neither an entry nor a comment.
    MANIFEST_LINE_MALFORMED = "manifest-line-malformed", Error,
        "a line of the manifest is not a digest and a name",
        "write the manifest with sha256sum and sign it again";
    /// A name could lead out of the directory or deceive its reader.
    MANIFEST_NAME_UNSAFE = "manifest-name-unsafe", Error,
        "a name in the manifest is not a plain relative path",
        "write the manifest from inside the directory and sign it again";
    /// A name stands twice.
    MANIFEST_NAME_REPEATED = "manifest-name-repeated", Error,
        "the manifest lists a name more than once",
        "keep one line for each file and sign the manifest again";
    /// Two names differ only in case or in spelling of the project.
    MANIFEST_NAME_TWIN = "manifest-name-twin", Error,
        "two names in the manifest stand for the same file elsewhere",
        "keep one of them and sign the manifest again";
    /// The manifest lists nothing.
    MANIFEST_EMPTY = "manifest-empty", Error,
        "the manifest lists no file",
        "sign a manifest that lists the files";

    /// The policy pins a project and the manifest states none.
    MANIFEST_PROJECT_MISSING = "manifest-project-missing", Error,
        "the manifest does not state the project that the policy names",
        "add a line '# wheelproof: project=NAME' to the manifest and sign it again";
    /// The manifest states another project than the policy pins.
    MANIFEST_PROJECT_DIFFERS = "manifest-project-differs", Error,
        "the manifest states another project than the policy names",
        "do not use these files for this project; fetch its own manifest and signature";

    /// A newer manifest was accepted before.
    MANIFEST_OLDER_THAN_SEEN = "manifest-older-than-seen", Error,
        "the manifest is older than one that was accepted before",
        "fetch the current manifest and signature; to go back on purpose, use a policy without this state file";

    // Directory.

    /// A listed file is not there.
    FILE_MISSING = "file-missing", Error,
        "a file of the manifest is missing",
        "fetch the file; if it was dropped on purpose, sign a manifest without it";
    /// A file is there that nobody signed.
    FILE_UNLISTED = "file-unlisted", Error,
        "a file is not in the signed manifest",
        "remove it, or sign a manifest that lists it; the policy can allow an exact name";
    /// A file has other contents than signed.
    HASH_MISMATCH = "hash-mismatch", Error,
        "a file differs from the signed manifest",
        "fetch the file again; if the change is intended, sign a new manifest";
    /// A file is a Git LFS pointer in place of the contents.
    LFS_POINTER = "lfs-pointer", Error,
        "a file is a Git LFS pointer instead of its contents",
        "run 'git lfs pull' to fetch the contents";
    /// A symbolic link.
    SYMLINK = "symlink", Error,
        "a symbolic link stands in the wheelhouse",
        "replace the link with the file itself";
    /// A directory where only files belong.
    UNEXPECTED_DIRECTORY = "unexpected-directory", Error,
        "a directory stands where only files belong",
        "remove it; pip would run the setup code of a directory that is named like an sdist";
    /// A FIFO, socket or device.
    SPECIAL_FILE = "special-file", Error,
        "a special file stands in the wheelhouse",
        "remove it; reading it could block forever";
    /// A name that is not UTF-8.
    NAME_NOT_UTF8 = "name-not-utf8", Error,
        "a file name is not UTF-8",
        "remove or rename the file";
    /// A file changed while it was read.
    FILE_CHANGED = "file-changed", Error,
        "a file changed while it was read",
        "find out who writes to the directory, then check it again";

    // Rebuilds.

    /// Builds ran with a weaker layer than bubblewrap, or with none.
    SANDBOX_WEAKER = "sandbox-weaker", Warning,
        "builds were not run in the full sandbox",
        "install bubblewrap; --sandbox require refuses to build without it";
}
