//! Header field names, classified once while splitting so that look-up compares one byte.

use crate::lex::is_token;

macro_rules! header_ids {
    ($( $id:ident = $name:literal $(/ $compact:literal)? ),* $(,)?) => {
        /// A header field this program treats by name; every other one is [`HeaderId::Other`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum HeaderId {
            $( #[doc = concat!("`", $name, "`")] $id, )*
            /// Known by its text only.
            Other,
        }

        impl HeaderId {
            /// The name as we print it; empty for [`HeaderId::Other`].
            #[must_use]
            #[inline]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$id => $name, )* Self::Other => "" }
            }

            /// Every known name.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$( Self::$id ),*];

            const fn of_letter(letter: u8) -> Self {
                match letter { $( $( $compact => Self::$id, )? )* _ => Self::Other }
            }
        }
    };
}

header_ids! {
    Via = "Via" / b'v',
    From = "From" / b'f',
    To = "To" / b't',
    CallId = "Call-ID" / b'i',
    CSeq = "CSeq",
    MaxForwards = "Max-Forwards",
    Contact = "Contact" / b'm',
    ContentLength = "Content-Length" / b'l',
    ContentType = "Content-Type" / b'c',
    ContentEncoding = "Content-Encoding" / b'e',
    RecordRoute = "Record-Route",
    Route = "Route",
    Expires = "Expires",
    MinExpires = "Min-Expires",
    Authorization = "Authorization",
    ProxyAuthorization = "Proxy-Authorization",
    WwwAuthenticate = "WWW-Authenticate",
    ProxyAuthenticate = "Proxy-Authenticate",
    Allow = "Allow",
    AllowEvents = "Allow-Events" / b'u',
    Supported = "Supported" / b'k',
    Unsupported = "Unsupported",
    Require = "Require",
    ProxyRequire = "Proxy-Require",
    UserAgent = "User-Agent",
    Server = "Server",
    Event = "Event" / b'o',
    SubscriptionState = "Subscription-State",
    Path = "Path",
    PAssertedIdentity = "P-Asserted-Identity",
    PPreferredIdentity = "P-Preferred-Identity",
    RemotePartyId = "Remote-Party-ID",
    Privacy = "Privacy",
    Diversion = "Diversion",
    HistoryInfo = "History-Info",
    Reason = "Reason",
    RetryAfter = "Retry-After",
    SessionExpires = "Session-Expires" / b'x',
    MinSe = "Min-SE",
    ReferTo = "Refer-To" / b'r',
    ReferredBy = "Referred-By" / b'b',
    Replaces = "Replaces",
    RAck = "RAck",
    RSeq = "RSeq",
    Accept = "Accept",
    AcceptContact = "Accept-Contact" / b'a',
    RejectContact = "Reject-Contact" / b'j',
    RequestDisposition = "Request-Disposition" / b'd',
    Identity = "Identity" / b'y',
    IdentityInfo = "Identity-Info" / b'n',
    Subject = "Subject" / b's',
    Date = "Date",
    Timestamp = "Timestamp",
    Warning = "Warning",
}

impl HeaderId {
    /// From a name in any case, long or compact.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::of_bytes(name.as_bytes())
    }

    /// The same from bytes of a token.
    pub(crate) fn of_bytes(name: &[u8]) -> Self {
        use HeaderId as H;
        let Some(first) = name.first().map(u8::to_ascii_lowercase) else {
            return H::Other;
        };
        let candidates: &[Self] = match name.len() {
            1 => return H::of_letter(first),
            2 => &[H::To],
            3 => &[H::Via],
            4 => &[H::From, H::CSeq, H::Path, H::Date, H::RAck, H::RSeq],
            5 => &[H::Route, H::Allow, H::Event],
            6 => &[H::Accept, H::Server, H::MinSe, H::Reason],
            7 => &[
                H::CallId,
                H::Contact,
                H::Expires,
                H::Require,
                H::Privacy,
                H::Subject,
                H::Warning,
            ],
            8 => &[H::ReferTo, H::Replaces, H::Identity],
            9 => &[H::Supported, H::Diversion, H::Timestamp],
            10 => &[H::UserAgent],
            11 => &[H::MinExpires, H::RetryAfter, H::ReferredBy, H::Unsupported],
            12 => &[
                H::MaxForwards,
                H::ContentType,
                H::RecordRoute,
                H::AllowEvents,
                H::HistoryInfo,
            ],
            13 => &[H::Authorization, H::ProxyRequire, H::IdentityInfo],
            14 => &[H::ContentLength, H::AcceptContact, H::RejectContact],
            15 => &[H::SessionExpires, H::RemotePartyId],
            16 => &[H::WwwAuthenticate, H::ContentEncoding],
            18 => &[H::ProxyAuthenticate, H::SubscriptionState],
            19 => &[
                H::ProxyAuthorization,
                H::PAssertedIdentity,
                H::RequestDisposition,
            ],
            20 => &[H::PPreferredIdentity],
            _ => &[],
        };
        candidates
            .iter()
            .copied()
            .find(|id| {
                let known = id.name().as_bytes();
                known.first().map(u8::to_ascii_lowercase) == Some(first)
                    && known.eq_ignore_ascii_case(name)
            })
            .unwrap_or(H::Other)
    }
}

/// Whether a name of ours may be printed as a header name.
pub(crate) fn is_header_name(name: &str) -> bool {
    is_token(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for id in HeaderId::ALL {
            assert_eq!(HeaderId::of(id.name()), *id);
            assert_eq!(HeaderId::of(&id.name().to_ascii_uppercase()), *id);
        }
    }

    #[test]
    fn compact_forms_are_the_registered_ones() {
        let table = "a Accept-Contact,b Referred-By,c Content-Type,d Request-Disposition,e Content-Encoding,\
            f From,i Call-ID,j Reject-Contact,k Supported,l Content-Length,m Contact,n Identity-Info,o Event,\
            r Refer-To,s Subject,t To,u Allow-Events,v Via,x Session-Expires,y Identity";
        for (compact, long) in table
            .split(',')
            .filter_map(|row| row.trim().split_once(' '))
        {
            assert_eq!(HeaderId::of(compact), HeaderId::of(long), "{compact}");
            assert_eq!(HeaderId::of(&compact.to_ascii_uppercase()).name(), long);
        }
        assert_eq!(HeaderId::of("g"), HeaderId::Other);
        assert_eq!(HeaderId::of("C%6Fntact"), HeaderId::Other);
    }
}
