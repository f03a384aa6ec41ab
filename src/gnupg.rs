//! Signing through GnuPG.
//!
//! In: the bytes to sign, and whose key is to sign them. Out: what `gpg` wrote,
//! which is trusted no more than any other signature. The secret key stays behind
//! `gpg-agent`: on a smartcard, behind pinentry, never in this process.
//!
//! Only signing asks GnuPG. Nothing is ever verified by it, and its keyring is
//! trusted for nothing.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::cancel::Cancel;
use crate::fingerprint::Fingerprint;

/// The most bytes that are taken from `gpg`: a certificate with many
/// certifications fits.
const MAX_OUTPUT: u64 = 64 << 20;

/// How much of what `gpg` says about a failure is kept.
const MAX_MESSAGE: u64 = 64 << 10;

/// Why `gpg` did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum GnupgError {
    /// It could not be started.
    #[error("cannot start gpg: {0}")]
    Start(#[source] io::Error),
    /// It could not be talked to.
    #[error("cannot talk to gpg: {0}")]
    Pipe(#[source] io::Error),
    /// It said no.
    #[error("gpg did not {task}: {message}")]
    Refused {
        /// What it was to do.
        task: &'static str,
        /// What it said.
        message: String,
    },
    /// Somebody asked this program to stop.
    #[error("interrupted while gpg was at work")]
    Interrupted,
}

impl GnupgError {
    /// Returns what to do about it.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Start(_) => "install GnuPG, or sign with --key-file",
            Self::Refused { .. } => {
                "see that 'gpg --list-secret-keys' shows the signer; on a machine without a \
                 terminal, see that gpg-agent can ask for the PIN or has it already"
            }
            Self::Pipe(_) | Self::Interrupted => "run it again",
        }
    }
}

/// GnuPG as the user has set it up.
#[derive(Debug, Clone)]
pub struct Gnupg {
    /// The environment to run it in: with the user's `GNUPGHOME`, `GPG_TTY` and
    /// display.
    pub environment: Vec<(OsString, OsString)>,
}

/// Whose key is to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The fingerprint of a certificate or of one of its keys.
    pub fingerprint: Fingerprint,
    /// Whether exactly this key is to sign, and not the newest of its certificate.
    pub is_exact: bool,
}

impl SigningKey {
    /// Returns what `gpg --local-user` takes.
    fn local_user(&self) -> String {
        let mark = if self.is_exact { "!" } else { "" };
        format!("{}{mark}", self.fingerprint)
    }
}

/// A secret key that GnuPG has, by its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The fingerprint of the certificate.
    pub fingerprint: Fingerprint,
    /// Its first user ID; a claim.
    pub user_id: String,
    /// What keeps it from signing now, as GnuPG says; `None` when nothing does.
    pub objection: Option<&'static str>,
}

impl Gnupg {
    /// Returns whose secret keys GnuPG has.
    ///
    /// # Errors
    ///
    /// `gpg` could not be started, or failed.
    pub fn candidates(&self, cancel: &Cancel) -> Result<Vec<Candidate>, GnupgError> {
        let arguments = ["--batch", "--quiet", "--with-colons", "--list-secret-keys"];
        let arguments = arguments.map(OsString::from);
        let listed = self.run("list its secret keys", &arguments, &[], cancel)?;
        Ok(candidates_in(&String::from_utf8_lossy(&listed)))
    }

    /// Returns the certificate as GnuPG's keyring has it, armored; empty when it
    /// has none.
    ///
    /// # Errors
    ///
    /// `gpg` could not be started, or failed.
    pub fn certificate(
        &self,
        fingerprint: &Fingerprint,
        cancel: &Cancel,
    ) -> Result<Vec<u8>, GnupgError> {
        let arguments = ["--batch", "--quiet", "--armor", "--export", "--"];
        let mut arguments: Vec<OsString> = arguments.map(OsString::from).to_vec();
        arguments.push(fingerprint.as_str().into());
        self.run("export the certificate", &arguments, &[], cancel)
    }

