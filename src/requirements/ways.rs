//! Under which conditions the projects of a uv lock are asked for.
//!
//! In: the packages of the lock. uv states conditions where one project leads to
//! another, so that a project can be asked for in several ways. Out: for each package
//! all of them, as one condition. Nothing is evaluated.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Table, Value};

/// How many ways a condition may have; where there are more it is not written down.
const MAX_WAYS: usize = 32;

/// When a package is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum When<'a> {
    /// Nothing leads to it.
    #[default]
    Never,
    /// On one of these ways, on each of which all of its conditions have to hold.
    Ways(BTreeSet<BTreeSet<&'a str>>),
    /// Under a condition that is not written down: it has too many ways, or is one that
    /// only uv knows.
    Somehow,
    /// In any case.
    Always,
}

impl<'a> When<'a> {
    /// Returns this and one condition more.
    pub(super) fn and(&self, marker: Option<&'a str>) -> Self {
        let Some(marker) = marker else {
            return self.clone();
        };
        // Of conflicting extras uv writes conditions that nobody else can read.
        let is_of_uv = marker.contains("extra");
        match self {
            Self::Never => Self::Never,
            _ if is_of_uv => Self::Somehow,
            Self::Somehow => Self::Somehow,
            Self::Always => Self::Ways(BTreeSet::from([BTreeSet::from([marker])])),
            Self::Ways(ways) => Self::Ways(
                ways.iter()
                    .map(|way| way.iter().copied().chain([marker]).collect())
                    .collect(),
            ),
        }
    }

    /// Returns what holds where this or the other does.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Always, _) | (_, Self::Always) => Self::Always,
            (Self::Somehow, _) | (_, Self::Somehow) => Self::Somehow,
            (Self::Never, it) | (it, Self::Never) => it,
            (Self::Ways(one), Self::Ways(two)) => {
                let all: BTreeSet<_> = one.into_iter().chain(two).collect();
                // A way with conditions more than another has adds nothing.
                let ways: BTreeSet<_> = all
                    .iter()
                    .filter(|way| !all.iter().any(|it| it != *way && it.is_subset(way)))
                    .cloned()
                    .collect();
                match ways.len() > MAX_WAYS {
                    true => Self::Somehow,
                    false => Self::Ways(ways),
                }
            }
        }
    }

    /// Returns the condition as a requirement has it; `None` where it is asked for in any
    /// case, and where that is not known.
    pub(super) fn marker(&self) -> Option<String> {
        let Self::Ways(ways) = self else {
            return None;
        };
        let ways = ways.iter().map(|way| joined(way.iter().copied(), "and"));
        let ways: Vec<String> = ways.collect();
        Some(joined(ways.iter().map(String::as_str), "or"))
    }
}

/// Returns one condition of several.
pub(super) fn joined<'a>(markers: impl Iterator<Item = &'a str>, word: &str) -> String {
    let markers: Vec<&str> = markers.collect();
    match markers.as_slice() {
        [one] => (*one).to_owned(),
        several => format!("({})", several.join(&format!(") {word} ("))),
    }
}

/// A package, and the extra of it that is wanted.
type Node<'a> = (usize, Option<&'a str>);

/// The packages of a lock, and which of them the lock is made for.
pub(super) struct Packages<'a, 'b> {
    packages: &'b [Table<'a>],
    by_name: BTreeMap<&'a str, Vec<usize>>,
    own: BTreeSet<usize>,
    /// What the lock of a script needs; it has no project.
    script: Vec<Table<'a>>,
}

