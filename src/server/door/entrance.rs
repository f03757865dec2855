//! What every request passes, on every listener and whatever it asks for: it gets its reference, and leaves a line in the
//! access log.
//!
//! The reference is our own. An `X-Request-Id` that the client sends is not looked at: it could be that of somebody
//! else's request, or anything at all. The query of the address is never logged; people put secrets into those.

use std::{
    future::Future,
    pin::{Pin, pin},
    time::Instant,
};

use axum::{
    extract::Request,
    http::{HeaderValue, Version, header::CONNECTION},
    response::Response,
};
use tracing::{Instrument as _, Level};

use super::headers::X_REQUEST_ID;
use crate::server::{
    https::{connection::Connection, forwarded::client_address},
    reference::Reference,
    services::Services,
    under_way::{UnderWay, start_of},
};

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The entrance of a listener.
#[derive(Debug, Clone)]
pub struct Entrance {
    services: Services,
}

impl Entrance {
    /// One with the settings of these services.
    pub fn new(services: &Services) -> Self {
        Self {
            services: services.clone(),
        }
    }

    /// Takes a request in.
    pub fn admit(&self, connection: Option<&Connection>, request: &Request) -> Admitted {
        let proxies = &self.services.settings().proxies;
        Admitted {
            started: tracing::enabled!(target: "callgate::access", Level::DEBUG).then(Instant::now),
            is_http1: request.version() <= Version::HTTP_11,
            under_way: UnderWay {
                reference: Reference::random(),
                address: connection.map(|connection| client_address(request.headers(), connection.address(), proxies)),
                method: request.method().clone(),
                uri: request.uri().clone(),
            },
        }
    }

    /// Does the work for a request that was taken in, and finishes the answer.
    pub async fn serve<F: Future<Output = Response>>(&self, admitted: Admitted, work: Pin<&mut F>) -> Response {
        let Admitted {
            started,
            is_http1,
            under_way,
        } = admitted;
        let reference = under_way.reference;
        let work = async {
            let mut response = work.await;
            let headers = response.headers_mut();
            if let Ok(mut value) = HeaderValue::from_str(reference.as_str()) {
                // It is no secret, but different each time: learnt by heart, it would drive out of the tables of HTTP/2
                // what is the same in every answer (RFC 7541, 7.1.3).
                value.set_sensitive(true);
                headers.insert(X_REQUEST_ID, value);
            }
            // A client that hears that this is the last answer does not send its next request into a connection that is
            // being closed. (HTTP/2 has a goodbye of its own.)
            if is_http1 && self.services.stopping().has_begun() {
                headers.insert(CONNECTION, CLOSE);
            }
            if let Some(started) = started {
                tracing::debug!(
                    target: "callgate::access",
                    status = response.status().as_u16(),
                    duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                    "answered"
                );
            }
            response
        };
        // For what works on threads of its own, such as the database, as far as that is logged.
        let span = tracing::debug_span!(
            target: "callgate::request",
            "request",
            request_id = reference.as_str(),
            address = under_way.address.map(tracing::field::display),
            method = start_of(under_way.method.as_str()),
            path = start_of(under_way.uri.path()),
        );
        under_way.over(pin!(work.instrument(span))).await
    }
}

/// A request that was taken in.
#[derive(Debug)]
pub struct Admitted {
    started: Option<Instant>,
    is_http1: bool,
    under_way: UnderWay,
}