    /// Returns an armored detached signature over the data.
    ///
    /// The data goes in through a pipe: what is signed is what was checked, not
    /// what a file holds by then.
    ///
    /// # Errors
    ///
    /// `gpg` could not be started, or did not sign.
    pub fn sign(
        &self,
        key: &SigningKey,
        is_text: bool,
        data: &[u8],
        cancel: &Cancel,
    ) -> Result<Vec<u8>, GnupgError> {
        let mut arguments: Vec<OsString> = ["--batch", "--quiet", "--local-user"]
            .map(OsString::from)
            .to_vec();
        arguments.push(key.local_user().into());
        if is_text {
            arguments.push("--textmode".into());
        }
        arguments.extend(["--armor", "--output", "-", "--detach-sign", "-"].map(OsString::from));
        self.run("sign", &arguments, data, cancel)
    }

    fn run(
        &self,
        task: &'static str,
        arguments: &[OsString],
        input: &[u8],
        cancel: &Cancel,
    ) -> Result<Vec<u8>, GnupgError> {
        let mut child = Command::new("gpg")
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(GnupgError::Start)?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            // All three at once: whichever pipe is full, none of them waits.
            let begin = || -> io::Result<_> {
                let new = thread::Builder::new;
                let written = new().spawn_scoped(scope, move || match stdin {
                    Some(mut stdin) => stdin.write_all(input),
                    None => Ok(()),
                })?;
                let out = new().spawn_scoped(scope, move || drain(stdout, MAX_OUTPUT))?;
                let err = new().spawn_scoped(scope, move || drain(stderr, MAX_MESSAGE))?;
                Ok((written, out, err))
            };
            let (written, out, err) = begin().map_err(|error| {
                // Whoever was begun ends with it.
                let _ = child.kill();
                let _ = child.wait();
                GnupgError::Start(error)
            })?;
            let ended = wait(&mut child, cancel);
            let joined = |result: thread::Result<io::Result<Vec<u8>>>| {
                result.unwrap_or_else(|_| Err(io::Error::other("a reader stopped")))
            };
            let (out, err) = (joined(out.join()), joined(err.join()));
            let written = written.join();
            let status = ended?;
            if !status.success() {
                let said = String::from_utf8_lossy(&err.unwrap_or_default()).into_owned();
                let mut message = said.trim().replace('\n', "; ");
                if message.is_empty() {
                    let _ = write!(message, "it ended with {status} and no word");
                }
                return Err(GnupgError::Refused { task, message });
            }
            // A gpg that succeeded has read everything; one that did not was
            // refused above, and then a broken pipe says nothing new.
            match written {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(GnupgError::Pipe(error)),
                Err(_) => return Err(GnupgError::Pipe(io::Error::other("a writer stopped"))),
            }
            out.map_err(GnupgError::Pipe)
        })
    }
}

