//! What became of requests, for those who keep a record of it: no headers, no bodies, no path.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{Method, Uri};

/// One request, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// As the plugin has it.
    pub method: String,
    /// `SCHEME://HOST[:PORT]`, as the plugin has it: untrusted text, if it was not granted.
    pub origin: String,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why it was not sent, or has no answer.
    pub failed: Option<String>,
    /// Bytes of the body that was sent.
    pub sent: u64,
    /// Bytes of the body that was received.
    pub received: u64,
}

/// A request that is under way.
pub(crate) struct Live {
    method: Method,
    origin: String,
    end: Mutex<Option<Result<u16, String>>>,
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
}

impl Live {
    pub(crate) fn end(&self, end: Result<u16, String>) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    fn now(&self) -> Exchange {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (status, failed) = match end {
            Some(Ok(status)) => (Some(status), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, Some("it was given up".to_owned())),
        };
        let [sent, received] = [&self.sent, &self.received].map(|count| count.load(Ordering::Relaxed));
        Exchange {
            method: self.method.to_string(),
            origin: self.origin.clone(),
            status,
            failed,
            sent,
            received,
        }
    }
}

/// The requests of one client, in their order.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Vec<Arc<Live>>>);

impl Journal {
    pub(crate) fn begin(&self, method: &Method, target: &Uri) -> Arc<Live> {
        let scheme = target.scheme_str().unwrap_or_default();
        // A name before the host could be a password.
        let host = target.authority().map_or("", |authority| authority.as_str());
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let live = Arc::new(Live {
            method: method.clone(),
            origin: format!("{scheme}://{host}"),
            end: Mutex::default(),
            sent: AtomicU64::default(),
            received: AtomicU64::default(),
        });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&live));
        live
    }

    /// All of them so far, once.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        let live = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        live.iter().map(|live| live.now()).collect()
    }
}
