//! What the port answers besides `/rpc`.

use super::{metrics, server::MetricsAudience};
use crate::rpc::{Api, VERSION};
use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
    routing::get,
};
use std::{net::SocketAddr, sync::Arc};

#[derive(Clone)]
struct Shared {
    api: Arc<Api>,
    audience: MetricsAudience,
}

/// All pages. Requests carry the peer's address as an extension.
pub fn router(api: Arc<Api>, audience: MetricsAudience) -> Router {
    Router::new()
        .route("/", get(landing))
        .route("/health", get(health))
        .route("/metrics", get(figures))
        .fallback(|| async { plain(StatusCode::NOT_FOUND, "not found\n") })
        .with_state(Shared { api, audience })
}

/// A short text.
pub fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    typed(status, "text/plain; charset=utf-8", text)
}

fn typed(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn landing() -> Response<Body> {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tandem</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem;\
         color-scheme:light dark}}</style>\
         <h1>Tandem switch</h1><p>Version {VERSION}. Operate it with the Tandem manager: connect it to this address \
         and compare the certificate's fingerprint with the one the switch printed when it started.</p>\
         <p>Programs speak JSON-RPC 2.0 over a WebSocket at <code>/rpc</code>; <code>rpc.discover</code> describes \
         every method.</p></html>"
    );
    typed(StatusCode::OK, "text/html; charset=utf-8", page)
}

/// Whether the call core answers.
async fn health(State(shared): State<Shared>) -> Response<Body> {
    if shared.api.is_alive().await {
        typed(StatusCode::OK, "application/json", "{\"status\":\"ok\"}\n")
    } else {
        typed(
            StatusCode::SERVICE_UNAVAILABLE,
            "application/json",
            "{\"status\":\"the call core does not answer\"}\n",
        )
    }
}

async fn figures(
    State(shared): State<Shared>,
    Extension(peer): Extension<SocketAddr>,
) -> Response<Body> {
    let is_here = peer.ip().to_canonical().is_loopback();
    if !is_here && shared.audience == MetricsAudience::ThisMachine {
        return plain(
            StatusCode::FORBIDDEN,
            "metrics are told on this machine only\n",
        );
    }
    match metrics::text(&shared.api).await {
        Ok(text) => typed(StatusCode::OK, metrics::CONTENT_TYPE, text),
        Err(error) => {
            tracing::warn!(%error, "metrics cannot be told");
            plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "the call core does not answer\n",
            )
        }
    }
}
