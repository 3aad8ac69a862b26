//! REFER: who may ask for what. Nothing is followed as it stands: of Refer-To only the number counts, or the dialog
//! of the asker's own account that its Replaces names. That it is the asker's own was judged before, as for every
//! request within a dialog.

use super::{
    Kind, Letter, MAX_ASKED, MAX_DEPTH, Pending, Presence, note,
    notify::{self, News},
    place,
    replaces::{Found, Named, Standing},
};
use crate::{
    call::{Call, Confirm, Stage},
    directory::{Account, signalling::Transfers},
    leg::{self, Leg, Reach},
    switch::state::Core,
};
use std::sync::Arc;
use tandem_billing::CallId;
use tandem_sdp::Side;
use tandem_sip::{
    Flow, Message,
    endpoint::ServerTxn,
    message::{Draft, HeaderId},
    value::{Host, NameAddr, Scheme, Uri, unescape},
};

/// Why not: the answer to the REFER.
type Refusal = (u16, String);

/// Where the other party is to go.
enum Target {
    Number(String),
    /// Of a call that is up.
    Dialog(CallId, Side),
    /// A call of its own that still rings.
    Ringing(CallId),
}

fn no(status: u16, reason: &str) -> Refusal {
    (status, reason.to_owned())
}

fn forbidden() -> Refusal {
    no(403, "Forbidden")
}

/// The dialog that the Refer-To of a REFER names; `Some(None)` if what it says cannot be read.
pub(crate) fn named(message: &Message) -> Option<Option<Named>> {
    let to = message.addresses(HeaderId::ReferTo).into_iter().next()?;
    let replaces = replaces_of(to.uri.headers.as_deref()?)?;
    Some(Named::parse(&replaces))
}

/// A REFER came from a side of a call; `found` is the leg that its Replaces means, if there is one.
pub(crate) fn handle(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    (txn, flow, message): (ServerTxn, Flow, &Message),
    found: Option<Found>,
) {
    let account = match may_ask(core, call, side) {
        Ok(account) => account,
        Err((status, reason)) => return core.respond(txn, (status, &reason), "", Draft::new()),
    };
    let begun = target(core, call, (side, &account), message, found)
        .and_then(|target| begin(core, call, side, &account, (target, message)));
    match begun {
        Ok(()) => {
            let silent =
                call.links.pending.as_ref().map(|pending| pending.news) == Some(News::Unwanted);
            let draft = Draft::new().header("Contact", leg::contact(core, flow));
            let (answer, draft) = if silent {
                ((200, "OK"), draft.header("Refer-Sub", "false"))
            } else {
                ((202, "Accepted"), draft)
            };
            core.respond(txn, answer, "", draft);
            notify::progress(core, call, 100);
            core.feed.touch(call.id);
        }
        Err((status, reason)) => core.respond(txn, (status, &reason), "", Draft::new()),
    }
}

/// The account that would pay, if its policy and the state of the call allow it.
fn may_ask(core: &Core, call: &Call, side: Side) -> Result<Arc<Account>, Refusal> {
    let pending = || no(491, "Request Pending");
    match call.stage {
        Stage::Talking => {}
        Stage::Hunting | Stage::Answering => return Err(pending()),
        Stage::Ending => return Err(no(481, "Call/Transaction Does Not Exist")),
    }
    let leg = call.leg(side).ok_or_else(forbidden)?;
    let account = leg
        .account
        .and_then(|id| core.directory.accounts.get(&id))
        .filter(|account| match (account.transfers(), leg.reach) {
            (Transfers::All, _) | (Transfers::Phones, Reach::Symmetric) => true,
            (Transfers::Phones, Reach::Contact) | (Transfers::None, _) => false,
        })
        .ok_or_else(forbidden)?;
    if call.links.depth >= MAX_DEPTH || call.links.asked >= MAX_ASKED {
        return Err(forbidden());
    }
    let unconfirmed = call.caller.confirm != Confirm::Done;
    if unconfirmed || call.links.pending.is_some() || !call.is_whole() {
        return Err(pending());
    }
    Ok(Arc::clone(account))
}

