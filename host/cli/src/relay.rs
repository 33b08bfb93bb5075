//! From the thread that finds things to the one that uses them. What has to be done in between, either of them does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

struct Relay<F, M> {
    state: Mutex<State<F, M>>,
    changed: Notify,
}

struct State<F, M> {
    found: VecDeque<F>,
    made: VecDeque<M>,
    /// Whether nothing else will be found.
    complete: bool,
    /// Whether nobody is at the other end any more.
    ended: bool,
}

/// The end of the thread that finds. The other one waits until it is dropped.
pub(crate) struct Finder<F, M>(Arc<Relay<F, M>>);

/// The end of the thread that uses what was found, and made of it.
pub(crate) struct User<F, M>(Arc<Relay<F, M>>);

/// The two ends.
pub(crate) fn relay<F, M>() -> (Finder<F, M>, User<F, M>) {
    let state = State { found: VecDeque::new(), made: VecDeque::new(), complete: false, ended: false };
    let relay = Arc::new(Relay { state: Mutex::new(state), changed: Notify::new() });
    (Finder(Arc::clone(&relay)), User(relay))
}

impl<F, M> Relay<F, M> {
    fn state(&self) -> MutexGuard<'_, State<F, M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State<F, M>)) {
        change(&mut self.state());
        self.changed.notify_one();
    }
}

impl<F, M> Finder<F, M> {
    pub(crate) fn add(&self, found: F) {
        self.0.change(|state| state.found.push_back(found));
    }

    /// When all is found: does the work for what the other end has not come to. It never waits.
    pub(crate) fn help(&self, work: impl Fn(F) -> M) {
        self.0.change(|state| state.complete = true);
        let next = || self.0.state().found.pop_front();
        while let Some(found) = next() {
            let made = work(found);
            self.0.change(|state| state.made.push_back(made));
        }
    }
}

impl<F, M> Drop for Finder<F, M> {
    fn drop(&mut self) {
        self.0.change(|state| state.ended = true);
    }
}

impl<F, M> User<F, M> {
    /// Whether all is found, though work may be left.
    pub(crate) fn is_complete(&self) -> bool {
        self.0.state().complete
    }

    /// What the other end made; or what comes of `work` here, for something that it found. None at the end.
    pub(crate) async fn next(&self, work: impl Fn(F) -> M) -> Option<M> {
        loop {
            let (made, found, ended) = {
                let mut state = self.0.state();
                let made = state.made.pop_front();
                let found = if made.is_none() { state.found.pop_front() } else { None };
                (made, found, state.ended)
            };
            match (made, found) {
                (Some(made), _) => return Some(made),
                (None, Some(found)) => return Some(work(found)),
                (None, None) if ended => return None,
                (None, None) => self.0.changed.notified().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::relay;

    /// Waits for a future, as the thread of the plugins does.
    fn wait<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(future)
    }

    #[test]
    fn each_is_worked_on_once_by_either_end() {
        let (finder, user) = relay();
        let here = thread::current().id();
        let mut all = thread::scope(|scope| {
            let theirs = scope.spawn(move || {
                wait(async {
                    let mut all = Vec::new();
                    while let Some(made) = user.next(|number| (number, thread::current().id())).await {
                        all.push(made);
                    }
                    all
                })
            });
            (0..1000).for_each(|number| finder.add(number));
            finder.help(|number| (number, here));
            drop(finder);
            theirs.join().expect("joins")
        });
        all.sort_unstable_by_key(|(number, _)| *number);
        assert!(all.iter().map(|(number, _)| *number).eq(0..1000));
    }

    #[test]
    fn who_finds_does_not_wait_for_who_works() {
        let (finder, user) = relay();
        let ((begin, begun), (go, gone)) = (channel(), channel());
        thread::scope(|scope| {
            let user = &user;
            let theirs = scope.spawn(move || {
                let slow = |number: i32| {
                    begin.send(()).expect("somebody waits");
                    gone.recv().expect("somebody lets it go");
                    number
                };
                wait(async {
                    (user.next(slow).await, user.next(|number| number).await, user.next(slow).await)
                })
            });
            finder.add(1);
            begun.recv().expect("it is worked on");
            finder.add(2);
            assert!(!user.is_complete());
            finder.help(|number| number * 10);
            assert!(user.is_complete());
            drop(finder);
            go.send(()).expect("it waits");
            assert_eq!(theirs.join().expect("joins"), (Some(1), Some(20), None));
        });
    }
}
