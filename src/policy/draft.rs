//! A first policy for a directory, for its owner to read and change.
//!
//! In: what was found there. Out: the text of a `wheelproof.toml` that says so.
//! Who is to be trusted cannot be found in a directory; what the text says of
//! that is marked to be checked.

use std::fmt::Write as _;

use super::WheelhouseName;
use crate::filename::ProjectName;
use crate::fingerprint::Fingerprint;

/// A certificate that a policy could pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuggestedSigner {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Its first user ID; a claim.
    pub user_id: String,
    /// Why its signature does not count now; `None` when it does.
    pub objection: Option<String>,
}

/// What was found in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// Files and directories with certificates.
    pub certificates: Vec<String>,
    /// The certificates that signed the manifest.
    pub signers: Vec<SuggestedSigner>,
    /// The manifest.
    pub manifest: Option<String>,
    /// The signature files.
    pub signatures: Vec<String>,
    /// The directory with the files.
    pub directory: Option<String>,
    /// The project that the manifest states.
    pub project: Option<WheelhouseName>,
    /// Python tags of the wheels, with an interpreter for each, if one was found.
    pub interpreters: Vec<(String, Option<String>)>,
    /// The time that all members of all wheels of a project carry, in seconds
    /// since 1970.
    pub epochs: Vec<(ProjectName, i64)>,
}

/// How many projects get a line about their time.
const MAX_EPOCHS: usize = 20;

impl Draft {
    /// Returns the policy as text.
    pub fn to_toml(&self) -> String {
        let mut text = String::from(
            "# The policy of this wheelhouse: whom to trust, where things are, how to rebuild.\n\
             # 'wheelproof init' wrote it from what lay here. Everything is optional but the\n\
             # trust; docs/policy.md has every key.\n",
        );
        self.trust(&mut text);
        self.wheelhouse(&mut text);
        self.rebuild(&mut text);
        text
    }

    fn trust(&self, text: &mut String) {
        text.push_str("\n[trust]\n");
        if self.certificates.is_empty() {
            text.push_str(
                "# No certificates were found here. Name files, or directories of files; without\n\
                 # them nothing can be verified.\n\
                 # certificates = [\"keys\"]\n",
            );
        } else {
            let _ = writeln!(text, "certificates = {}", list(&self.certificates));
        }
        let counting: Vec<&SuggestedSigner> = self
            .signers
            .iter()
            .filter(|signer| signer.objection.is_none())
            .collect();
        text.push_str(
            "# CHECK THESE FINGERPRINTS with their owners over another way than the one these\n\
             # files came by. They are those of whoever signed what lies here, which proves\n\
             # nothing about who that is.\n",
        );
        if counting.is_empty() {
            text.push_str("# signers = [\"…\"]\n");
        } else {
            text.push_str("signers = [\n");
            for signer in &counting {
                let _ = writeln!(
                    text,
                    "    \"{}\", # {}",
                    signer.fingerprint,
                    plain(&signer.user_id)
                );
            }
            text.push_str("]\n");
        }
        for signer in &self.signers {
            if let Some(objection) = &signer.objection {
                let _ = writeln!(
                    text,
                    "# Signed too, and does not count: {} ({}): {}",
                    signer.fingerprint,
                    plain(&signer.user_id),
                    plain(objection)
                );
            }
        }
        let _ = writeln!(
            text,
            "# How many of them have to have signed; {} of them count today.",
            counting.len()
        );
        // As it is: whoever takes a signature away is noticed.
        let _ = writeln!(text, "threshold = {}", counting.len().max(1));
        text.push_str(
            "# Refuse an old manifest that is shown again: no signature before this time.\n\
             # not-before = \"2026-01-01T00:00:00Z\"\n\
             # Warn so many days before a signer's key expires.\n\
             lapse-warning-days = 60\n",
        );
    }

    fn wheelhouse(&self, text: &mut String) {
        text.push_str("\n[wheelhouse]\n");
        match &self.manifest {
            Some(manifest) => {
                let _ = writeln!(text, "manifest = {}", string(manifest));
            }
            None => text.push_str(
                "# There is no manifest yet; 'wheelproof manifest' writes it.\n\
                 # manifest = \"sha256sums.txt\"\n",
            ),
        }
        if self.signatures.is_empty() {
            text.push_str(
                "# There is no signature yet; 'wheelproof sign' makes it.\n\
                 # signatures = [\"sha256sums.txt.asc\"]\n",
            );
        } else {
            let _ = writeln!(text, "signatures = {}", list(&self.signatures));
        }
        if let Some(directory) = &self.directory {
            let _ = writeln!(text, "directory = {}", string(directory));
        }
        match &self.project {
            Some(project) => {
                let _ = writeln!(
                    text,
                    "# The manifest states this project; another project's does not pass.\n\
                     project = {}",
                    string(&project.to_string())
                );
            }
            None => text.push_str(
                "# The manifest states no project; 'wheelproof manifest --project NAME' does.\n\
                 # project = \"…\"\n",
            ),
        }
        text.push_str(
            "# Exact names that may lie among the files without being signed.\n\
             allow-unlisted = []\n",
        );
    }

