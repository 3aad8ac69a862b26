//! A dialog (RFC 3261 section 12) as plain data owned by a leg.
//!
//! Made from the INVITE and its response, early or confirmed; judges what arrives in it and holds what is
//! needed to send in it. Where to send is not here: the caller passes the flow, since a peer behind NAT is
//! reached where it came from, whatever its Contact says.

use crate::{
    message::{HeaderId, Message},
    value::{Method, NameAddr, Uri},
};

/// Everything needed to send in a dialog and to judge what arrives in it.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// The same in every message of the dialog.
    pub call_id: String,
    /// The tag we made.
    pub local_tag: String,
    /// Theirs; empty from a peer of RFC 2543.
    pub remote_tag: String,
    /// Our own From (or To) with our tag.
    pub local: NameAddr,
    /// Theirs.
    pub remote: NameAddr,
    /// Where requests go: their Contact.
    pub remote_target: Uri,
    /// Route set, in sending order.
    pub routes: Vec<NameAddr>,
    /// The last CSeq number we sent; 0 if none.
    pub local_cseq: u32,
    /// The last CSeq number they sent.
    pub remote_cseq: Option<u32>,
    /// Whether we made its Call-ID: after a glare its owner waits longer (RFC 3261 section 14.1).
    pub is_ours: bool,
    /// Whether our product is named in it: as in the INVITE of ours that began it.
    pub names_product: bool,
}

/// Why a request does not fit the dialog: the status to answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogRejection {
    /// CSeq not above the last one: 500 (RFC 3261 section 12.2.2).
    OutOfOrder,
    /// Tags or Call-ID differ: 481.
    NoSuchDialog,
}

impl DialogRejection {
    /// The status and reason to answer with.
    #[must_use]
    pub fn status(self) -> (u16, &'static str) {
        match self {
            Self::OutOfOrder => (500, "CSeq Out of Order"),
            Self::NoSuchDialog => (481, "Call/Transaction Does Not Exist"),
        }
    }
}

impl Dialog {
    /// As the callee: from the INVITE we answer, with our tag (RFC 3261 section 12.1.1). Without a usable
    /// Contact the peer's From is where requests go.
    #[must_use]
    pub fn from_request(request: &Message, local_tag: &str) -> Self {
        let remote = request.from();
        let remote_target = contact_of(request).unwrap_or_else(|| bare(remote.uri.clone()));
        Self {
            call_id: request.call_id().to_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: request.from_tag().unwrap_or_default().to_owned(),
            local: request.to().with_param("tag", Some(local_tag)),
            remote,
            remote_target,
            routes: request.addresses(HeaderId::RecordRoute),
            local_cseq: 0,
            remote_cseq: Some(request.cseq()),
            is_ours: false,
            names_product: true,
        }
    }

    /// As the caller: from our request and a response with a To tag, provisional or 2xx (RFC 3261 section
    /// 12.1.2). None without tag or Contact.
    #[must_use]
    pub fn from_response(request: &Message, response: &Message) -> Option<Self> {
        let remote_tag = response.to_tag()?.to_owned();
        Some(Self {
            call_id: request.call_id().to_owned(),
            local_tag: request.from_tag().unwrap_or_default().to_owned(),
            remote_tag,
            local: request.from(),
            remote: response.to(),
            remote_target: contact_of(response)?,
            routes: routes_back(response),
            local_cseq: request.cseq(),
            remote_cseq: None,
            is_ours: true,
            names_product: request.value(HeaderId::UserAgent).is_some(),
        })
    }

    /// The 2xx of the fork that made this early dialog: route set and target are taken anew, the CSeqs
    /// stay (RFC 3261 section 13.2.2.4).
    pub fn confirm(&mut self, response: &Message) {
        self.routes = routes_back(response);
        self.refresh_target(response);
    }

    /// Whether a request of the peer's is of this dialog, by Call-ID and tags (RFC 3261 section 12.2.2).
    #[must_use]
    pub fn holds(&self, request: &Message) -> bool {
        request.call_id() == self.call_id
            && request.to_tag().unwrap_or_default() == self.local_tag
            && request.from_tag().unwrap_or_default() == self.remote_tag
    }

    /// Checks a request that arrived in the dialog and takes its CSeq. Where requests go stays as it is until the
    /// request is agreed to ([`Self::refresh_target`]). ACK has the CSeq of its INVITE and is only checked for belonging.
    ///
    /// # Errors
    /// [`DialogRejection`]; the dialog is as before then.
    pub fn accept_request(&mut self, request: &Message) -> Result<(), DialogRejection> {
        if !self.holds(request) {
            return Err(DialogRejection::NoSuchDialog);
        }
        if request.is_method(&Method::Ack) {
            return Ok(());
        }
        if self.remote_cseq.is_some_and(|last| request.cseq() <= last) {
            return Err(DialogRejection::OutOfOrder);
        }
        self.remote_cseq = Some(request.cseq());
        Ok(())
    }

    /// A re-INVITE or UPDATE refreshes the target (RFC 3261 section 12.2, RFC 3311): the peer's that we agree to,
    /// or the 2xx to one of ours.
    pub fn refresh_target(&mut self, message: &Message) {
        if let Some(target) = contact_of(message) {
            self.remote_target = target;
        }
    }

    /// The next CSeq to send with; stays below 2^31 (RFC 3261 section 8.1.1.5).
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq = (self.local_cseq & 0x7fff_ffff)
            .saturating_add(1)
            .min(0x7fff_ffff);
        self.local_cseq
    }
}

fn contact_of(message: &Message) -> Option<Uri> {
    message
        .contacts()
        .into_iter()
        .next()
        .map(|contact| bare(contact.uri))
}

/// A Request-URI has neither headers nor a method (RFC 3261 section 19.1.1).
fn bare(mut uri: Uri) -> Uri {
    uri.headers = None;
    uri.params.retain(|(name, _)| name != "method");
    uri
}

fn routes_back(response: &Message) -> Vec<NameAddr> {
    let mut routes = response.addresses(HeaderId::RecordRoute);
    routes.reverse();
    routes
}
