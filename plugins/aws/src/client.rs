//! The SDK, set up for the sandbox.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::interceptors::InterceptorContext;
use aws_sdk_secretsmanager::config::retry::{ClassifyRetry, RetryAction, RetryConfig};
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::config::{
    AppName, BehaviorVersion, Config, Credentials, IdentityCache, Region, StalledStreamProtectionConfig,
};
use aws_smithy_wasm::wasi::{WasiHttpClientBuilder, WasiSleep};

use crate::failure;

/// What is made up, and is replaced by the host.
const NOBODY: &str = "PLACEHOLDER";
/// How often a request is tried.
const TRIES: u32 = 3;
/// The longest that one try takes: the host ends the plugin after ten seconds, unless it was told otherwise.
const TRY: Duration = Duration::from_millis(2500);

pub(crate) fn new(region: &str, endpoint: Option<&str>) -> Client {
    let retries = RetryConfig::standard()
        .with_max_attempts(TRIES)
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(Duration::from_secs(1));
    let mut builder = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(Credentials::new(NOBODY, NOBODY, None, None, NOBODY))
        .identity_cache(IdentityCache::no_cache())
        .http_client(WasiHttpClientBuilder::new().build())
        .sleep_impl(WasiSleep)
        .retry_config(retries)
        .retry_classifier(Passing)
        // The host signs, with its own clock.
        .disable_clock_skew_correction(true)
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(TRY).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    builder.set_app_name(AppName::new("ptrun").ok());
    builder.set_endpoint_url(endpoint.map(str::to_owned));
    Client::from_conf(builder.build())
}

/// What may pass, besides what the SDK knows. Its client for WASI has all that is no answer for a mistake of the caller;
/// most of it is not, and another try may help. Status 429 may come from what stands between.
#[derive(Debug)]
struct Passing;

impl ClassifyRetry for Passing {
    fn name(&self) -> &'static str {
        "passing"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        if context.response().is_some_and(|answer| answer.status().as_u16() == 429) {
            return RetryAction::throttling_error();
        }
        let error = context.output_or_error().and_then(Result::err);
        match error.and_then(|error| error.as_connector_error()) {
            Some(error) if failure::is_passing(error) => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }
}
