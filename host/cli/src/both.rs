//! Work on several plugins at once.

use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::apart::apart;
use crate::confine::own_heaps;
use crate::process::deaf;

/// Does `work` for each item, on two threads where there are several, and has what came of it in their order.
pub(crate) fn side_by_side<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let several = items.len() > 1;
    if several {
        own_heaps();
    }
    let items = Mutex::new(items.into_iter().enumerate());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let share =
        || -> Vec<(usize, R)> { std::iter::from_fn(next).map(|(index, item)| (index, work(item))).collect() };
    let mut done = thread::scope(|scope| {
        let (parent, child) = apart();
        let help = || {
            deaf();
            child.begin();
            share()
        };
        // Where the system refuses a thread, this one does all of it.
        let helper = several.then(|| thread::Builder::new().spawn_scoped(scope, help).ok()).flatten();
        if helper.is_some() {
            parent.send_away();
        }
        let mut done = share();
        match helper.map(thread::ScopedJoinHandle::join) {
            Some(Ok(theirs)) => done.extend(theirs),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => {}
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::side_by_side;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        assert_eq!(
            side_by_side((0..100).collect(), |item| item * 2),
            (0..200).step_by(2).collect::<Vec<_>>()
        );
        assert!(side_by_side(Vec::<u8>::new(), |item| item).is_empty());
    }

    #[test]
    fn two_are_worked_on_at_once() {
        let both = Barrier::new(2);
        assert_eq!(
            side_by_side(vec![1, 2], |item| {
                both.wait();
                item
            }),
            [1, 2]
        );
    }
}
