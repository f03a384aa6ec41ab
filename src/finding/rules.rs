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
    /// A certificate is of a version that is not read.
    CERTIFICATE_VERSION_UNREAD = "certificate-version-unread", Warning,
        "a certificate is of a version that is not read here",
        "ask its owner for a certificate of version 4 or 6; nothing signed by this one counts here";
    /// A designated revoker has revoked, perhaps.
    REVOCATION_UNCHECKED = "revocation-unchecked", Warning,
        "a trusted certificate carries a revocation that cannot be checked",
        "add the certificate of the revoker, or ask the signer whether the key is revoked";

    /// A certificate cannot be used to sign any more, or not yet.
    CERTIFICATE_UNUSABLE = "certificate-unusable", Error,
        "no key of a trusted certificate can sign now",
        "fetch the signer's current certificate; if there is none, take the signer out of the policy";
    /// A certificate or key that counts will soon lapse.
    CERTIFICATE_LAPSES_SOON = "certificate-lapses-soon", Warning,
        "a trusted certificate or signing key will soon expire",
        "ask the signer to extend it now and to publish the new certificate";

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
        "ask the signer for one by a key of Ed25519 or of RSA with 3072 or 4096 bits, or build with another OpenPGP backend";
    /// The signature is of a version we do not read.
    SIGNATURE_VERSION_UNREAD = "signature-version-unread", Warning,
        "a signature is of a version that is not read here",
        "ask the signer for a signature by a key of version 4 or 6";
    /// The signature's packet is broken.
    SIGNATURE_PACKET_MALFORMED = "signature-packet-malformed", Warning,
        "a signature's packet is not as the standard has it",
        "fetch the signature file again; if it is published like this, ask for a signature by another program";
    /// The signature does not say when it was made.
    SIGNATURE_UNDATED = "signature-undated", Warning,
        "a signature does not say when it was made",
        "ask the signer for a signature by a program that writes the time into it, as OpenPGP demands";
    /// The signature is of another type.
    SIGNATURE_NOT_OVER_DATA = "signature-not-over-data", Warning,
        "a signature is of a type that is not over a manifest of this form",
        "ask the signer for a detached signature over the manifest, or for a clearsigned one";
    /// The signature uses a hash that can be forged.
    SIGNATURE_WEAK_HASH = "signature-weak-hash", Error,
        "a signature uses a hash algorithm that the policy refuses",
        "ask the signer for a signature with SHA-256 or better";
    /// The signature holds something critical that is not known.
    SIGNATURE_CRITICAL_UNKNOWN = "signature-critical-unknown", Error,
        "a signature holds something critical that is not known here",
        "ask the signer for a signature without it; a reader must not pass over what is marked as critical";
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
    /// The key is too short, or its algorithm has had its time.
    SIGNER_KEY_TOO_WEAK = "signer-key-too-weak", Error,
        "the key that made a signature is too weak to be believed",
        "ask the signer for a new key, such as Ed25519 or RSA of 3072 bits; another hash does not help";
    /// Whether the key belongs to the certificate cannot be checked.
    SIGNER_UNSUPPORTED = "signer-unsupported", Warning,
        "the signer's certificate uses an algorithm that cannot be checked here",
        "ask the signer for a certificate of Ed25519 or of RSA with 3072 or 4096 bits, or build with another OpenPGP backend";
    /// A trusted certificate signed, but the policy names other signers.
    SIGNER_NOT_PINNED = "signer-not-pinned", Note,
        "a signature is by a certificate that the policy does not name as signer",
        "if this signer is to count, add the fingerprint to the signers of the policy";
    /// A signature was taken out of the file.
    SIGNATURE_DROPPED = "signature-dropped", Note,
        "a signature is no longer in the file",
        "nothing has to be done for your own earlier one; others have to sign again if they are to count";
    /// A new signature was not put into the file.
    SIGNATURE_NOT_ADDED = "signature-not-added", Error,
        "the new signature was not added",
        "put right what the findings before this one say, then sign again";
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
    /// Two names differ only in case, in the form of accents or in spelling of the
    /// project.
    MANIFEST_NAME_TWIN = "manifest-name-twin", Error,
        "two names in the manifest stand for the same file elsewhere",
        "keep one of them and sign the manifest again";
    /// The digests of the manifest are by another algorithm.
    MANIFEST_OTHER_DIGEST = "manifest-other-digest", Error,
        "the digests of the manifest are not SHA-256",
        "write the manifest with sha256sum and sign it again; the files are those that it means";
    /// The manifest lists nothing.
    MANIFEST_EMPTY = "manifest-empty", Error,
        "the manifest lists no file",
        "sign a manifest that lists the files";

    /// The manifest does not say what lies in the directory.
    MANIFEST_NOT_CURRENT = "manifest-not-current", Error,
        "the manifest does not say what lies in the directory",
        "write it anew with 'wheelproof manifest', read it, then sign it";
    /// The manifest says the right things in another form.
    MANIFEST_NOT_CANONICAL = "manifest-not-canonical", Note,
        "the manifest is current, but written in another form than sha256sum's, sorted by name",
        "nothing has to be done; 'wheelproof manifest' would write it anew, and it would have to be signed again";
    /// The manifest changed and the signatures beside it did not.
    MANIFEST_SIGNATURES_STALE = "manifest-signatures-stale", Note,
        "the manifest changed, so the signatures beside it are over an earlier one",
        "sign the new manifest with 'wheelproof sign --replace'";
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

    /// A file that no installer asks for.
    FILE_NO_DISTRIBUTION = "file-no-distribution", Error,
        "a file is neither a wheel nor an sdist",
        "remove it; to let it lie there unsigned, add its exact name to allow-unlisted in the policy";
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

    // Inside the files.

    /// A file is no archive, or a damaged one.
    ARCHIVE_UNREADABLE = "archive-unreadable", Error,
        "a file cannot be read as the archive its name says",
        "do not use it; fetch it from its author, who may have to build it again";
    /// A file has the ending of an archive and was not looked into.
    ARCHIVE_NOT_INSPECTED = "archive-not-inspected", Warning,
        "a file with the ending of an archive was not looked into",
        "rename it as its author published it, or take it out of the wheelhouse";
    /// An archive holds more than the policy allows.
    ARCHIVE_OVER_LIMIT = "archive-over-limit", Error,
        "an archive holds or unpacks to more than the policy allows",
        "find out why it is that large; raise the limit under [wheelhouse.limits] only if you know";
    /// An archive has bytes that no reader shows.
    ARCHIVE_HIDDEN_DATA = "archive-hidden-data", Error,
        "an archive has data that belongs to none of its members",
        "ask its author what it is; another program may take it for the archive";
    /// The contents of a member are not what the headers say.
    ARCHIVE_MEMBER_DAMAGED = "archive-member-damaged", Error,
        "the contents of a member cannot be read, or are not what the archive says",
        "do not use the file; ask its author to build it again";
    /// A member is encrypted.
    ARCHIVE_MEMBER_ENCRYPTED = "archive-member-encrypted", Error,
        "a member is encrypted",
        "ask its author for a file without encryption; nobody can check what this holds";
    /// A member is compressed in a way that wheels do not use.
    ARCHIVE_COMPRESSION_UNSUPPORTED = "archive-compression-unsupported", Error,
        "a member is compressed in a way that cannot be read here",
        "ask its author for an archive with stored or deflated members";
    /// A member's name leads out, or is read in two ways.
    ARCHIVE_MEMBER_UNSAFE = "archive-member-unsafe", Error,
        "the name of a member is not a plain relative path",
        "do not use the file; such a name can write outside the directory it is unpacked to";
    /// A member is a link or a device.
    ARCHIVE_MEMBER_SPECIAL = "archive-member-special", Error,
        "a member is neither a file nor a directory",
        "do not use the file; ask its author why it holds such a member";
    /// A name stands for two members.
    ARCHIVE_MEMBER_REPEATED = "archive-member-repeated", Error,
        "a name stands for more than one member",
        "do not use the file; programs differ in which of the members they keep";
    /// Two names are one where neither case nor the form of accents counts.
    ARCHIVE_MEMBER_TWIN = "archive-member-twin", Error,
        "two members are the same file where case or the form of accents does not count",
        "ask its author to rename one; on some systems the one overwrites the other";
    /// A symbolic link leads out of the archive.
    ARCHIVE_LINK_ESCAPES = "archive-link-escapes", Error,
        "a symbolic link leads out of the archive, or might",
        "do not use the file; ask its author to replace the link with the file itself";
    /// The two headers of a member disagree.
    ZIP_HEADER_MISMATCH = "zip-header-mismatch", Error,
        "the records of a ZIP archive disagree about a member",
        "do not use the file; which of the two counts depends on the program that reads it";
    /// Members share bytes.
    ZIP_OVERLAP = "zip-overlap", Error,
        "members of a ZIP archive overlap",
        "do not use the file; no honest program writes such an archive";
    /// A known fault of programs that write large archives.
    ZIP64_WRITER_FAULT = "zip64-writer-fault", Warning,
        "a ZIP64 field is written as programs with a known fault write it",
        "ask its author to build it with a newer wheel or auditwheel; strict installers refuse it";
    /// The extra fields of a header do not end where the header does.
    ZIP_EXTRA_FIELD = "zip-extra-field", Error,
        "the extra fields of a ZIP header do not end where the header does",
        "do not use the file; pip and uv refuse it, or find other fields in it";
    /// An extra field stands twice in a header.
    ZIP_EXTRA_REPEATED = "zip-extra-repeated", Warning,
        "an extra field stands in a ZIP header more than once",
        "ask its author to build it with another tool; uv refuses the file, pip does not look";
    /// A ZIP64 field holds more than its header refers to.
    ZIP64_FIELD_UNNEEDED = "zip64-field-unneeded", Warning,
        "a ZIP64 field holds more than the header refers to",
        "ask its author to build it with another tool; uv refuses the file, pip does not look";
    /// A header asks for what no installer has.
    ZIP_FEATURE_UNSUPPORTED = "zip-feature-unsupported", Error,
        "a ZIP header asks for a version or a feature that no installer has",
        "ask its author to build it with a current tool; no installer takes it";
    /// A header has flags that no installer looks at.
    ZIP_FLAGS_UNREAD = "zip-flags-unread", Warning,
        "a ZIP header has flags that no installer looks at",
        "ask its author to build it with a current tool; pip and uv install it as if the flags were not there";
    /// A comment holds what a record begins with.
    ZIP_COMMENT_RECORD = "zip-comment-record", Error,
        "a comment in a ZIP archive holds what a record of the archive begins with",
        "do not use the file; a program that searches for records may find another archive in it";
    /// Readers of tar disagree about an extension header, or cannot read it.
    TAR_HEADER_AMBIGUOUS = "tar-header-ambiguous", Error,
        "an extension header of a tar archive cannot be read, or not by all readers alike",
        "do not use the file; what it holds depends on the program that reads it";
    /// The `.dist-info` directory is not the one of this wheel.
    WHEEL_DIST_INFO = "wheel-dist-info", Error,
        "a wheel has not exactly one .dist-info directory of its own name",
        "ask its author to build it again; installers differ in what they take it for";
    /// METADATA, WHEEL or RECORD is missing.
    WHEEL_DESCRIPTION_MISSING = "wheel-description-missing", Error,
        "a wheel lacks METADATA, WHEEL or RECORD",
        "ask its author to build it again";
    /// METADATA and file name disagree.
    WHEEL_METADATA_MISMATCH = "wheel-metadata-mismatch", Error,
        "the file METADATA names another project or version than the file name",
        "do not use the wheel; find out who renamed it";
    /// METADATA or WHEEL holds what an installer refuses.
    WHEEL_DESCRIPTION_INVALID = "wheel-description-invalid", Warning,
        "the file METADATA or WHEEL holds what an installer refuses",
        "ask the author of the wheel to build it again with a current tool";
    /// WHEEL and file name disagree about the tags.
    WHEEL_TAGS_MISMATCH = "wheel-tags-mismatch", Error,
        "the file WHEEL states other tags than the file name",
        "ask the author of the wheel whether it was renamed; 'wheel tags' changes both";
    /// WHEEL states no tags that can be read.
    WHEEL_TAGS_UNREADABLE = "wheel-tags-unreadable", Warning,
        "the file WHEEL has no tags that can be read",
        "ask the author of the wheel to build it again; nothing but its name says what it was built for";
    /// WHEEL and file name disagree about the build tag.
    WHEEL_BUILD_MISMATCH = "wheel-build-mismatch", Warning,
        "the file WHEEL states another build tag than the file name",
        "find out who renamed the wheel; 'wheel tags --build' changes both";
    /// WHEEL and tags disagree about whether the wheel is pure.
    WHEEL_PURELIB_MISMATCH = "wheel-purelib-mismatch", Note,
        "the tags of the file name and Root-Is-Purelib say different things",
        "nothing to do unless you wonder where its files are installed";
    /// A later version of the wheel format.
    WHEEL_VERSION_UNSUPPORTED = "wheel-version-unsupported", Error,
        "a wheel is of a version of the format that cannot be checked here",
        "look for a newer wheelproof, and check that your installer knows that version";
    /// A `.data` directory that installers treat differently.
    WHEEL_DATA_DIRECTORY = "wheel-data-directory", Error,
        "a wheel has a .data directory that the format does not know",
        "ask its author to build it again; installers differ in where they put such files";
    /// Installers put two members at the same path.
    WHEEL_INSTALLED_TWICE = "wheel-installed-twice", Error,
        "two files of a wheel are installed at the same path",
        "do not use the wheel; installers write the one over the other, and not all the same one";
    /// A program has a name that is no plain file name.
    WHEEL_SCRIPT_NAME = "wheel-script-name", Error,
        "the name of a program is not a plain file name",
        "do not use the wheel; installers refuse such a name, cut it, or write where it leads";
    /// A program calls what is not written as `module:attr`.
    WHEEL_SCRIPT_REFERENCE = "wheel-script-reference", Error,
        "a program calls an object that is not written as 'module:attr'",
        "ask the author of the wheel to mend entry_points.txt; installers write these words into a program, or refuse them";
    /// `entry_points.txt` has a section or a name twice.
    WHEEL_ENTRY_POINTS_REPEATED = "wheel-entry-points-repeated", Error,
        "the file entry_points.txt has a section or a name twice",
        "ask the author of the wheel to mend it; pip takes the last one, uv and installer refuse the wheel";
    /// `entry_points.txt` is read differently by different installers.
    WHEEL_ENTRY_POINTS_MALFORMED = "wheel-entry-points-malformed", Error,
        "the file entry_points.txt can be read in two ways, or not at all",
        "ask the author of the wheel to mend it; which programs are installed depends on the installer";
    /// RECORD cannot be read.
    WHEEL_RECORD_MALFORMED = "wheel-record-malformed", Error,
        "a row of RECORD, or all of it, cannot be read",
        "ask the author of the wheel to build it again";
    /// A member is not what RECORD says.
    WHEEL_RECORD_MISMATCH = "wheel-record-mismatch", Error,
        "a member differs from what RECORD says",
        "do not use the wheel; somebody changed the member after RECORD was written, or the tool that wrote RECORD is at fault";
    /// A member is not in RECORD.
    WHEEL_RECORD_UNLISTED = "wheel-record-unlisted", Error,
        "a member is not in RECORD",
        "ask the author of the wheel where the member is from; RECORD is to list every file of it";
    /// RECORD lists what is not there.
    WHEEL_RECORD_MISSING = "wheel-record-missing", Error,
        "a member that RECORD lists is missing",
        "ask the author of the wheel to build it again; RECORD is to list the files of the wheel and no others";
    /// RECORD lists a member twice.
    WHEEL_RECORD_REPEATED = "wheel-record-repeated", Error,
        "a member stands in RECORD more than once",
        "ask the author of the wheel to build it again";
    /// RECORD has the right digests, in hexadecimal digits.
    WHEEL_RECORD_HEX_DIGEST = "wheel-record-hex-digest", Warning,
        "the digests in RECORD are right and written in hexadecimal digits",
        "ask the author of the wheel to build it again, with uv_build 0.8.13 or newer where uv_build made it; the contents are those that RECORD names";
    /// RECORD names members by paths that are not theirs letter by letter.
    WHEEL_RECORD_PATH_FORM = "wheel-record-path-form", Warning,
        "rows of RECORD name members by paths in another form",
        "ask the author of the wheel to build it again with a current tool, which writes relative paths with '/'; the contents are those that RECORD names";
    /// RECORD has commas in a path and no quotes.
    WHEEL_RECORD_UNQUOTED_COMMA = "wheel-record-unquoted-comma", Warning,
        "paths with commas stand in RECORD without quotes",
        "ask the author of the wheel to write RECORD as CSV; uv and installer refuse the wheel as it is, pip installs it";
    /// RECORD has empty lines.
    WHEEL_RECORD_BLANK_LINE = "wheel-record-blank-line", Warning,
        "there are empty lines in RECORD",
        "ask the author of the wheel to build it again; pip installs its files and fails then, installer refuses it, uv does not mind";
    /// RECORD has rows for directories.
    WHEEL_RECORD_DIRECTORY = "wheel-record-directory", Warning,
        "directories have rows in RECORD",
        "ask the author of the wheel to build it again; when pip uninstalls it, it removes such a directory with all that others put there";
    /// RECORD has no strong digest of a member.
    WHEEL_RECORD_WEAK_HASH = "wheel-record-weak-hash", Error,
        "a member has no digest in RECORD that can be relied on",
        "ask the author of the wheel to build it again with a current tool";
    /// An sdist does not hold exactly one directory.
    SDIST_LAYOUT = "sdist-layout", Error,
        "an sdist does not hold exactly one directory",
        "do not use the sdist; ask its author to build it again";
    /// The directory in an sdist is named otherwise.
    SDIST_DIRECTORY_NAME = "sdist-directory-name", Warning,
        "the directory in an sdist is not named like the file",
        "find out who renamed the sdist";
    /// PKG-INFO and file name disagree.
    SDIST_METADATA_MISMATCH = "sdist-metadata-mismatch", Error,
        "the file PKG-INFO names another project or version than the file name",
        "do not use the sdist; find out who renamed it";
    /// PKG-INFO is missing.
    SDIST_METADATA_MISSING = "sdist-metadata-missing", Note,
        "an sdist has no PKG-INFO to hold its file name against",
        "nothing to do if it was not made by a build tool, as archives of a repository are not";

    // Requirements.

    /// A file of requirements is not understood.
    REQUIREMENTS_MALFORMED = "requirements-malformed", Error,
        "a file of requirements cannot be understood",
        "write each requirement as name==version --hash=sha256:… on lines that can be read in one way only";
    /// The requirements lead an installer elsewhere.
    REQUIREMENT_ELSEWHERE = "requirement-elsewhere", Error,
        "a requirement points the installer elsewhere",
        "take it out; everything that is installed has to come from the verified files";
    /// The requirements take a check away, or let code run.
    REQUIREMENT_OPTION = "requirement-option", Error,
        "the requirements carry an option that is not known to be harmless",
        "take it out; give options for building to the command that builds";
    /// A requirement leaves a choice of versions.
    REQUIREMENT_UNPINNED = "requirement-unpinned", Error,
        "a requirement allows more than one version",
        "lock it: 'uv pip compile --generate-hashes FILE --output-file LOCK', or pip-compile; by hand, as in six==1.16.0";
    /// A requirement has no hash.
    REQUIREMENT_UNHASHED = "requirement-unhashed", Error,
        "a requirement has no hash",
        "lock it with hashes: 'uv pip compile --generate-hashes FILE --output-file LOCK'; those of the signed wheels are written by 'wheelproof requirements'";
    /// A hash cannot be held against the manifest.
    REQUIREMENT_HASH_UNUSABLE = "requirement-hash-unusable", Error,
        "a hash of a requirement is not SHA-256",
        "list SHA-256 hashes; 'wheelproof requirements' writes those of the signed wheels";
    /// No hash of a requirement is that of a signed file.
    REQUIREMENT_HASH_UNLISTED = "requirement-hash-unlisted", Error,
        "no hash of a requirement is that of a signed file",
        "find out where the hashes are from; 'wheelproof requirements' writes those of the signed wheels";
    /// A hash is that of another project's or version's file.
    REQUIREMENT_HASH_FOREIGN = "requirement-hash-foreign", Error,
        "a hash of a requirement is that of another project or version",
        "find out who mixed them up; 'wheelproof requirements' writes the right ones";
    /// A file would be taken before the one that is admitted.
    REQUIREMENT_TWIN = "requirement-twin", Error,
        "a signed file would be taken before the one whose hash is required",
        "keep one of the two in the wheelhouse, or list the hashes of both";
    /// A requirement is met by an sdist, whose build no hash covers.
    REQUIREMENT_SDIST = "requirement-sdist", Warning,
        "a requirement is installed by building an sdist, and no hash covers what builds it",
        "have a wheel built and signed, and require its hash";
    /// A requirement is met by an sdist, and only wheels are handed on.
    REQUIREMENT_SDIST_ONLY = "requirement-sdist-only", Error,
        "a requirement is met by an sdist only, and only wheels are handed on",
        "have its wheel built and signed: 'wheelproof update' writes the record that names the sdist";
    /// No signed file meets a requirement.
    REQUIREMENT_NOT_SIGNED = "requirement-not-signed", Error,
        "a requirement is met by no signed file",
        "pin it to a version that the manifest lists, or have the missing file built and signed";

    // What is handed on.

    /// A wheel that has to be rebuilt is not shown to be.
    NOT_REBUILT = "not-rebuilt", Error,
        "a wheel that has to be rebuilt before it is handed on is not shown to be",
        "do not install it before you know why; 'wheelproof audit' shows what differs";

    // Build records.

    /// A build record cannot be read.
    BUILD_RECORD_MALFORMED = "build-record-malformed", Error,
        "a build record is not in the form of one",
        "have it written again with 'wheelproof build', or sign a manifest without it";
    /// A build record is that of another wheel.
    BUILD_RECORD_OTHER_WHEEL = "build-record-other-wheel", Error,
        "a build record is not that of the wheel it lies beside",
        "fetch both again; if both are as signed, ask the signer which of them is meant";

    // Rebuilds.

    /// A wheel came back but for its container.
    REPRODUCED_WITH_WITNESS = "reproduced-with-witness", Note,
        "a wheel came back with its contents, and not with every byte",
        "read the edits; a recipe with the tools that wrote it gives every byte, and --exact asks for that";
    /// Builds ran with a weaker layer than bubblewrap, or with none.
    SANDBOX_WEAKER = "sandbox-weaker", Warning,
        "builds were not run in the full sandbox",
        "install bubblewrap; --sandbox require refuses to build without it";
}
