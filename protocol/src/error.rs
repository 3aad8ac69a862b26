//! How a call fails: a stable code, a sentence, the field at fault and what to do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a call was refused. The number is the JSON-RPC error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not logged in, or the session ended.
    Unauthenticated,
    /// Wrong login or password.
    BadCredentials,
    /// Too many failures: wait.
    LockedOut,
    /// The login has no right to this.
    Forbidden,
    /// No such object, or not in the login's branch.
    NotFound,
    /// A parameter is missing, malformed or out of range.
    Invalid,
    /// Another edit came first, or the name is taken.
    Conflict,
    /// Something else still refers to it.
    InUse,
    /// A limit of this connection or of the server: fewer at once.
    TooMany,
    /// The core or the store cannot answer now.
    Unavailable,
    /// A fault of the switch; details are in its log.
    Internal,
    /// No such method.
    NoMethod,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 12] = [
        Self::Unauthenticated,
        Self::BadCredentials,
        Self::LockedOut,
        Self::Forbidden,
        Self::NotFound,
        Self::Invalid,
        Self::Conflict,
        Self::InUse,
        Self::TooMany,
        Self::Unavailable,
        Self::Internal,
        Self::NoMethod,
    ];

    /// The JSON-RPC error code.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Unauthenticated => 1001,
            Self::BadCredentials => 1002,
            Self::LockedOut => 1003,
            Self::Forbidden => 1004,
            Self::NotFound => 1005,
            Self::Conflict => 1006,
            Self::InUse => 1007,
            Self::TooMany => 1008,
            Self::Unavailable => 1009,
            Self::Invalid => -32602,
            Self::Internal => -32603,
            Self::NoMethod => -32601,
        }
    }

    /// The code of a JSON-RPC error number; unknown numbers are `Internal`.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        Self::ALL
            .into_iter()
            .find(|code| code.number() == number)
            .unwrap_or(Self::Internal)
    }
}

/// What a JSON-RPC error carries in `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorData {
    /// Stable code.
    pub code: ErrorCode,
    /// The parameter at fault, as a path such as `edit.login`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the operator can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A refused or failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcError {
    /// A sentence for the operator, naming the object by id.
    pub message: String,
    /// Stable code, field and remedy.
    pub data: ErrorData,
}

impl RpcError {
    /// An error of this code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let data = ErrorData {
            code,
            field: None,
            remedy: None,
        };
        Self {
            message: message.into(),
            data,
        }
    }
    /// A bad parameter.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message).at(field)
    }
    /// Names the field at fault.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.data.field = Some(field.into());
        self
    }
    /// Says what to do about it.
    #[must_use]
    pub fn remedy(mut self, text: impl Into<String>) -> Self {
        self.data.remedy = Some(text.into());
        self
    }
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.data.code
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.data.remedy {
            Some(remedy) => write!(f, " ({remedy})"),
            None => Ok(()),
        }
    }
}
impl std::error::Error for RpcError {}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn every_code_has_a_number_of_its_own() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(code.number()), code);
        }
        assert_eq!(ErrorCode::from_number(7), ErrorCode::Internal);
    }
}
