//! Two files that may be anything, compared as wheels: identical when every byte is the
//! same, else different in something that is named, twice the same; and what is said
//! about the cause speaks of differences that there are.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use wheelproof::archive::Limits;
use wheelproof::cancel::Cancel;
use wheelproof::compare::{self, Comparison};
use wheelproof::explain::explain;
use wheelproof_fuzz::{directory, halves};

const LIMITS: Limits = Limits {
    members: 64,
    member_bytes: 1 << 20,
    total_bytes: 1 << 22,
    ratio: 200,
};

fuzz_target!(|bytes: &[u8]| {
    let (first, second) = halves(bytes);
    let directory = directory();
    let [published, rebuilt] = [("a.whl", first), ("b.whl", second)].map(|(name, bytes)| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).expect("room in memory");
        path
    });
    let compare = |a, b| compare::wheels(a, b, LIMITS, &Cancel::new()).expect("they can be read");
    let compared = compare(&published, &rebuilt);
    assert_eq!(compared, compare(&published, &rebuilt));
    let is_different = |comparison: &Comparison| matches!(comparison, Comparison::Different(_));
    assert_eq!(is_different(&compared), first != second);
    assert_eq!(
        is_different(&compare(&rebuilt, &published)),
        first != second
    );
    let Comparison::Different(different) = compared else {
        return;
    };
    let count = different.differences.len();
    assert!(count > 0);
    let explanation = explain(&different, None, None);
    let named: BTreeSet<usize> = explanation
        .causes
        .iter()
        .flat_map(|cause| &cause.differences)
        .chain(explanation.unexplained.iter().map(|rest| &rest.difference))
        .copied()
        .collect();
    assert!(named.iter().all(|index| *index < count));
    // Nothing is passed over: it has a cause, or none, or follows from another.
    for (index, difference) in different.differences.iter().enumerate() {
        assert!(
            named.contains(&index) || difference.consequence.is_some(),
            "{difference:?}"
        );
    }
});
