//! JSON-RPC 2.0 texts: what a client writes and how it reads what comes back. Strings in, values out.

use crate::{
    error::{ErrorCode, ErrorData, RpcError},
    live::FeedEvent,
    method::{LIVE_EVENT, Method},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The text of a request.
///
/// # Errors
/// If the parameters cannot be written as JSON (`invalid`).
pub fn request<M: Method>(id: u64, params: &M::Params) -> Result<String, RpcError> {
    request_text(
        id,
        M::INFO.name,
        serde_json::to_value(params).map_err(|e| unreadable(&e))?,
    )
}

/// The text of a request by name.
///
/// # Errors
/// If the parameters cannot be written as JSON (`invalid`).
pub fn request_text(id: u64, method: &str, params: Value) -> Result<String, RpcError> {
    #[derive(Serialize)]
    struct Request<'a> {
        jsonrpc: &'static str,
        id: u64,
        method: &'a str,
        params: Value,
    }
    let request = Request {
        jsonrpc: "2.0",
        id,
        method,
        params,
    };
    serde_json::to_string(&request).map_err(|e| unreadable(&e))
}

/// The typed result of a response.
///
/// # Errors
/// If the result is not of the method's type (`internal`).
pub fn output<M: Method>(result: Value) -> Result<M::Output, RpcError> {
    serde_json::from_value(result).map_err(|e| {
        RpcError::new(
            ErrorCode::Internal,
            format!("{}: unexpected result: {e}", M::INFO.name),
        )
        .remedy("manager and switch may be of different versions")
    })
}

/// What came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// The answer to a request.
    Response {
        /// Id of the request.
        id: u64,
        /// Result or error.
        result: Result<Value, RpcError>,
    },
    /// An event of the live feed.
    Live {
        /// As answered by `live.subscribe`.
        subscription: Value,
        /// The event.
        event: FeedEvent,
    },
}

/// Reads one text of the server.
///
/// # Errors
/// If it is neither a response nor a live event (`internal`).
pub fn read(text: &str) -> Result<Incoming, RpcError> {
    #[derive(Deserialize)]
    struct Raw {
        id: Option<u64>,
        result: Option<Value>,
        error: Option<RawError>,
        method: Option<String>,
        params: Option<RawParams>,
    }
    #[derive(Deserialize)]
    struct RawError {
        code: i32,
        message: String,
        data: Option<Value>,
    }
    #[derive(Deserialize)]
    struct RawParams {
        subscription: Value,
        result: Value,
    }
    let raw: Raw = serde_json::from_str(text).map_err(|e| unreadable(&e))?;
    match (raw.id, raw.error, raw.params) {
        (Some(id), Some(error), _) => Ok(Incoming::Response {
            id,
            result: Err(from_parts(error.code, error.message, error.data)),
        }),
        (Some(id), None, _) => Ok(Incoming::Response {
            id,
            result: Ok(raw.result.unwrap_or(Value::Null)),
        }),
        (None, _, Some(params)) if raw.method.as_deref() == Some(LIVE_EVENT) => {
            Ok(Incoming::Live {
                subscription: params.subscription,
                event: serde_json::from_value(params.result).map_err(|e| unreadable(&e))?,
            })
        }
        (None, Some(error), _) => Err(from_parts(error.code, error.message, error.data)),
        (None, None, _) => Err(RpcError::new(
            ErrorCode::Internal,
            "neither a response nor an event",
        )),
    }
}

/// An error from its JSON-RPC parts.
#[must_use]
pub fn from_parts(code: i32, message: String, data: Option<Value>) -> RpcError {
    let fallback = || ErrorData {
        code: ErrorCode::from_number(code),
        field: None,
        remedy: None,
    };
    let data = data
        .and_then(|data| serde_json::from_value(data).ok())
        .unwrap_or_else(fallback);
    RpcError { message, data }
}

fn unreadable(cause: &serde_json::Error) -> RpcError {
    RpcError::new(
        ErrorCode::Internal,
        format!("not a message of this protocol: {cause}"),
    )
}

#[cfg(test)]
mod tests {
    use super::{Incoming, read, request};
    use crate::{
        error::ErrorCode,
        list::{ListParams, Op},
        live::{FeedEvent, LiveDelta},
        method::AccountList,
    };

    #[test]
    fn a_request_is_one_object() {
        let params = ListParams::default().with("login", Op::StartsWith, "ac");
        let text = request::<AccountList>(7, &params).expect("writes");
        assert_eq!(
            text,
            r#"{"jsonrpc":"2.0","id":7,"method":"account.list","params":{"filter":[{"field":"login","op":"starts_with","value":"ac"}],"limit":100,"offset":0,"search":"","sort":[]}}"#
        );
    }

    #[test]
    fn responses_errors_and_events_are_told_apart() {
        let ok = read(r#"{"jsonrpc":"2.0","id":1,"result":null}"#).expect("reads");
        assert!(matches!(
            ok,
            Incoming::Response {
                id: 1,
                result: Ok(_)
            }
        ));
        let text = r#"{"jsonrpc":"2.0","id":2,"error":{"code":1004,"message":"no","data":{"code":"forbidden","field":"id"}}}"#;
        let Incoming::Response {
            result: Err(error), ..
        } = read(text).expect("reads")
        else {
            panic!("an error");
        };
        assert_eq!(
            (error.code(), error.data.field.as_deref()),
            (ErrorCode::Forbidden, Some("id"))
        );
        let text = r#"{"jsonrpc":"2.0","method":"live.event","params":{"subscription":5,"result":{"feed":"delta","from":1,"to":2}}}"#;
        let Incoming::Live { event, .. } = read(text).expect("reads") else {
            panic!("an event");
        };
        let expected = LiveDelta {
            from: 1,
            to: 2,
            ..LiveDelta::default()
        };
        assert_eq!(event, FeedEvent::Delta(Box::new(expected)));
        assert!(read("[]").is_err() && read("{}").is_err());
    }
}
