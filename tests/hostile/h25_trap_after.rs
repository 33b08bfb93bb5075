//! H25: crashes when its answer is given back.
//!
//! ends: plugin/crashed

use ptrun_hostile::{hostile, loot};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

static ARMED: AtomicBool = AtomicBool::new(false);

struct Armed;

#[allow(unsafe_code, reason = "an allocator is unsafe by its nature, and this one is meant to be wrong")]
// SAFETY: the system's allocator does the work, until it is not asked any more.
unsafe impl GlobalAlloc for Armed {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // The value is given back after the call has returned; small pieces are given back all the time.
        if ARMED.load(Ordering::Relaxed) && layout.size() == "answered".len() && layout.align() == 1 {
            std::process::abort();
        }
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Armed = Armed;

hostile!(
    |_| {
        ARMED.store(true, Ordering::Relaxed);
        loot("answered")
    },
    manifest = "plain.toml"
);
