//! Threads that begin on another processor. Linux puts a new thread where its parent is, which goes on itself: one of
//! them waits for up to a millisecond or two, as long as half a run, while the other processor has nothing to do.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// For the thread that starts the other one.
pub(crate) struct Parent {
    child: Receiver<Pid>,
    go: SyncSender<Option<CpuSet>>,
}

/// For the thread that is started.
pub(crate) struct Child {
    child: SyncSender<Pid>,
    go: Receiver<Option<CpuSet>>,
}

pub(crate) fn apart() -> (Parent, Child) {
    let ((child, to_parent), (go, to_child)) = (sync_channel(1), sync_channel(1));
    (Parent { child: to_parent, go }, Child { child, go: to_child })
}

impl Parent {
    /// To be called when the other thread was started. It returns when that one has another processor, if there is one.
    pub(crate) fn send_away(self) {
        if let Ok(child) = self.child.recv() {
            let _ = self.go.send(away(child));
        }
    }
}

impl Child {
    /// To be called before any work. The thread may run on every processor afterwards, as its parent may.
    pub(crate) fn begin(self) {
        let _ = self.child.send(gettid());
        // It may be that there is no other processor, or the parent has gone.
        if let Ok(Some(all)) = self.go.recv() {
            let _ = sched_setaffinity(None, &all);
        }
    }
}

/// Takes this processor away from a thread that waits: those that it had before.
fn away(child: Pid) -> Option<CpuSet> {
    let all = sched_getaffinity(None).ok()?;
    let mut others = all;
    others.unset(sched_getcpu());
    if others.count() == 0 {
        return None;
    }
    sched_setaffinity(Some(child), &others).ok()?;
    Some(all)
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
        let before = sched_getaffinity(None).expect("the processors");
        // It sends itself away, so that it can look.
        let all = away(gettid());
        let left = sched_getaffinity(None).expect("the others");
        sched_setaffinity(None, &before).expect("all of them");
        match before.count() {
            1 => assert_eq!((all, left), (None, before)),
            several => assert_eq!((all, left.count()), (Some(before), several - 1)),
        }
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
