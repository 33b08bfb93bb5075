//! Work on several plugins at once.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::confine::own_heaps;
use crate::process::deaf;

/// A line of items, of which each thread that has time takes the next one. It ends when nobody adds to it any more.
pub(crate) struct Line<T>(Arc<Mutex<Receiver<T>>>);

/// A line, and the end at which it grows.
pub(crate) fn line<T>() -> (Sender<T>, Line<T>) {
    let (add, take) = channel();
    (add, Line(Arc::new(Mutex::new(take))))
}

impl<T> Clone for Line<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Iterator for Line<T> {
    type Item = T;

    /// Waits for an item. Others wait for this one meanwhile, and there is none for them either.
    fn next(&mut self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }
}

/// Does `work` for each item, on two threads where there are several, and has what came of it in their order.
pub(crate) fn side_by_side<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let several = items.len() > 1;
    if several {
        own_heaps();
    }
    let (add, line) = line();
    for item in items.into_iter().enumerate() {
        // There is somebody at the other end, two lines above.
        let _ = add.send(item);
    }
    drop(add);
    let share = |line: Line<(usize, T)>| -> Vec<(usize, R)> {
        line.map(|(index, item)| (index, work(item))).collect()
    };
    let mut done = thread::scope(|scope| {
        let theirs = line.clone();
        let help = || {
            deaf();
            share(theirs)
        };
        // Where the system refuses a thread, this one does all of it.
        let helper = several.then(|| thread::Builder::new().spawn_scoped(scope, help).ok()).flatten();
        let mut done = share(line);
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

    use super::{line, side_by_side};

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

    #[test]
    fn a_line_is_taken_while_it_grows_and_ends_for_all() {
        let (add, line) = line();
        let (other, begun) = (line.clone(), Barrier::new(2));
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut taken = other.inspect(|item| {
                    if *item == 0 {
                        begun.wait();
                    }
                });
                let first = taken.next();
                (first, taken.collect::<Vec<i32>>())
            });
            add.send(0).expect("a line");
            // It was taken before the line ended.
            begun.wait();
            (1..100).for_each(|item| add.send(item).expect("a line"));
            drop(add);
            let mut all: Vec<i32> = line.collect();
            let (first, theirs) = other.join().expect("joins");
            all.extend(theirs);
            all.sort_unstable();
            assert_eq!((first, all), (Some(0), (1..100).collect()));
        });
    }
}
