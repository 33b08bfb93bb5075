//! `wasi:http` for a plugin: the words of the interface in front of [`ptrun_egress`].

use std::sync::Arc;

use http_body_util::BodyExt as _;
use ptrun_egress::{BoxBody, Budget, CredentialError, Egress, EgressError};
use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks};

use super::known::Known;
use crate::Limits;

/// The requests of one instance.
pub(crate) struct Http {
    context: WasiHttpCtx,
    hooks: Hooks,
}

struct Hooks {
    /// `None` if the plugin was granted no requests; then nothing of this is linked.
    egress: Option<Arc<Egress>>,
    budget: Arc<Budget>,
    known: Arc<Known>,
}

/// Why a request has no answer: the first of them. The plugin is told less.
pub(crate) enum Unsent {
    /// It was not signed.
    Unsigned(CredentialError),
    /// It may not be sent: why, and to where, as the plugin has it.
    Refused(String, String),
    /// Nobody answered.
    Failed(String),
}

/// How many requests a plugin may send for each secret: the tries of one, and one for a batch.
const REQUESTS_A_SECRET: usize = 4;

impl Http {
    /// The limits are for one secret, or a few.
    pub(crate) fn new(
        egress: Option<Arc<Egress>>,
        limits: &Limits,
        secrets: usize,
        known: Arc<Known>,
    ) -> Self {
        let mut context = WasiHttpCtx::new();
        context.set_field_size_limit(limits.field_bytes);
        let requests = u32::try_from(secrets.saturating_mul(REQUESTS_A_SECRET)).unwrap_or(u32::MAX);
        // Values become twice as long where JSON escapes them.
        let bytes = secrets.saturating_mul(limits.value_bytes).saturating_mul(2) as u64;
        let budget = Arc::new(Budget::new(limits.requests.max(requests), limits.http_bytes.max(bytes)));
        Self { context, hooks: Hooks { egress, budget, known } }
    }

    pub(crate) fn view<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiHttpCtxView<'a> {
        WasiHttpCtxView { hooks: &mut self.hooks, table, ctx: &mut self.context }
    }
}

type Answer = Result<(http::Response<WasiBody>, Worker), Error>;
type Worker = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Hooks {
    /// The client writes it, from the target that was decided about.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Worker,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let (egress, budget) = (self.egress.clone(), Arc::clone(&self.budget));
        let known = Arc::clone(&self.known);
        Box::new(async move {
            let egress = egress.ok_or(Error::HttpRequestDenied)?;
            // What the plugin waits for at most; the host's own limits are shorter or longer than that.
            let answer = options.and_then(|options| options.first_byte_timeout);
            let to = request.uri().authority().map_or_else(String::new, ToString::to_string);
            let request = request.map(|body| -> BoxBody { body.map_err(Into::into).boxed_unsync() });
            let response = egress.send(request, answer, &budget).await.map_err(|why| {
                let code = code(&why);
                let _ = known.unsent.set(match why {
                    EgressError::Credential(why) => Unsent::Unsigned(why),
                    EgressError::Denied(_) | EgressError::Prohibited => Unsent::Refused(why.to_string(), to),
                    _ => Unsent::Failed(why.to_string()),
                });
                code
            })?;
            let body =
                |why: Box<dyn std::error::Error + Send + Sync>| code(&ptrun_egress::failed(why.as_ref()));
            let response = response.map(|answer| answer.map_err(body).boxed_unsync());
            // The client's own task moves the bytes.
            Ok((response, Box::new(async { Ok(()) }) as Worker))
        })
    }
}

/// What the plugin is told: a case of the interface, and no text of the system's.
fn code(why: &EgressError) -> Error {
    match why {
        EgressError::Denied(_) | EgressError::TooManyRequests => Error::HttpRequestDenied,
        EgressError::Prohibited => Error::DestinationIpProhibited,
        EgressError::Unknown => Error::DestinationNotFound,
        EgressError::TooManyBytes(_) => Error::HttpResponseBodySize(None),
        EgressError::Connect(_) => Error::ConnectionRefused,
        EgressError::Tls(_) => Error::TlsCertificateError,
        EgressError::Timeout => Error::HttpResponseTimeout,
        EgressError::Credential(_) => Error::ConfigurationError,
        _ => Error::HttpProtocolError,
    }
}
