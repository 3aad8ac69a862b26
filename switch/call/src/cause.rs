//! Every way a call can end: stable dotted code, SIP status to the caller, who is to blame, what the operator
//! reads and what to do. Metrics, CDRs and the manual render from this catalogue.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Blame {
    Nobody,
    Caller,
    Account,
    Callee,
    Gateway,
    Operator,
    Switch,
    Network,
}

#[derive(Debug)]
pub struct Cause {
    pub code: &'static str,
    pub sip_status: u16,
    pub reason: &'static str,
    pub blame: Blame,
    pub text: &'static str,
    pub remedy: &'static str,
}