    fn rebuild(&self, text: &mut String) {
        text.push_str(
            "\n[rebuild]\n\
             # Refuse to build outside the full sandbox (bubblewrap).\n\
             # sandbox = \"require\"\n\
             timeout = 600\n\
             \n# The interpreter for each Python tag in the names of the wheels.\n\
             [rebuild.interpreters]\n",
        );
        for (tag, program) in &self.interpreters {
            let _ = match program {
                Some(program) => writeln!(text, "{tag} = {}", string(program)),
                None => writeln!(text, "# {tag} = \"…\" # none was found on the path"),
            };
        }
        text.push_str(
            "\n[rebuild.recipe]\n\
             # What whoever built the wheels had. A wrong value shows as a difference.\n\
             umask = \"022\"\n\
             # build-path = \"/tmp/wheelproof-build/{sdist}\"\n\
             # Lists of tool wheels, pinned and hashed, and where the wheels are.\n\
             # tools = [\"build-requirements.txt\"]\n\
             # tool-directories = [\"tools\"]\n",
        );
        let mut times: Vec<i64> = self.epochs.iter().map(|(_, epoch)| *epoch).collect();
        times.sort_unstable();
        times.dedup();
        match times.as_slice() {
            [] => text.push_str("# source-date-epoch = 1700000000\n"),
            [only] => {
                let _ = writeln!(
                    text,
                    "# A guess: all members of the wheels carry this time.\n\
                     # source-date-epoch = {only}"
                );
            }
            _ => {
                text.push_str("# Guesses: all members of a project's wheels carry one time.\n");
                for (project, epoch) in self.epochs.iter().take(MAX_EPOCHS) {
                    let _ = writeln!(
                        text,
                        "# [rebuild.projects.{}]\n# source-date-epoch = {epoch}",
                        string(project.as_str())
                    );
                }
            }
        }
    }
}

/// Returns a text as a TOML string.
fn string(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| string(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// Returns a text that cannot end a comment and deceives nobody.
fn plain(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            ' '..='~' => character,
            other if other.is_alphanumeric() => other,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::policy::Policy;

    fn parse(draft: &Draft) -> Policy {
        let text = draft.to_toml();
        Policy::parse(Path::new("dir/wheelproof.toml"), &text)
            .unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[test]
    fn a_draft_of_nothing_is_a_policy_that_trusts_nobody() {
        let policy = parse(&Draft::default());
        assert!(policy.trust.certificates.is_empty());
        assert!(policy.trust.signers.is_empty());
    }

    #[test]
    fn a_user_id_stays_in_its_comment() {
        let draft = Draft {
            signers: vec![SuggestedSigner {
                fingerprint: "0BC135125EB2FF9A0F88EE1CC65FF007C75766ED".parse().unwrap(),
                user_id: "A\nthreshold = 9\r\u{85}\u{2028}\u{1b}[31m\u{202e}".to_owned(),
                objection: None,
            }],
            ..Draft::default()
        };
        let policy = parse(&draft);
        assert_eq!(policy.trust.threshold.get(), 1);
        assert!(draft.to_toml().contains("# A?threshold = 9???"));
    }

    proptest! {
        #[test]
        fn whatever_was_found_is_read_back(
            certificates in proptest::collection::vec("[^/\\x00]{1,12}", 0..3),
            manifest in proptest::option::of("[^/\\x00]{1,12}"),
            directory in proptest::option::of("[^/\\x00]{1,12}"),
            user_id in any::<String>(),
            objection in proptest::option::of(any::<String>()),
        ) {
            let draft = Draft {
                certificates: certificates.clone(),
                manifest: manifest.clone(),
                directory: directory.clone(),
                signers: vec![SuggestedSigner {
                    fingerprint: "0BC135125EB2FF9A0F88EE1CC65FF007C75766ED".parse().unwrap(),
                    user_id,
                    objection: objection.clone(),
                }],
                ..Draft::default()
            };
            let policy = parse(&draft);
            let at = |name: &String| Path::new("dir").join(name);
            prop_assert_eq!(policy.trust.certificates, certificates.iter().map(at).collect::<Vec<_>>());
            prop_assert_eq!(policy.wheelhouse.manifest, manifest.as_ref().map(at));
            prop_assert_eq!(policy.wheelhouse.directory, directory.as_ref().map(at));
            prop_assert_eq!(policy.trust.signers.len(), usize::from(objection.is_none()));
        }
    }
}