impl<'a, 'b> Packages<'a, 'b> {
    pub(super) fn new(
        packages: &'b [Table<'a>],
        own: BTreeSet<usize>,
        script: Vec<Table<'a>>,
    ) -> Self {
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, package) in packages.iter().enumerate() {
            if let Ok(name) = package.text("name") {
                by_name.entry(name).or_default().push(index);
            }
        }
        Self {
            packages,
            by_name,
            own,
            script,
        }
    }

    /// Returns for each package when the projects that the lock is made for ask for it;
    /// with `all`, their extras and groups too.
    pub(super) fn asked_for(&self, all: bool) -> Vec<When<'a>> {
        let mut when: BTreeMap<Node<'a>, When<'a>> = BTreeMap::new();
        let mut changed: Vec<Node<'a>> = Vec::new();
        for dependency in &self.script {
            self.follow(*dependency, &When::Always, &mut when, &mut changed);
        }
        for index in &self.own {
            merge((*index, None), When::Always, &mut when, &mut changed);
            let Some(package) = self.packages.get(*index).filter(|_| all) else {
                continue;
            };
            for extra in lists(*package, "optional-dependencies").map(|(name, _)| name) {
                merge((*index, Some(extra)), When::Always, &mut when, &mut changed);
            }
            for (_, group) in lists(*package, "dev-dependencies") {
                for dependency in group.tables().unwrap_or_default() {
                    self.follow(dependency, &When::Always, &mut when, &mut changed);
                }
            }
        }
        while let Some(node) = changed.pop() {
            let (Some(here), Some(package)) = (when.get(&node).cloned(), self.packages.get(node.0))
            else {
                continue;
            };
            let dependencies = match node.1 {
                None => package.tables("dependencies").unwrap_or_default(),
                Some(extra) => lists(*package, "optional-dependencies")
                    .filter(|(name, _)| *name == extra)
                    .flat_map(|(_, list)| list.tables().unwrap_or_default())
                    .collect(),
            };
            for dependency in dependencies {
                self.follow(dependency, &here, &mut when, &mut changed);
            }
        }
        (0..self.packages.len())
            .map(|index| when.remove(&(index, None)).unwrap_or_default())
            .collect()
    }

    /// Goes one way from where that holds.
    fn follow(
        &self,
        dependency: Table<'a>,
        here: &When<'a>,
        when: &mut BTreeMap<Node<'a>, When<'a>>,
        changed: &mut Vec<Node<'a>>,
    ) {
        let marker = dependency.optional_text("marker").ok().flatten();
        let there = here.and(marker);
        let extras = dependency.texts("extra").unwrap_or_default();
        for index in self.targets(dependency) {
            merge((index, None), there.clone(), when, changed);
            for extra in &extras {
                merge((index, Some(extra)), there.clone(), when, changed);
            }
        }
    }

    /// Returns the packages that a dependency means: the one of its version where it
    /// states one, as uv does where a name has several.
    fn targets(&self, dependency: Table<'a>) -> Vec<usize> {
        let Some(named) = dependency
            .text("name")
            .ok()
            .and_then(|name| self.by_name.get(name))
        else {
            return Vec::new();
        };
        let Some(version) = dependency.optional_text("version").ok().flatten() else {
            return named.clone();
        };
        let has_version = |index: &&usize| {
            let package = self.packages.get(**index);
            package.is_some_and(|package| package.text("version").ok() == Some(version))
        };
        named.iter().filter(has_version).copied().collect()
    }
}

/// Takes note of a way to a node.
fn merge<'a>(
    node: Node<'a>,
    there: When<'a>,
    when: &mut BTreeMap<Node<'a>, When<'a>>,
    changed: &mut Vec<Node<'a>>,
) {
    let old = when.get(&node).cloned().unwrap_or_default();
    let new = old.clone().or(there);
    if new != old {
        when.insert(node, new);
        changed.push(node);
    }
}

/// Returns the lists in a table of a package, by their names.
fn lists<'a>(package: Table<'a>, key: &str) -> impl Iterator<Item = (&'a str, Value<'a>)> {
    let table = package.get(key).and_then(Value::table);
    table.into_iter().flat_map(Table::entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(markers: &[&'static str]) -> When<'static> {
        let and = |when: When<'static>, marker: &&'static str| when.and(Some(marker));
        markers.iter().fold(When::Always, and)
    }

    #[test]
    fn conditions_of_one_way_all_hold_and_one_way_is_enough() {
        assert_eq!(when(&[]).marker(), None);
        assert_eq!(when(&["b", "a", "b"]).marker().unwrap(), "(a) and (b)");
        let two = when(&["a", "b"]).or(when(&["c"]));
        assert_eq!(two.marker().unwrap(), "((a) and (b)) or (c)");
        // What needs more than another way adds nothing.
        assert_eq!(when(&["a", "b"]).or(when(&["b"])), when(&["b"]));
        assert_eq!(two.or(When::Always), When::Always);
        assert_eq!(When::Never.or(when(&["a"])), when(&["a"]));
        assert_eq!(When::Never.and(Some("a")), When::Never);
    }

    #[test]
    fn what_cannot_be_written_down_is_no_condition_and_not_always() {
        let of_uv = when(&["a", "extra == 'extra-3-app-one'", "b"]);
        assert_eq!(of_uv, When::Somehow);
        assert_eq!(of_uv.marker(), None);
        let names: Vec<String> = (0..=MAX_WAYS).map(|number| format!("m{number}")).collect();
        let ways = |count: usize| {
            let ways = names.iter().take(count);
            ways.fold(When::Never, |all, name| {
                all.or(When::Always.and(Some(name)))
            })
        };
        assert!(ways(MAX_WAYS).marker().is_some());
        assert_eq!(ways(MAX_WAYS + 1), When::Somehow);
    }
}