/// Reads what `gpg --with-colons` lists (GnuPG, doc/DETAILS, "Format of the colon
/// listings"): a certificate begins with `sec`, its own fingerprint is the first `fpr`.
fn candidates_in(listing: &str) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    let mut objection = None;
    let mut awaits_fingerprint = false;
    for line in listing.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let field = |number: usize| fields.get(number - 1).copied().unwrap_or_default();
        match field(1) {
            "sec" => {
                awaits_fingerprint = true;
                objection = match field(2).chars().next() {
                    Some('r') => Some("revoked"),
                    Some('e') => Some("expired"),
                    Some('i' | 'd' | 'n') => Some("not valid"),
                    // A capital letter is what the whole certificate can do.
                    _ if !field(12).contains('S') => Some("cannot sign"),
                    _ => None,
                };
            }
            "fpr" if awaits_fingerprint => {
                awaits_fingerprint = false;
                if let Ok(fingerprint) = field(10).parse() {
                    found.push(Candidate {
                        fingerprint,
                        user_id: String::new(),
                        objection,
                    });
                }
            }
            "uid" => {
                if let Some(last) = found.last_mut().filter(|last| last.user_id.is_empty()) {
                    last.user_id = field(10).replace("\\x3a", ":");
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns the command that makes a signature, for a shell on another machine.
pub fn command(key: &SigningKey, is_text: bool, manifest: &str, output: &str) -> String {
    let mode = if is_text { " --textmode" } else { "" };
    format!(
        "gpg --local-user {}{mode} --armor --output {} --detach-sign {}",
        quoted(&key.local_user()),
        quoted(output),
        quoted(manifest)
    )
}

/// Returns the same for `sq`, from version 1.0 on.
pub fn sq_command(key: &SigningKey, is_text: bool, manifest: &str, output: &str) -> String {
    let mode = if is_text { " --mode text" } else { "" };
    format!(
        "sq sign --signer {}{mode} --signature-file {} {}",
        key.fingerprint,
        quoted(output),
        quoted(manifest)
    )
}

/// Returns a word as a POSIX shell takes it for one, and a program for no option.
pub fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty()
        && !word.starts_with('-')
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./:=+@%,".contains(c));
    if is_plain {
        word.to_owned()
    } else if word.starts_with('-') {
        // Nobody takes this for an option.
        quoted(&format!("./{word}"))
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Waits for the end; hands on a request to stop.
fn wait(child: &mut Child, cancel: &Cancel) -> Result<std::process::ExitStatus, GnupgError> {
    loop {
        if let Some(status) = child.try_wait().map_err(GnupgError::Pipe)? {
            // A terminal sends its interrupt to gpg as well.
            return match cancel.is_requested() {
                true => Err(GnupgError::Interrupted),
                false => Ok(status),
            };
        }
        if cancel.is_requested() {
            let _ = rustix::process::kill_process(Pid::from_child(child), Signal::TERM);
            let _ = child.wait();
            return Err(GnupgError::Interrupted);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn drain(stream: Option<impl Read>, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        (&mut stream).take(limit).read_to_end(&mut bytes)?;
        // The rest is thrown away, so that the writer does not wait.
        io::copy(&mut stream, &mut io::sink())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as gpg 2.2.40 writes them.
    #[test]
    fn candidates_are_certificates_with_what_speaks_against_them() {
        let one = "0BC135125EB2FF9A0F88EE1CC65FF007C75766ED";
        let other = "542EF4903F642052C64286D76F2DD998E3EE7998";
        let listing = format!(
            "sec:u:255:22:C65FF007C75766ED:1700000000:::u:::scESC:::+::ed25519:::0:\n\
             fpr:::::::::{one}:\ngrp:::::::::AA:\n\
             uid:u::::1700000000::BB::A\\x3a b <a@example.invalid>::::::::::0:\n\
             uid:u::::1700000000::BB::second::::::::::0:\n\
             ssb:u:255:18:CC:1700000000::::::e:::+::cv25519::\nfpr:::::::::{other}:\n\
             sec:r:255:22:6F2DD998E3EE7998:1700000000:::u:::sc:::+::ed25519:::0:\n\
             fpr:::::::::{other}:\nuid:r::::1700000000::BB::old::::::::::0:\n"
        );
        let found = candidates_in(&listing);
        let said: Vec<_> = found
            .iter()
            .map(|it| (it.fingerprint.as_str(), it.user_id.as_str(), it.objection))
            .collect();
        let expected = [
            (one, "A: b <a@example.invalid>", None),
            (other, "old", Some("revoked")),
        ];
        assert_eq!(said, expected);
        assert_eq!(candidates_in("sec:u:\nfpr:::::::::nonsense:\n"), []);
    }

    #[test]
    fn words_survive_the_shell() {
        for word in [
            "plain-1.0.txt",
            "a b",
            "it's",
            "$(id)",
            "",
            "é",
            "-t",
            "a\nb",
        ] {
            let output = Command::new("sh")
                .args(["-c", &format!("printf %s {}", quoted(word))])
                .output()
                .unwrap();
            let read = String::from_utf8(output.stdout).unwrap();
            let expected = match word.starts_with('-') {
                true => format!("./{word}"),
                false => word.to_owned(),
            };
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn the_command_is_what_one_would_type() {
        let key = SigningKey {
            fingerprint: "0BC135125EB2FF9A0F88EE1CC65FF007C75766ED".parse().unwrap(),
            is_exact: false,
        };
        assert_eq!(
            command(&key, false, "sha256sums.txt", "sha256sums.txt.asc"),
            "gpg --local-user 0BC135125EB2FF9A0F88EE1CC65FF007C75766ED --armor \
             --output sha256sums.txt.asc --detach-sign sha256sums.txt"
        );
        let exact = SigningKey {
            is_exact: true,
            ..key
        };
        assert!(
            command(&exact, true, "a b", "c")
                .contains("'0BC135125EB2FF9A0F88EE1CC65FF007C75766ED!' --textmode --armor")
        );
    }
}
