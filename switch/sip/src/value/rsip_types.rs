//! Conversions between our values and rsip's, for callers that build or inspect with rsip off the hot path.

use super::{Method, Uri, ValueError};

impl From<rsip::Method> for Method {
    fn from(method: rsip::Method) -> Self {
        match method {
            rsip::Method::Ack => Self::Ack,
            rsip::Method::Bye => Self::Bye,
            rsip::Method::Cancel => Self::Cancel,
            rsip::Method::Info => Self::Info,
            rsip::Method::Invite => Self::Invite,
            rsip::Method::Message => Self::Message,
            rsip::Method::Notify => Self::Notify,
            rsip::Method::Options => Self::Options,
            rsip::Method::PRack => Self::Prack,
            rsip::Method::Publish => Self::Publish,
            rsip::Method::Refer => Self::Refer,
            rsip::Method::Register => Self::Register,
            rsip::Method::Subscribe => Self::Subscribe,
            rsip::Method::Update => Self::Update,
        }
    }
}

impl TryFrom<&Method> for rsip::Method {
    type Error = ValueError;

    /// rsip knows no methods but the registered ones.
    fn try_from(method: &Method) -> Result<Self, ValueError> {
        match method {
            Method::Other(_) => Err(ValueError {
                what: "method",
                reason: "unknown to rsip",
            }),
            known => known.as_str().parse().map_err(|_| ValueError {
                what: "method",
                reason: "unknown to rsip",
            }),
        }
    }
}

impl TryFrom<&rsip::Uri> for Uri {
    type Error = ValueError;

    fn try_from(uri: &rsip::Uri) -> Result<Self, ValueError> {
        Self::parse(&uri.to_string())
    }
}

impl TryFrom<&Uri> for rsip::Uri {
    type Error = ValueError;

    /// rsip refuses what it cannot express: `tel:`, most IPv6 hosts, URI headers.
    fn try_from(uri: &Uri) -> Result<Self, ValueError> {
        Self::try_from(uri.to_string()).map_err(|_| ValueError {
            what: "URI",
            reason: "refused by rsip",
        })
    }
}
