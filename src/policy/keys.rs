//! What each key of a policy lets its writer do.
//!
//! In: the tables of a policy as they were read. Out: a [`Stated`] for every key that is
//! there, with where it stands and what its value does, compared with leaving it out.
//! Whether that may be is for [`super::standing`] to say.
//!
//! Every table is declared with [`table!`], which gives each key its [`Rule`]: a key
//! without one does not compile.

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;

use super::source::Source;

/// What one who may write a policy can do with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Say whom to believe.
    Trusts,
    /// Ask for more than is asked for without it.
    Narrows,
    /// Say what is so. A false word lets nothing pass: it does not fit what was signed,
    /// or the same bytes do not come back.
    Describes,
    /// Let something pass that would not pass without it, or let more be used up.
    Widens,
    /// Name a program that runs outside the sandbox, or leave the sandbox out.
    Runs,
    /// Name a file to be written.
    Writes,
}

impl Class {
    /// Every class with the word for it.
    pub const WORDS: &[(&str, Self)] = &[
        ("trusts", Self::Trusts),
        ("narrows", Self::Narrows),
        ("describes", Self::Describes),
        ("widens", Self::Widens),
        ("runs", Self::Runs),
        ("writes", Self::Writes),
    ];
}

/// What a value does, compared with leaving its key out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing that anybody has to allow.
    Harmless,
    /// More passes, or more is used up.
    Widens,
    /// So many builds run at once.
    AtOnce(u64),
    /// These programs are run: bare names, looked for on the path, or files.
    Runs(Vec<PathBuf>),
    /// Builds run in no sandbox.
    Unconfines,
    /// A file is written.
    Writes,
    /// Manifest or signatures are looked for here, and written here by commands that
    /// write them.
    Places(Vec<PathBuf>),
    /// The files are looked for here.
    Moves(PathBuf),
}

/// How a key is judged.
pub(super) enum Rule<T> {
    Trusts,
    Narrows,
    Describes,
    /// Some values widen; the rest are as good as none.
    Widens(fn(&T) -> bool),
    /// Where something lies that is checked wherever it lies.
    Places(fn(&T) -> Vec<PathBuf>),
    /// Where the files lie.
    Moves(fn(&T) -> PathBuf),
    AtOnce(fn(&T) -> i64),
    Runs(fn(&T) -> Effect),
    Writes,
}

impl<T> Rule<T> {
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Trusts => Class::Trusts,
            Self::Narrows => Class::Narrows,
            Self::Describes | Self::Places(_) => Class::Describes,
            Self::Widens(_) | Self::Moves(_) | Self::AtOnce(_) => Class::Widens,
            Self::Runs(_) => Class::Runs,
            Self::Writes => Class::Writes,
        }
    }

    fn effect(&self, value: &T) -> Effect {
        match self {
            Self::Trusts | Self::Narrows | Self::Describes => Effect::Harmless,
            Self::Widens(widens) => match widens(value) {
                true => Effect::Widens,
                false => Effect::Harmless,
            },
            Self::Places(paths) => Effect::Places(paths(value)),
            Self::Moves(path) => Effect::Moves(path(value)),
            Self::AtOnce(number) => Effect::AtOnce(u64::try_from(number(value)).unwrap_or(0)),
            Self::Runs(effect) => effect(value),
            Self::Writes => Effect::Writes,
        }
    }
}

/// A key that a policy has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stated {
    /// The key with its tables, as it stands in the file: `rebuild.projects.six.tools`.
    pub(super) key: String,
    /// The key that a flag would replace it by: `rebuild.recipe.tools`.
    pub(super) setting: String,
    /// The line and the column of its value, each counted from 1.
    pub(super) at: (usize, usize),
    pub(super) effect: Effect,
}

/// Where a table stands.
#[derive(Debug, Clone)]
pub(super) struct Name {
    /// In the file.
    pub(super) shown: String,
    /// For flags, which know no projects.
    pub(super) setting: String,
}

impl Name {
    pub(super) fn top(name: &str) -> Self {
        Self {
            shown: name.to_owned(),
            setting: name.to_owned(),
        }
    }

    pub(super) fn below(&self, key: &str) -> Self {
        Self {
            shown: format!("{}.{key}", self.shown),
            setting: format!("{}.{key}", self.setting),
        }
    }
}

/// Takes down what a policy states.
pub(super) struct Taken<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) stated: Vec<Stated>,
}

impl Taken<'_> {
    /// Takes down one key, when it is there.
    pub(super) fn key<T>(
        &mut self,
        table: &Name,
        key: &str,
        value: &Option<Spanned<T>>,
        rule: &Rule<T>,
    ) {
        if let Some(value) = value {
            let effect = rule.effect(value.get_ref());
            self.add(&table.below(key), value.span(), effect);
        }
    }

    pub(super) fn add(&mut self, name: &Name, span: Range<usize>, effect: Effect) {
        let source = self.source;
        let resolve = |path: PathBuf| source.resolve(path);
        let effect = match effect {
            Effect::Runs(programs) => Effect::Runs(
                programs
                    .into_iter()
                    .map(|program| match super::rebuild::is_bare(&program) {
                        true => program,
                        false => resolve(program),
                    })
                    .collect(),
            ),
            Effect::Places(paths) => Effect::Places(paths.into_iter().map(resolve).collect()),
            Effect::Moves(path) => Effect::Moves(resolve(path)),
            other => other,
        };
        self.stated.push(Stated {
            key: name.shown.clone(),
            setting: name.setting.clone(),
            at: source.position(&span),
            effect,
        });
    }
}

/// A table of the policy.
pub(super) trait Table {
    /// Takes down every key that is there.
    fn take(&self, name: &Name, taken: &mut Taken<'_>);

    /// Adds every key that may be there, with its class.
    fn classes(name: &Name, all: &mut Vec<(String, Class)>);
}

/// Returns the name of a key as the file has it.
pub(super) fn written(field: &str) -> String {
    field.replace('_', "-")
}

/// Declares a table: its keys with their types, what each lets its writer do, and the
/// tables below it.
macro_rules! table {
    (
        $(#[$about:meta])*
        struct $table:ident {
            $( $key:ident: $type:ty => $rule:expr, )*
            $( [$below:ident]: $below_type:ty, )*
        }
    ) => {
        $(#[$about])*
        #[derive(serde::Deserialize, Default)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
        pub(super) struct $table {
            $( pub(super) $key: Option<toml::Spanned<$type>>, )*
            $( pub(super) $below: $below_type, )*
        }

        impl $crate::policy::keys::Table for $table {
            fn take(
                &self,
                name: &$crate::policy::keys::Name,
                taken: &mut $crate::policy::keys::Taken<'_>,
            ) {
                use $crate::policy::keys::written;
                $(
                    let rule: Rule<$type> = $rule;
                    taken.key(name, &written(stringify!($key)), &self.$key, &rule);
                )*
                $( self.$below.take(&name.below(&written(stringify!($below))), taken); )*
            }

            fn classes(
                name: &$crate::policy::keys::Name,
                all: &mut Vec<(String, $crate::policy::keys::Class)>,
            ) {
                use $crate::policy::keys::written;
                $(
                    let rule: Rule<$type> = $rule;
                    all.push((name.below(&written(stringify!($key))).shown, rule.class()));
                )*
                $( <$below_type>::classes(&name.below(&written(stringify!($below))), all); )*
            }
        }
    };
}
pub(super) use table;
