//! Work that is shared among threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::policy::RebuildPolicy;
use crate::threads;

/// Returns how many builds run at once: what the policy says, or one for each core.
pub(super) fn jobs(policy: &RebuildPolicy) -> usize {
    policy.jobs.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    )
}

/// Works on each of several things, on `jobs` of them at once, and returns what came of
/// each, in their order.
///
/// The work is told the number of the thing. Who answers `None` begins nothing more, so
/// what is missing in the end was not begun.
pub(super) fn each<Thing: Sync, Result: Send>(
    things: &[Thing],
    jobs: usize,
    work: impl Fn(usize, &Thing) -> Option<Result> + Sync,
) -> Vec<Option<Result>> {
    let next = AtomicUsize::new(0);
    let share = || {
        let mut share = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(result) = things.get(number).and_then(|thing| work(number, thing)) else {
                return share;
            };
            share.push((number, result));
        }
    };
    let mut results: Vec<Option<Result>> = things.iter().map(|_| None).collect();
    for (number, result) in threads::each_of(jobs.min(things.len()), share)
        .into_iter()
        .flatten()
    {
        if let Some(place) = results.get_mut(number) {
            *place = Some(result);
        }
    }
    results
}

#[cfg(test)]
mod tests {
    use std::panic;
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_things() {
        let things: Vec<u64> = (0..40).collect();
        let came = each(&things, 4, |number, thing| {
            std::thread::sleep(std::time::Duration::from_millis(40 - thing));
            assert_eq!(number as u64, *thing);
            Some(thing * thing)
        });
        let squares: Vec<Option<u64>> = things.iter().map(|thing| Some(thing * thing)).collect();
        assert_eq!(came, squares);
        assert_eq!(each(&[], 4, |_, thing: &u64| Some(*thing)), []);
    }

    #[test]
    fn as_many_are_worked_on_at_once_as_was_said() {
        // Three that wait for each other end only when three are begun.
        let barrier = Barrier::new(3);
        let came = each(&[(); 6], 3, |_, ()| {
            barrier.wait();
            Some(())
        });
        assert_eq!(came, [Some(()); 6]);
    }

    #[test]
    fn nothing_is_begun_after_the_work_was_given_up() {
        let came = each(&[1, 2, 3, 4], 1, |_, thing| (*thing < 3).then_some(*thing));
        assert_eq!(came, [Some(1), Some(2), None, None]);
    }

    #[test]
    fn what_is_missing_is_never_passed_over() {
        let broken = panic::catch_unwind(|| {
            each(&[1, 2, 3], 2, |_, thing| {
                assert_ne!(*thing, 2, "meant to break");
                Some(*thing)
            })
        });
        assert!(broken.is_err());
    }
}
