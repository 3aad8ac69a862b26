//! Faults of the store and the core as the errors a client reads. What a client cannot mend is logged here and
//! told without details.

use super::{columns::Map, core::CoreError};
use jsonrpsee::types::ErrorObjectOwned;
use tandem_protocol::{ErrorCode, RpcError};
use tandem_store::{EditError, StoreError};

/// As JSON-RPC writes it.
#[must_use]
pub fn object(error: RpcError) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(error.code().number(), error.message, Some(error.data))
}

/// A fault of ours: details go to the log.
pub fn internal(what: &str, cause: impl std::fmt::Display) -> RpcError {
    tracing::error!(what, %cause, "call failed");
    RpcError::new(ErrorCode::Internal, format!("{what} failed"))
        .remedy("the switch's log has the details")
}

/// An object that is not there, or not in the caller's branch: never told apart.
#[must_use]
pub fn not_found(what: &str, id: impl std::fmt::Display) -> RpcError {
    RpcError::new(ErrorCode::NotFound, format!("{what} {id} does not exist"))
}

/// A query that failed.
#[must_use]
pub fn query(map: &Map, error: StoreError) -> RpcError {
    match error {
        StoreError::BadQuery { field, reason } => RpcError::invalid(map.path(&field), reason),
        StoreError::Timeout(_) => RpcError::new(ErrorCode::Unavailable, error.to_string()),
        StoreError::Closed => RpcError::new(ErrorCode::Unavailable, error.to_string()),
        other => internal(map.name, chain(&other)),
    }
}

/// An edit that was not made. Of several faults the first names the field, the message names them all.
#[must_use]
pub fn edit(map: &Map, error: EditError) -> RpcError {
    let text = error.to_string();
    match error {
        EditError::Invalid(faults) => {
            let told: Vec<String> = faults
                .iter()
                .map(|f| format!("{}: {}", map.path(&f.field), f.reason))
                .collect();
            let first = faults
                .first()
                .map(|f| map.path(&f.field))
                .unwrap_or_default();
            RpcError::invalid(first, told.join("; "))
        }
        EditError::Conflict { .. } => RpcError::new(ErrorCode::Conflict, text)
            .at("revision")
            .remedy("reload it"),
        EditError::NotFound { .. } => RpcError::new(ErrorCode::NotFound, text),
        EditError::InUse { .. } => RpcError::new(ErrorCode::InUse, text),
        EditError::Forbidden(_) => RpcError::new(ErrorCode::Forbidden, text),
        EditError::Busy => RpcError::new(ErrorCode::Unavailable, text),
        EditError::Store(cause) => internal(map.name, cause),
    }
}

/// A core that did not answer.
#[must_use]
pub fn core(error: CoreError) -> RpcError {
    RpcError::new(ErrorCode::Unavailable, error.to_string()).remedy("try again in a moment")
}

/// A core that answered something else than was asked.
#[must_use]
pub fn unexpected(what: &str, reply: &tandem_call::io::Reply) -> RpcError {
    internal(
        what,
        format!("unexpected reply of the call core: {reply:?}"),
    )
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
