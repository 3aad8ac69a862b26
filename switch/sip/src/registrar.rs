//! Bindings of phones (RFC 3261 section 10, RFC 3327 Path), without authentication: the caller did that.

use crate::{flow::Flow, message::Message, time::Mono, value::Uri};

/// One phone of an address of record.
#[derive(Clone, Debug)]
pub struct Binding {
    /// What the phone wrote.
    pub contact: Uri,
    /// Where it really is: requests go there, behind NAT or not.
    pub flow: Flow,
    pub path: Vec<String>,
    pub call_id: String,
    pub cseq: u32,
    pub expires_at: Mono,
    pub user_agent: String,
    pub q_thousandths: u16,
}

#[derive(Clone, Copy, Debug)]
pub struct RegistrarConfig {
    pub min_expires_s: u32,
    pub max_expires_s: u32,
    pub default_expires_s: u32,
    pub max_bindings_per_user: usize,
    pub max_users: usize,
}

/// How a REGISTER is to be answered.
#[derive(Clone, Debug)]
pub enum RegisterAnswer {
    /// 200 with these Contact header values.
    Accepted {
        contacts: Vec<String>,
        change: Change,
    },
    /// 423 with Min-Expires.
    TooBrief { min_expires_s: u32 },
    /// 400, 403 (too many) or 500 (old CSeq).
    Refused { status: u16, reason: &'static str },
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    None,
    Added,
    Refreshed,
    Removed,
}

pub struct Registrar {}
impl Registrar {
    pub fn new(config: RegistrarConfig) -> Self {
        todo!()
    }
    /// `user` is the authenticated device's name.
    pub fn handle_register(
        &mut self,
        now: Mono,
        user: &str,
        flow: Flow,
        request: &Message,
    ) -> RegisterAnswer {
        todo!()
    }
    /// Best first; expired ones left out.
    pub fn bindings(&self, now: Mono, user: &str) -> Vec<Binding> {
        todo!()
    }
    /// Puts back a binding kept over a restart.
    pub fn restore(&mut self, user: &str, binding: Binding) {
        todo!()
    }
    pub fn handle_flow_failed(&mut self, flow: Flow) {
        todo!()
    }
    /// Drops expired bindings and tells whose.
    pub fn handle_timeout(&mut self, now: Mono) -> Vec<(String, Binding)> {
        todo!()
    }
    pub fn poll_deadline(&self) -> Option<Mono> {
        todo!()
    }
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        todo!()
    }
}
