//! What somebody who made a typing error may have meant.

/// How alike two words have to be for one to be taken for the other, from 0 to 1; what
/// clap asks for.
const ALIKE: f64 = 0.8;

/// Returns the name that is most like a word, when one is like it.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    all_near(word, names).into_iter().next()
}

/// Returns the names that are like a word, the most alike first.
pub fn all_near<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut near: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(word, name), name))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .collect();
    near.sort_by(|(one, first), (other, second)| other.total_cmp(one).then(first.cmp(second)));
    near.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first_and_strangers_do_not_come() {
        let names = ["verify", "verity-check", "audit", "rebuild"];
        assert_eq!(nearest("verfy", names), Some("verify"));
        assert_eq!(all_near("verify", names), ["verify", "verity-check"]);
        assert_eq!(nearest("history", ["audit", "seal"]), None);
        assert_eq!(nearest("", names), None);
    }
}
