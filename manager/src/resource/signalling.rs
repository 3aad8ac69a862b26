//! Signalling settings, the same in the forms of gateways and accounts.

use super::{Choice, Field, Input, Part, choice, field};
use serde_json::json;

const TRUST: [Choice; 2] = [
    choice("untrusted", "Untrusted"),
    choice("trusted", "Trusted"),
];
const EXTENSION: [Choice; 3] = [
    choice("off", "Off"),
    choice("supported", "If the peer can"),
    choice("required", "Required"),
];
const REDIRECT: [Choice; 2] = [
    choice("never", "Refuse"),
    choice("dial_plan", "Through the dial plan"),
];
const RECORDED: [Choice; 2] = [choice("off", "On demand"), choice("on", "All calls")];
const BEEPS: [Choice; 2] = [choice("off", "No"), choice("beep", "Beep")];
const TRANSFER: [Choice; 3] = [
    choice("by_kind", "Phones, unless wholesale"),
    choice("refused", "Refuse"),
    choice("allowed", "Phones and addresses"),
];
const FROM: [Choice; 2] = [
    choice("caller", "Caller's number"),
    choice("login", "Our user name"),
];
const DIVERSION: [Choice; 3] = [
    choice("nothing", "Nothing"),
    choice("diversion", "Diversion"),
    choice("history_info", "History-Info"),
];

const DTMF: [Choice; 4] = [
    choice("auto", "As the peer describes"),
    choice("rfc4733", "RFC 4733 events"),
    choice("info", "SIP INFO"),
    choice("inband", "Tones in the audio"),
];

const HEADER: Part = Part {
    singular: "header",
    fields: &[
        field("name", "Header", Input::Text).required(),
        field("value", "Value", Input::Text),
    ],
    blank: || json!({ "name": "", "value": "" }),
    most: 16,
};

pub const GATEWAY: &[Field] = &[
    IDENTITIES,
    field("signalling.naming.from", "From user", Input::Choice(&FROM)),
    field(
        "signalling.naming.remote_party_id",
        "Send Remote-Party-ID",
        Input::Flag,
    ),
    field(
        "signalling.naming.diversion",
        "Forwarded calls say",
        Input::Choice(&DIVERSION),
    ),
    REDIRECTS,
    KEYS,
    RELIABLE,
    TIMERS,
    ADDED,
    REMOVED,
];

pub const ACCOUNT: &[Field] = &[
    IDENTITIES, REDIRECTS, TRANSFERS, KEYS, RECORDING, BEEP, MUSIC, RELIABLE, TIMERS, ADDED,
    REMOVED,
];

const IDENTITIES: Field = field("signalling.trust", "Identities", Input::Choice(&TRUST))
    .hint("Trusted: its P-Asserted-Identity counts, and it is told private callers");
const REDIRECTS: Field = field("signalling.redirect", "Redirects", Input::Choice(&REDIRECT))
    .hint("3xx answers; priced anew for the caller");
const TRANSFERS: Field = field("signalling.transfer", "Transfers", Input::Choice(&TRANSFER))
    .hint("Who transfers a call pays for its new leg");
const KEYS: Field = field("signalling.dtmf", "Keys pressed", Input::Choice(&DTMF))
    .hint("How DTMF travels; the switch turns one form into the other");
const RECORDING: Field = field(
    "signalling.recording",
    "Recording",
    Input::Choice(&RECORDED),
)
.hint("Stereo, from the answer on; tell the parties where the law asks for it");
const BEEP: Field = field(
    "signalling.recording_tone",
    "Recording is heard",
    Input::Choice(&BEEPS),
)
.hint("A beep each 15 seconds, by both parties of a recorded call");
const MUSIC: Field = field("signalling.music", "Music on hold", Input::Text)
    .hint("WAV file of the switch; empty: as the settings say; none: no music");
const RELIABLE: Field = field(
    "signalling.reliable",
    "Reliable ringing",
    Input::Choice(&EXTENSION),
)
.hint("100rel, RFC 3262");
const TIMERS: Field = field(
    "signalling.session_timers",
    "Session timers",
    Input::Choice(&EXTENSION),
)
.hint("RFC 4028");
const ADDED: Field = field(
    "signalling.add_headers",
    "Headers added",
    Input::Rows(&HEADER),
);
const REMOVED: Field = field("signalling.remove_headers", "Headers left out", Input::List)
    .hint("Such as Allow, Privacy");
