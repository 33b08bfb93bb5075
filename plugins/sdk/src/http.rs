//! Requests to the origins that the user granted. A plugin that calls this asks for `http` in its manifest. The
//! host adds the credential, if the manifest asks for one; redirects are answers like others.
//!
//! There is no network natively: the answer is [`HttpError::Unavailable`].

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// The target, a header or the method makes no sense.
    Invalid,
    /// The request was not granted, or is one too many.
    Denied,
    /// Nobody answers, or not in time. In words of the interface.
    Unavailable(String),
    /// The answer has more bytes than it may.
    TooLarge,
}

/// An answer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status (RFC 9110, section 15).
    pub status: u16,
    /// The headers, in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends a request, and waits for the whole answer.
///
/// # Errors
/// [`HttpError`] says whether the request may be sent, and what became of it.
#[cfg(not(target_family = "wasm"))]
pub fn send(_: &str, _: &str, _: &[(&str, &str)], _: &[u8]) -> Result<Response, HttpError> {
    Err(HttpError::Unavailable("there is no network outside of the sandbox".to_owned()))
}

#[cfg(target_family = "wasm")]
pub use wasm::send;

#[cfg(target_family = "wasm")]
mod wasm {
    use wasip2::http::outgoing_handler::handle;
    use wasip2::http::types::{
        ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
    };
    use wasip2::io::streams::{OutputStream, StreamError};

    use super::{HttpError, Response};

    /// How many bytes a stream takes at once (`blocking-write-and-flush`).
    const CHUNK: usize = 4096;

    /// Sends a request to `target`, `https://HOST[:PORT]/PATH`, and waits for the whole answer.
    ///
    /// # Errors
    /// [`HttpError`] says whether the request may be sent, and what became of it.
    pub fn send(
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response, HttpError> {
        let invalid = |()| HttpError::Invalid;
        let fields = Fields::new();
        for (name, value) in headers {
            fields.append(name, value.as_bytes()).map_err(|_| HttpError::Invalid)?;
        }
        if !body.is_empty() {
            let length = body.len().to_string();
            fields.set("content-length", &[length.into_bytes()]).map_err(|_| HttpError::Invalid)?;
        }
        let request = OutgoingRequest::new(fields);
        request.set_method(&self::method(method)).map_err(invalid)?;
        let (scheme, rest) = target.split_once("://").ok_or(HttpError::Invalid)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            other => Scheme::Other(other.to_owned()),
        };
        request.set_scheme(Some(&scheme)).map_err(invalid)?;
        request.set_authority(Some(authority)).map_err(invalid)?;
        request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })).map_err(invalid)?;

        let outgoing = request.body().map_err(invalid)?;
        let pending = handle(request, None).map_err(|code| refused(&code))?;
        {
            let stream = outgoing.write().map_err(invalid)?;
            write(&stream, body)?;
        }
        OutgoingBody::finish(outgoing, None).map_err(|code| refused(&code))?;
        pending.subscribe().block();
        match pending.get() {
            Some(Ok(Ok(response))) => read(response),
            Some(Ok(Err(code))) => Err(refused(&code)),
            _ => Err(HttpError::Unavailable("no answer".to_owned())),
        }
    }

    fn write(stream: &OutputStream, body: &[u8]) -> Result<(), HttpError> {
        for chunk in body.chunks(CHUNK) {
            // The reason is in the answer.
            if stream.blocking_write_and_flush(chunk).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn read(response: IncomingResponse) -> Result<Response, HttpError> {
        let status = response.status();
        let headers = response.headers().entries();
        let incoming = response.consume().map_err(|()| HttpError::Invalid)?;
        let stream = incoming.stream().map_err(|()| HttpError::Invalid)?;
        let mut body = Vec::new();
        loop {
            match stream.blocking_read(64 << 10) {
                Ok(bytes) => body.extend(bytes),
                Err(StreamError::Closed) => return Ok(Response { status, headers, body }),
                Err(StreamError::LastOperationFailed(why)) => {
                    let code = wasip2::http::types::http_error_code(&why);
                    return Err(code.map_or(HttpError::TooLarge, |code| refused(&code)));
                }
            }
        }
    }

    fn method(name: &str) -> Method {
        match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "CONNECT" => Method::Connect,
            "OPTIONS" => Method::Options,
            "TRACE" => Method::Trace,
            "PATCH" => Method::Patch,
            other => Method::Other(other.to_owned()),
        }
    }

    fn refused(code: &ErrorCode) -> HttpError {
        match code {
            ErrorCode::HttpRequestDenied => HttpError::Denied,
            ErrorCode::HttpRequestMethodInvalid | ErrorCode::HttpRequestUriInvalid => HttpError::Invalid,
            ErrorCode::HttpResponseBodySize(_) => HttpError::TooLarge,
            other => HttpError::Unavailable(format!("{other:?}")),
        }
    }
}
