//! `"name" <uri>;params`: From, To, Contact, Route, P-Asserted-Identity.

use super::{
    Uri, ValueError,
    uri::{check_uri, find_param, own_params},
};
use crate::lex::{self, Params};
use std::fmt;

/// An address with a display name and header parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// The name, without quotes and escapes.
    pub display: Option<String>,
    /// Whom it points at.
    pub uri: Uri,
    /// Header parameters in order: name lower case, value as written (quotes included).
    pub params: Vec<(String, Option<String>)>,
}

impl NameAddr {
    /// An address with nothing but its URI.
    #[must_use]
    pub const fn new(uri: Uri) -> Self {
        Self {
            display: None,
            uri,
            params: Vec::new(),
        }
    }

    /// Reads one name-addr or addr-spec.
    ///
    /// # Errors
    /// If a quote or bracket does not close, or the URI or a parameter is not one.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let parts = lex::addr_parts(text)?;
        let display = lex::unquote(parts.display);
        Ok(Self {
            display: (!display.is_empty()).then_some(display),
            uri: Uri::parse(parts.uri)?,
            params: own_params(parts.params)?,
        })
    }

    /// A comma separated list, e.g. all Contacts of one header line.
    ///
    /// # Errors
    /// If any element is not one.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, ValueError> {
        lex::list(text).map(Self::parse).collect()
    }

    /// The raw value of a header parameter, any case: empty if it has none, None if absent.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        find_param(&self.params, name)
    }

    /// The same with a header parameter added or replaced.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params
            .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.params
            .push((name.to_ascii_lowercase(), value.map(str::to_owned)));
        self
    }

    /// The tag of From or To.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.param("tag")
    }
}

/// Checks one address without building it; answers the tag as a slice of `text`.
pub(crate) fn check_addr(text: &str) -> Result<Option<&str>, ValueError> {
    let parts = lex::addr_parts(text)?;
    check_uri(parts.uri)?;
    match Params::new(parts.params).checked("tag")? {
        Some("") => Err(ValueError {
            what: "address",
            reason: "empty tag",
        }),
        tag => Ok(tag),
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", lex::quote(display))?;
        }
        write!(f, "<{}>", self.uri)?;
        for (name, value) in self.params.iter().filter(|(name, _)| lex::is_token(name)) {
            match value {
                Some(value) if lex::is_param_value(value) => write!(f, ";{name}={value}")?,
                Some(value) if !value.is_empty() => write!(f, ";{name}={}", lex::quote(value))?,
                Some(_) | None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}
