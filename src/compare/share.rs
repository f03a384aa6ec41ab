//! Work shared by all cores.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Returns what a function makes of each item, in their order. The items are taken
/// one by one from the first to the last, so the costly ones should come first. Each
/// core has a state of its own, that it uses again for each item.
pub(super) fn among_cores<T: Sync, S, R: Send>(
    items: &[T],
    state: impl Fn() -> S + Sync,
    each: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let work = || {
        let mut own = Vec::new();
        let mut made = None;
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else { break };
            let result = each(made.get_or_insert_with(&state), item);
            own.push((place, result));
        }
        done.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .append(&mut own);
    };
    let others = rayon::current_num_threads().min(items.len());
    rayon::in_place_scope(|scope| {
        for _ in 1..others {
            scope.spawn(|_| work());
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_items_and_states_are_used_again() {
        for count in [0usize, 1, 2, 1000] {
            let items: Vec<usize> = (0..count).collect();
            let states = AtomicUsize::new(0);
            let results = among_cores(
                &items,
                || states.fetch_add(1, Ordering::Relaxed),
                |_, item| item * 2,
            );
            assert!(results.into_iter().eq((0..count).map(|item| item * 2)));
            assert!(states.into_inner() <= rayon::current_num_threads().min(count));
        }
    }
}
