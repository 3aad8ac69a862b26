//! The one place where a call is let through or refused: every method of every connection passes here.
//!
//! The method's line in the protocol's table says what it needs; the connection says who calls. What passes
//! carries its [`Caller`] along, so that a handler acts for whoever was checked. Reading a request is cheap and
//! bounded by the connection; running it takes one of the connection's permits.

use super::{fault, session::Connection};
use jsonrpsee::{
    MethodResponse,
    server::middleware::rpc::{Batch, Notification, RpcServiceT},
    types::Request,
};
use std::{collections::HashMap, sync::Arc};
use tandem_protocol::{Access, ErrorCode, METHODS, RpcError};

/// Name -> what it needs.
#[derive(Debug)]
pub struct Table {
    access: HashMap<&'static str, Access>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            access: METHODS
                .iter()
                .map(|info| (info.name, info.access))
                .collect(),
        }
    }
}

impl Table {
    /// Whether the connection may call the method now.
    ///
    /// # Errors
    /// `no_method`, `unauthenticated` or `forbidden`.
    pub fn check(
        &self,
        connection: &Connection,
        method: &str,
    ) -> Result<Option<Arc<super::Caller>>, RpcError> {
        let Some(access) = self.access.get(method) else {
            return Err(RpcError::new(
                ErrorCode::NoMethod,
                format!("there is no method {method:?}"),
            ));
        };
        let caller = connection.caller();
        match (caller, access) {
            (caller, Access::Open) => Ok(caller),
            (None, _) => Err(RpcError::new(
                ErrorCode::Unauthenticated,
                format!("{method} needs a log-in"),
            )
            .remedy("call session.login first")),
            (Some(caller), access) if caller.may(*access) => Ok(Some(caller)),
            (Some(caller), _) => {
                tracing::info!(login = caller.login.0, method, "refused: no right");
                Err(RpcError::new(
                    ErrorCode::Forbidden,
                    format!("{} has no right to call {method}", caller.name),
                ))
            }
        }
    }
}

/// The middleware around jsonrpsee's service.
#[derive(Clone, Debug)]
pub struct Guard<S> {
    service: S,
    table: Arc<Table>,
    connection: Arc<Connection>,
}

impl<S> Guard<S> {
    /// Guards `service` for one connection.
    pub fn new(service: S, table: Arc<Table>, connection: Arc<Connection>) -> Self {
        Self {
            service,
            table,
            connection,
        }
    }
}

impl<S> RpcServiceT for Guard<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            BatchResponse = MethodResponse,
            NotificationResponse = MethodResponse,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    type MethodResponse = MethodResponse;
    type BatchResponse = MethodResponse;
    type NotificationResponse = MethodResponse;

    fn call<'a>(
        &self,
        mut request: Request<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        let (service, table, connection) = (
            self.service.clone(),
            Arc::clone(&self.table),
            Arc::clone(&self.connection),
        );
        async move {
            let Ok(_permit) = connection.calls.acquire().await else {
                return MethodResponse::error(
                    request.id,
                    fault::object(fault::internal("connection", "closed")),
                );
            };
            match table.check(&connection, &request.method) {
                Ok(caller) => {
                    connection.touch();
                    caller.map(|caller| request.extensions_mut().insert(caller));
                    request.extensions_mut().insert(Arc::clone(&connection));
                    service.call(request).await
                }
                Err(error) => MethodResponse::error(request.id, fault::object(error)),
            }
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        // Batches are switched off in the server's configuration and never come here.
        let error = RpcError::new(ErrorCode::NoMethod, "batches are not served");
        let response = MethodResponse::error(jsonrpsee::types::Id::Null, fault::object(error));
        async move {
            drop(batch);
            response
        }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.service.notification(notification)
    }
}
