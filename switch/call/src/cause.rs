//! Every way a call can end: stable dotted code, SIP status to the caller, who is to blame, what the operator
//! reads and what to do. Metrics, CDRs and the manual render from this catalogue.
//!
//! A cause is a value, never an error: errors say that our program failed, causes say how a call ended.

/// Who has to act if this should not happen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Blame {
    /// An ordinary end.
    Nobody,
    /// The person or machine that calls.
    Caller,
    /// The account's settings or money.
    Account,
    /// The called phone.
    Callee,
    /// The terminator.
    Gateway,
    /// Whoever runs the switch.
    Operator,
    /// The switch itself.
    Switch,
    /// What lies between.
    Network,
}

/// One way to end.
#[derive(Debug, PartialEq, Eq)]
pub struct Cause {
    /// Stable, dotted; the first part tells answered, failed, refused and cancelled calls apart.
    pub code: &'static str,
    /// What the caller is answered with; 200 where the call had been answered.
    pub sip_status: u16,
    /// Reason phrase to the caller. Tells an attacker nothing.
    pub reason: &'static str,
    /// Who has to act.
    pub blame: Blame,
    /// What the operator reads.
    pub text: &'static str,
    /// What the operator can do.
    pub remedy: &'static str,
}

macro_rules! causes {
    ($($name:ident $code:literal $status:literal $reason:literal $blame:ident $text:literal $remedy:literal;)+) => {
        $(
            #[doc = $text]
            pub static $name: Cause = Cause {
                code: $code, sip_status: $status, reason: $reason, blame: Blame::$blame, text: $text, remedy: $remedy,
            };
        )+
        /// The whole catalogue.
        pub static ALL: &[&Cause] = &[$(&$name),+];
    };
}

