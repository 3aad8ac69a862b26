//! How a client calls: a transport that carries one call, and the typed layer on top. No sockets here.

use crate::{
    error::{ErrorCode, RpcError},
    method::Method,
    wire,
};
use serde_json::Value;
use std::{future::Future, pin::Pin};

/// The future of one call. In the browser there are no threads, so it need not be `Send` there.
#[cfg(not(target_arch = "wasm32"))]
pub type CallFuture<'a> = Pin<Box<dyn Future<Output = Result<Value, RpcError>> + Send + 'a>>;
/// The future of one call. In the browser there are no threads, so it need not be `Send` there.
#[cfg(target_arch = "wasm32")]
pub type CallFuture<'a> = Pin<Box<dyn Future<Output = Result<Value, RpcError>> + 'a>>;

/// Carries one call to a server and its answer back: a WebSocket, or a fake in tests.
pub trait Transport {
    /// Calls `method` with one object of parameters.
    fn call(&self, method: &'static str, params: Value) -> CallFuture<'_>;
}

/// Typed calls over any transport.
pub trait Client {
    /// Calls a method of the table.
    fn request<M: Method>(
        &self,
        params: &M::Params,
    ) -> impl Future<Output = Result<M::Output, RpcError>>;
}

impl<T: Transport + ?Sized> Client for T {
    fn request<M: Method>(
        &self,
        params: &M::Params,
    ) -> impl Future<Output = Result<M::Output, RpcError>> {
        let params = serde_json::to_value(params);
        async move {
            let params = params.map_err(|e| {
                RpcError::new(
                    ErrorCode::Invalid,
                    format!("{}: parameters: {e}", M::INFO.name),
                )
            })?;
            wire::output::<M>(self.call(M::INFO.name, params).await?)
        }
    }
}
