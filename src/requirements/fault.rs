//! What can be wrong with what a file of requirements says.

use crate::filename::ProjectName;

/// What is wrong with a place in a file of requirements.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The file is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// The file says that it is in another encoding, and pip believes it.
    #[error("a comment declares the encoding '{}', and only UTF-8 is read", .0.escape_debug())]
    Encoding(String),
    /// A character that ends a line for some readers, or that no line should hold.
    #[error("the line holds the character U+{:04X}, which readers treat differently", u32::from(*.0))]
    Character(char),
    /// The file is larger than anything of its kind, or no regular file.
    #[error("{0}")]
    NotTaken(String),
    /// An option that decides where pip looks.
    #[error("the option '{}' points the installer elsewhere", .0.escape_debug())]
    OptionElsewhere(String),
    /// The requirement names a file or a link instead of a project.
    #[error("'{}' is a link or a path, not a project with a version", .0.escape_debug())]
    Link(String),
    /// pip would put in a variable of the environment.
    #[error("'{}' stands for whatever the environment says", .0.escape_debug())]
    Variable(String),
    /// A lock file takes the project from somewhere else than an index.
    #[error("{project} comes from '{}', not from an index", .source_kind.escape_debug())]
    Source {
        /// The project, as it is written.
        project: String,
        /// The kind of source, such as `git`.
        source_kind: String,
    },
    /// An option that has no place in requirements that are to be relied on.
    #[error("options such as '{}' have no place here", .0.escape_debug())]
    Option(String),
    /// The requirement allows more than one version.
    #[error("'{}' is not pinned: write it as name==version", .0.escape_debug())]
    NotPinned(String),
    /// The version is none, or a pattern.
    #[error("'{}' is not one version", .0.escape_debug())]
    Version(String),
    /// The name is no project name.
    #[error("'{}' is not a project name", .0.escape_debug())]
    Name(String),
    /// The hash is not SHA-256.
    #[error("'{}' is not a sha256 hash", .0.escape_debug())]
    Hash(String),
    /// A file that may be installed has no hash.
    #[error("a file of {0} has no hash")]
    FileWithoutHash(String),
    /// The requirement has no hash, where each needs one.
    #[error("{0} has no --hash=sha256:…, and every line needs one here")]
    NoHash(ProjectName),
    /// The project stands on an earlier line too.
    #[error("{0} is listed on line {1} already")]
    Twice(ProjectName, u64),
    /// The text ends in the middle of a requirement.
    #[error("the text ends after a '\\'")]
    OpenEnd,
    /// A `\` that does not end the line, or one behind a comment.
    #[error("a '\\' stands where readers disagree about the end of the line")]
    Backslash,
    /// Quotes around an option's value, which a shell's rules would take away.
    #[error("'{}' holds quotes; write the option without them", .0.escape_debug())]
    Quotes(String),
    /// It is no condition, or cannot be written behind a `;` as one.
    #[error("'{}' is no condition that can stand behind a ';'", .0.escape_debug())]
    Marker(String),
    /// Something stands behind the options that is none.
    #[error("'{}' stands behind the options, which come last", .0.escape_debug())]
    Stray(String),
    /// An option that needs a value has none, or one that takes none has one.
    #[error("the option '{}' lacks its value, or has one that it does not take", .0.escape_debug())]
    Value(String),
    /// Another file is named, and this list has to stand alone.
    #[error("'{}' names another file, and this list has to stand alone", .0.escape_debug())]
    Include(String),
    /// The file that is named includes this one.
    #[error("'{}' includes itself", .0.escape_debug())]
    IncludeLoop(String),
    /// Files include files too deep.
    #[error("'{}' is included too deep, by files that include one another", .0.escape_debug())]
    IncludeDepth(String),
    /// The file that is named lies somewhere else.
    #[error("'{}' lies outside the directory of the file that was named", .0.escape_debug())]
    IncludeOutside(String),
    /// The file that is named is not there.
    #[error("'{}' is not there", .0.escape_debug())]
    IncludeMissing(String),
    /// More than anybody writes by hand or by machine.
    #[error("more than {0} {1} are in the files; the rest was not read")]
    TooMany(usize, &'static str),
    /// Nothing is asked for, so nothing would be checked.
    #[error("nothing is asked for")]
    Nothing,
    /// A file whose name says another format.
    #[error("files of this name are not read as requirements")]
    Format,
    /// The lock file is no TOML.
    #[error("the file is not TOML: {0}")]
    Toml(String),
    /// The lock file is of another version of its format.
    #[error("the format of the file has the version '{}'; what is read is {known}", .found.escape_debug())]
    LockVersion {
        /// The version it states.
        found: String,
        /// The versions that are read.
        known: &'static str,
    },
    /// The lock file holds something that is not known.
    #[error("'{}' is not known in this place", .0.escape_debug())]
    UnknownKey(String),
    /// Something has to stand there and does not, or is of another type.
    #[error("'{0}' is missing here, or is not {1}")]
    Key(&'static str, &'static str),
}

impl FaultKind {
    /// Returns whether this leads an installer away from the wheelhouse.
    pub fn leads_elsewhere(&self) -> bool {
        matches!(
            self,
            Self::OptionElsewhere(_) | Self::Link(_) | Self::Variable(_) | Self::Source { .. }
        )
    }
}

/// Returns the beginning of a text, for a message.
pub(super) fn clip(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