causes! {
    CALLER_HANGUP "answered.caller_hangup" 200 "OK" Nobody "The caller hung up." "Nothing to do.";
    CALLEE_HANGUP "answered.callee_hangup" 200 "OK" Nobody "The called side hung up." "Nothing to do.";
    OUT_OF_MONEY "answered.out_of_money" 200 "OK" Account "Ended at the last paid second." "Top up the account, or its reseller's.";
    DAILY_LIMIT_REACHED "answered.daily_limit" 200 "OK" Account "Ended when the account, or a reseller's, had spent its daily limit." "Raise the daily limit, or wait for midnight in the account's time zone.";
    MAX_DURATION "answered.max_duration" 200 "OK" Account "Reached the longest duration allowed." "Raise the account's or the global maximum.";
    NO_AUDIO "answered.no_audio" 200 "OK" Network "No audio from either side for the time set; billed to the last sign of life." "Check the phones' network; raise the inactivity limit. A carrier that bills to the BYE counts the silence, too.";
    OPERATOR_HANGUP "answered.operator" 200 "OK" Operator "Ended by an operator." "See the audit log for whom.";
    ACK_TIMEOUT "answered.ack_timeout" 200 "OK" Network "The caller never confirmed the answer (no ACK)." "Check the caller's NAT or the advertised address.";
    LEG_LOST "answered.leg_lost" 200 "OK" Network "A side stopped answering during the call; billed to its last sign of life." "Check that side's network. A carrier that bills to the BYE counts up to 32 s more: that long an answer is waited for.";
    MEDIA_REFUSED "answered.media_refused" 200 "OK" Caller "The sides could not agree on audio after the answer." "Compare the codecs of account and gateway.";
    TRANSFER_FAILED "answered.transfer_failed" 200 "OK" Callee "The party that transferred the call had gone, and whom it named could not be reached." "See the trace for the other call.";
    JOINED_ENDED "answered.joined_ended" 200 "OK" Nobody "The call that it was joined with by a transfer came to its end." "See the trace for that call, and its cause.";
    ANSWER_UNPAID "answered.unpaid" 200 "OK" Account "The price in force at the answer could not be paid." "Top up the account.";
    CALLER_CANCELLED "cancelled.caller" 487 "Request Terminated" Nobody "The caller gave up before an answer." "Nothing to do.";
    OPERATOR_CANCELLED "cancelled.operator" 480 "Temporarily Unavailable" Operator "Ended by an operator before an answer." "See the audit log for whom.";
    BUSY "failed.busy" 486 "Busy Here" Callee "The called side is busy." "Nothing to do.";
    DECLINED "failed.declined" 603 "Decline" Callee "The called side declined." "Nothing to do.";
    NO_ANSWER "failed.no_answer" 480 "Temporarily Unavailable" Callee "Rang until the ring timeout." "Raise the ring timeout if it is short.";
    NOT_FOUND "failed.not_found" 404 "Not Found" Caller "The called number does not exist there." "Check the number and its rewriting.";
    GATEWAY_REJECTED "failed.gateway_rejected" 503 "Service Unavailable" Gateway "Every gateway tried refused the call." "See the trace for each gateway's answer.";
    GATEWAY_SILENT "failed.gateway_silent" 503 "Service Unavailable" Gateway "No gateway tried answered at all." "Check the gateways' addresses and health.";
    GATEWAY_AUTH "failed.gateway_auth" 503 "Service Unavailable" Operator "The gateway did not accept our user and password." "Correct the gateway's credentials.";
    NOT_REGISTERED "failed.not_registered" 480 "Temporarily Unavailable" Callee "No phone of the called account is registered." "Register the phone.";
    MEDIA_UNACCEPTABLE "failed.media" 488 "Not Acceptable Here" Caller "The sides have no audio format in common." "Compare the codecs of account and gateway.";
    UNKNOWN_SOURCE "refused.unknown_source" 403 "Forbidden" Caller "Neither its address nor its credentials are known." "Add the address, or check user and password.";
    ACCOUNT_BLOCKED "refused.account_blocked" 403 "Forbidden" Account "The account is blocked or closed." "Activate the account.";
    ACCOUNT_EXPIRED "refused.account_expired" 403 "Forbidden" Account "The account has expired." "Extend its expiry.";
    RESELLER_BLOCKED "refused.reseller_blocked" 403 "Forbidden" Account "A reseller above the account is blocked, closed or expired." "Activate the reseller.";
    BROKEN_CHAIN "refused.reseller_chain" 500 "Server Internal Error" Operator "The account's resellers form no chain of at most three." "Correct the resellers' parents.";
    NO_TARIFF "refused.no_tariff" 403 "Forbidden" Operator "A level has no tariff." "Assign a tariff to the account or reseller named.";
    NO_RATE "refused.no_rate" 404 "Not Found" Operator "A level's tariff has no rate for the number." "Add a rate for the prefix.";
    RATE_BLOCKED "refused.rate_blocked" 403 "Forbidden" Operator "The rate of the prefix is marked blocked." "Unblock the rate.";
    RATE_ABOVE_MAXIMUM "refused.rate_above_maximum" 403 "Forbidden" Account "The call is dearer than the account's maximum rate." "Raise the account's maximum rate.";
    NO_MONEY "refused.no_money" 402 "Payment Required" Account "The account cannot pay the fee and the first block." "Top up the account.";
    RESELLER_NO_MONEY "refused.reseller_no_money" 503 "Service Unavailable" Account "A reseller above the account cannot pay its share." "Top up the reseller.";
    DAILY_LIMIT "refused.daily_limit" 403 "Forbidden" Account "The account or a reseller has spent its limit of the day." "Raise the daily limit, or wait for midnight in the account's time zone.";
    BAD_NUMBER "refused.bad_number" 484 "Address Incomplete" Caller "The dialled number is empty or too long." "Check the number and the account's rules.";
    NUMBER_BLOCKED "refused.number_blocked" 403 "Forbidden" Account "A blocklist has the number, or the account's prefixes do not allow it." "See the trace for the entry; change the lists.";
    CALLER_BLOCKED "refused.caller_blocked" 403 "Forbidden" Operator "The caller's number is on a blocklist." "See the trace for the entry; change the list.";
    CHANNEL_LIMIT "refused.channel_limit" 503 "Service Unavailable" Account "The account or a reseller has its maximum of calls up." "Raise the limit.";
    CPS_LIMIT "refused.cps_limit" 503 "Service Unavailable" Account "More new calls a second than allowed." "Raise the limit.";
    SWITCH_FULL "refused.switch_full" 503 "Service Unavailable" Switch "The switch has its maximum of calls up." "Raise the limit or add capacity.";
    NO_ROUTE "refused.no_route" 404 "Not Found" Operator "No dial plan row fits the number." "Add a route for the prefix.";
    ROUTES_UNUSABLE "refused.routes_unusable" 503 "Service Unavailable" Operator "Every fitting route was dropped." "See the trace for each reason.";
    GATEWAY_DOWN "refused.gateway_down" 503 "Service Unavailable" Gateway "Every fitting gateway is down." "See the gateways' status for what they answered last.";
    DID_INACTIVE "refused.did_inactive" 404 "Not Found" Operator "The number called in is switched off." "Activate the DID.";
    DID_SOURCE "refused.did_source" 404 "Not Found" Operator "The number called in is not to be reached from where the call came." "Change the DID's source, if it should be.";
    DID_REJECTS "refused.by_did" 403 "Forbidden" Account "The number called in refuses calls." "Change where the DID leads.";
    DID_LOOP "refused.did_loop" 482 "Loop Detected" Account "The number called in is sent on to itself." "Change where the DIDs of the chain lead.";
    PLAN_REJECTS "refused.by_plan" 403 "Forbidden" Operator "A dial plan row rejects the number." "Change the row.";
    TOO_MANY_HOPS "refused.too_many_hops" 483 "Too Many Hops" Network "Max-Forwards ran out." "Look for a loop between switches.";
    LOOP "refused.loop" 482 "Loop Detected" Network "The call came back to us." "Look for a route to ourselves.";
    BAD_OFFER "refused.bad_offer" 488 "Not Acceptable Here" Caller "The session description cannot be read or has no audio." "Check the phone.";
    NO_RELAY "refused.no_relay" 503 "Service Unavailable" Switch "No audio port is free." "Widen the port range.";
    NOT_DURABLE "refused.not_durable" 503 "Service Unavailable" Switch "The journal cannot be written." "Check disk space and the data folder.";
    DRAINING "refused.draining" 503 "Service Unavailable" Operator "The switch is shutting down." "Nothing to do.";
    SESSION_EXPIRED "answered.session_expired" 200 "OK" Network "A side gave no sign of life within the session interval; billed to its last one." "Check that side's network. A carrier that bills to the BYE counts the rest of the interval, too.";
    NO_PRACK "cancelled.no_prack" 504 "Server Time-out" Caller "The caller never confirmed a reliable provisional answer." "Check the caller's network or switch reliable answers off for it.";
    EXTENSION_REQUIRED "refused.extension_required" 421 "Extension Required" Caller "The caller lacks an extension its account requires." "Change the account's signalling or the phone.";
    CRASHED "switch.crash" 200 "OK" Switch "The switch stopped during the call; billed to the last second known." "See the log of the restart.";
    SHUTDOWN "switch.shutdown" 200 "OK" Operator "Ended because the switch was stopped." "Nothing to do.";
    INTERNAL "switch.internal" 500 "Server Internal Error" Switch "The switch met a state it does not know." "Report it with the call's trace.";
}

/// The cause with this code.
#[must_use]
pub fn by_code(code: &str) -> Option<&'static Cause> {
    ALL.iter().find(|cause| cause.code == code).copied()
}

/// The cause for a B leg's final status, when it is the one the caller is told.
#[must_use]
pub fn of_final_status(status: u16) -> &'static Cause {
    match status {
        486 | 600 => &BUSY,
        603 | 607 => &DECLINED,
        404 | 410 | 484 | 604 => &NOT_FOUND,
        480 => &NO_ANSWER,
        408 => &GATEWAY_SILENT,
        401 | 407 => &GATEWAY_AUTH,
        415 | 488 | 606 => &MEDIA_UNACCEPTABLE,
        _ => &GATEWAY_REJECTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_well_formed() {
        let mut codes: Vec<_> = ALL.iter().map(|c| c.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ALL.len());
        for cause in ALL {
            assert!(
                cause.code.contains('.') && (200..700).contains(&cause.sip_status),
                "{}",
                cause.code
            );
            assert_eq!(by_code(cause.code), Some(*cause));
        }
    }
}