fn target(
    core: &Core,
    call: &Call,
    (side, account): (Side, &Account),
    message: &Message,
    found: Option<Found>,
) -> Result<Target, Refusal> {
    let mut stated = message.addresses(HeaderId::ReferTo).into_iter();
    let (Some(to), None) = (stated.next(), stated.next()) else {
        return Err(no(400, "Bad Refer-To"));
    };
    let method = to.uri.param("method");
    if method.is_some_and(|method| method != "INVITE") {
        return Err(forbidden());
    }
    if let Some(named) = named(message) {
        return dialog(call, account, named, found);
    }
    let leg = call.leg(side).ok_or_else(forbidden)?;
    if !is_ours(core, leg, message, &to.uri) {
        return Err(forbidden());
    }
    let number = to.uri.user_unescaped().unwrap_or_default();
    let number = number.split(';').next().unwrap_or_default();
    if number.is_empty() {
        return Err(no(484, "Address Incomplete"));
    }
    Ok(Target::Number(number.to_owned()))
}

/// The value of Replaces among the headers of a URI, escapes undone.
fn replaces_of(headers: &str) -> Option<String> {
    let mut pairs = headers.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("Replaces"))?;
    Some(unescape(value))
}

/// A dialog of the asker's own account.
fn dialog(
    call: &Call,
    account: &Account,
    named: Option<Named>,
    found: Option<Found>,
) -> Result<Target, Refusal> {
    named.ok_or_else(|| no(400, "Bad Replaces"))?;
    let found = found.ok_or_else(|| no(481, "Call/Transaction Does Not Exist"))?;
    if found.account != Some(account.id) {
        return Err(forbidden());
    }
    if found.call == call.id {
        return Err(no(400, "Bad Replaces"));
    }
    Ok(match found.standing {
        Standing::Up => Target::Dialog(found.call, found.side),
        Standing::Early => Target::Ringing(found.call),
    })
}

/// Whether a URI's host is one by which we are known to the peer.
fn is_ours(core: &Core, leg: &Leg, message: &Message, uri: &Uri) -> bool {
    match uri.scheme {
        Scheme::Tel => return true,
        Scheme::Sip | Scheme::Sips => {}
        Scheme::Other(_) => return false,
    }
    let realm = core.directory.settings.realm.as_str();
    let text = uri.host.to_string();
    if text.eq_ignore_ascii_case(realm) {
        return true;
    }
    if let Host::Ip(ip) = uri.host {
        let ours = |address: std::net::IpAddr| address == ip;
        return core
            .fixed
            .listeners
            .iter()
            .any(|listener| ours(listener.local.ip()) || ours(listener.advertised.ip()));
    }
    // The domain the peer was set up with is what it writes of itself.
    let said = message.addresses(HeaderId::ReferredBy);
    let known = said.iter().chain([&leg.dialog.local, &leg.dialog.remote]);
    let is_it = |address: &NameAddr| {
        address
            .uri
            .host
            .to_string()
            .eq_ignore_ascii_case(text.as_str())
    };
    known.into_iter().any(is_it)
}

fn begin(
    core: &mut Core,
    call: &mut Call,
    by: Side,
    account: &Arc<Account>,
    (target, message): (Target, &Message),
) -> Result<(), Refusal> {
    let wanted = message
        .header("Refer-Sub")
        .is_none_or(|value| !value.trim().eq_ignore_ascii_case("false"));
    let news = if wanted {
        News::Wanted {
            id: message.cseq(),
            told: 0,
        }
    } else {
        News::Unwanted
    };
    call.links.asked += 1;
    let (kind, number, target, place) = match target {
        Target::Number(number) => {
            let placed = place::place(core, call, (by, account), &number)?;
            (Kind::Blind, number, placed, Side::A)
        }
        Target::Dialog(other, side) => {
            core.letters.push_back(Letter::Join {
                of: call.id,
                target: other,
            });
            (Kind::Attended, String::new(), other, side)
        }
        Target::Ringing(target) => {
            let (of, depth) = (call.id, call.links.depth + 1);
            core.letters.push_back(Letter::Adopt { target, of, depth });
            (Kind::Early, String::new(), target, Side::A)
        }
    };
    note(call, (by, &number), target, "asked");
    call.links.pending = Some(Box::new(Pending {
        by,
        number,
        target,
        place,
        kind,
        presence: Presence::Here,
        news,
        waits: 0,
    }));
    Ok(())
}
