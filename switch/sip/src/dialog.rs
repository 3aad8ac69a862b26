//! A dialog (RFC 3261 section 12) as plain data owned by a leg.

use crate::{
    message::Message,
    value::{NameAddr, Uri},
};

/// Everything needed to send in a dialog and to judge what arrives in it.
#[derive(Clone, Debug)]
pub struct Dialog {
    pub call_id: String,
    pub local_tag: String,
    pub remote_tag: String,
    /// Our own From (or To) with our tag.
    pub local: NameAddr,
    /// Theirs.
    pub remote: NameAddr,
    /// Where requests go: their Contact.
    pub remote_target: Uri,
    /// Route set, in sending order.
    pub routes: Vec<NameAddr>,
    pub local_cseq: u32,
    pub remote_cseq: Option<u32>,
}

/// Why a request does not fit the dialog: the status to answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogRejection {
    /// CSeq not above the last one: 500 (RFC 3261 section 12.2.2).
    OutOfOrder,
    /// Tags or Call-ID differ: 481.
    NoSuchDialog,
}

impl Dialog {
    /// As the callee: from the INVITE we answer, with our tag.
    pub fn from_request(request: &Message, local_tag: &str) -> Self {
        todo!()
    }
    /// As the caller: from our request and a response with a To tag. None without tag or Contact.
    pub fn from_response(request: &Message, response: &Message) -> Option<Self> {
        todo!()
    }
    /// Checks a request that arrived in the dialog and takes its CSeq, and its Contact on a target refresh.
    pub fn accept_request(&mut self, request: &Message) -> Result<(), DialogRejection> {
        todo!()
    }
    /// A 2xx to our re-INVITE or UPDATE refreshes the target.
    pub fn refresh_target(&mut self, response: &Message) {
        todo!()
    }
    /// The next CSeq to send with.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq += 1;
        self.local_cseq
    }
}
