//! Threads that begin on another processor. Linux puts a new thread where its parent is, which goes on itself: one of
//! them waits for up to a millisecond or two, as long as half a run, while the other processor has nothing to do.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// For the thread that starts the other one.
pub(crate) struct Parent(Option<(Receiver<Pid>, CpuSet, SyncSender<()>)>);

/// For the thread that is started.
pub(crate) struct Child(Option<(SyncSender<Pid>, Receiver<()>, CpuSet)>);

/// The two ends of a start. They do nothing where there is one processor alone.
pub(crate) fn apart() -> (Parent, Child) {
    let Some((all, others)) = processors() else { return (Parent(None), Child(None)) };
    let ((child, to_parent), (go, to_child)) = (sync_channel(1), sync_channel(1));
    (Parent(Some((to_parent, others, go))), Child(Some((child, to_child, all))))
}

/// All processors on which this thread may run, and those on which it does not run now, if there are some.
fn processors() -> Option<(CpuSet, CpuSet)> {
    let all = sched_getaffinity(None).ok()?;
    let mut others = all;
    others.unset(sched_getcpu());
    (others.count() > 0).then_some((all, others))
}

impl Parent {
    /// To be called when the other thread was started. It returns when that one has another processor.
    pub(crate) fn send_away(self) {
        if let Self(Some((child, others, go))) = self
            && let Ok(child) = child.recv()
        {
            // Where the system does not allow it, both have one processor for a while.
            let _ = sched_setaffinity(Some(child), &others);
            let _ = go.send(());
        }
    }
}

impl Child {
    /// To be called before any work. The thread may run on every processor afterwards, as its parent may.
    pub(crate) fn begin(self) {
        if let Self(Some((child, go, all))) = self {
            let _ = child.send(gettid());
            // An error says that the parent has gone.
            if go.recv().is_ok() {
                let _ = sched_setaffinity(None, &all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// On which processors a thread may run that is started here.
    fn child() -> CpuSet {
        let (parent, child) = apart();
        let thread = thread::spawn(move || {
            child.begin();
            sched_getaffinity(None).expect("its processors")
        });
        parent.send_away();
        thread.join().expect("joins")
    }

    #[test]
    fn a_thread_may_run_where_its_parent_may() {
        let all = sched_getaffinity(None).expect("the processors");
        assert_eq!(child(), all);
        let alone = thread::spawn(|| {
            let mut one = CpuSet::new();
            one.set(sched_getcpu());
            sched_setaffinity(None, &one).expect("one of them");
            (child(), one)
        });
        let (child, one) = alone.join().expect("joins");
        assert_eq!(child, one);
    }

    #[test]
    fn it_begins_on_another_processor() {
        let allowed = || sched_getaffinity(None).expect("the processors");
        let Some((all, others)) = processors() else { return assert_eq!(allowed().count(), 1) };
        assert_eq!((allowed(), others.count()), (all, all.count() - 1));
        // This thread is the child of itself, so that it can look.
        let ((child, to_parent), (go, to_child)) = (sync_channel(1), sync_channel(1));
        child.send(gettid()).expect("a parent");
        Parent(Some((to_parent, others, go))).send_away();
        assert_eq!(allowed(), others);
        Child(Some((child, to_child, all))).begin();
        assert_eq!(allowed(), all);
    }

    #[test]
    fn a_parent_that_is_gone_is_not_waited_for() {
        let (parent, child) = apart();
        drop(parent);
        child.begin();
        let (parent, child) = apart();
        drop(child);
        parent.send_away();
    }
}
