//! Bodies, counted against what a plugin may send and receive.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};

use crate::exchange::Live;

/// What is left for a plugin in one run.
#[derive(Debug)]
pub struct Budget {
    requests: AtomicU32,
    bytes: AtomicU64,
}

impl Budget {
    /// So many requests, and so many bytes of bodies in both directions together.
    #[must_use]
    pub fn new(requests: u32, bytes: u64) -> Self {
        Self { requests: requests.into(), bytes: bytes.into() }
    }

    pub(crate) fn take_request(&self) -> bool {
        let left = |left: u32| left.checked_sub(1);
        self.requests.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }

    fn take_bytes(&self, count: usize) -> bool {
        let left = |left: u64| left.checked_sub(count as u64);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }
}

/// More bytes than a plugin may send or receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the requests of the plugin have more bytes than they may")]
pub struct TooManyBytes;

/// A body whose bytes are counted, and which ends with [`TooManyBytes`] when there are too many.
pub(crate) struct Counted<B> {
    body: B,
    budget: Arc<Budget>,
    live: Arc<Live>,
    direction: Direction,
}

/// Where a body goes.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Out,
    In,
}

impl<B> Counted<B> {
    pub(crate) const fn new(body: B, budget: Arc<Budget>, live: Arc<Live>, direction: Direction) -> Self {
        Self { body, budget, live, direction }
    }
}

impl<B> Body for Counted<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        frame.map(|frame| {
            let frame = match frame? {
                Ok(frame) => frame,
                Err(why) => return Some(Err(why.into())),
            };
            let size = frame.data_ref().map_or(0, |data| data.remaining());
            let count = match self.direction {
                Direction::Out => &self.live.sent,
                Direction::In => &self.live.received,
            };
            count.fetch_add(size as u64, Ordering::Relaxed);
            Some(if self.budget.take_bytes(size) { Ok(frame) } else { Err(TooManyBytes.into()) })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
