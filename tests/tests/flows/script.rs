//! The language of the scripts: a line a step, `#` begins a comment.
//!
//! The plan: account 1 calls from trunk `A`, account 2 has phones `alice` and `bob`, gateways `G` and `H` take 44 in
//! turn and `H` takes 7; 0.60 a minute by the second, gateways take 0.30; 10.00 on each account.
//!
//! ```text
//! set session 600 | set balance 1 0.05 | set redirect G | set trust G     before the first step
//! register bob | register bob@198.51.100.31:7071                          a phone, perhaps a second one
//! A invites 442071234 [+Header: value ...]     bob invites alice          a caller
//! G takes | bob@198.51.100.31:7071 takes                                  a called side takes its INVITE
//! G says 183 Session Progress [sdp] [+Header: value ...]                  it answers that
//! A acks | A cancels | A pracks [sdp] | A hangs up                        the caller goes on
//! A asks UPDATE [hold|sdp] [+Header: value]   G asks INVITE hold          a request within the call
//! G acks                                                                  the 200 of its own re-INVITE
//! G hears INVITE | G replies 200 OK [sdp]                                 what it is sent, and its answer to it
//! bob' invites 442071234                                                  a second call of bob's
//! bob asks REFER +Refer-To: <sip:x@tandem.test?Replaces=$bob'>            the dialog of that call
//! wait 10 | wait 0.5                                                      seconds
//! ```

use super::ladder;
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use tandem_billing::{AccountId, GatewayId, Micros, TariffId};
use tandem_call::directory::{
    Target,
    signalling::{Redirect, Trust},
};
use tandem_sip::Message;
use tandem_tests::kit::{Callee, Caller, Plan, World, sip};

const PLACES: [(&str, &str); 5] = [
    ("A", "198.51.100.10:5060"),
    ("G", "203.0.113.1:5060"),
    ("H", "203.0.113.2:5060"),
    ("alice", "198.51.100.20:6060"),
    ("bob", "198.51.100.30:7070"),
];

fn plan() -> Plan {
    Plan::new()
        .tariff(1, "0.60", 1, 1)
        .tariff(9, "0.30", 1, 1)
        .account(1, 1, None)
        .source(1, "198.51.100.10:5060")
        .account(2, 1, None)
        .device(2, "alice")
        .device(2, "bob")
        .gateway(1, "203.0.113.1:5060")
        .gateway(2, "203.0.113.2:5060")
        .with_gateway(1, |gateway| gateway.cost_tariff = Some(TariffId(9)))
        .with_gateway(2, |gateway| gateway.cost_tariff = Some(TariffId(9)))
        .route("44", 1, Target::Gateway(GatewayId(1)))
        .route("44", 2, Target::Gateway(GatewayId(2)))
        .route("7", 1, Target::Gateway(GatewayId(2)))
        .route("alice", 1, Target::LocalDevice)
        .route("bob", 1, Target::LocalDevice)
}

/// Runs a script and prints what came of it.
pub fn run(name: &str, text: &str) -> String {
    let mut stage = Stage::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() && stage.step(line).is_none() {
            panic!("{name}.flow line {}: {line:?} makes no sense", at + 1);
        }
    }
    let world = stage.world();
    world.check_idle();
    ladder::print(&stage.names, stage.world.as_ref().unwrap())
}

struct Stage {
    plan: Option<Plan>,
    balances: BTreeMap<i64, Micros>,
    world: Option<World>,
    names: BTreeMap<SocketAddr, String>,
    callers: BTreeMap<String, Caller>,
    callees: BTreeMap<String, Callee>,
    heard: BTreeMap<String, Message>,
}

/// `says 183 Session Progress sdp +X: y` taken apart: the words, the description, the header lines.
struct Said {
    words: String,
    sdp: Option<&'static str>,
    headers: String,
}

fn said(text: &str) -> Said {
    let mut parts = text.split(" +");
    let mut words = parts.next().unwrap_or_default().trim().to_owned();
    let headers = parts.map(|line| format!("{}\r\n", line.trim())).collect();
    let mut sdp = None;
    for (word, direction) in [
        ("sdp", "sendrecv"),
        ("hold", "sendonly"),
        ("held", "recvonly"),
    ] {
        if let Some(rest) = words.strip_suffix(word) {
            sdp = Some(direction);
            words = rest.trim().to_owned();
        }
    }
    Said {
        words,
        sdp,
        headers,
    }
}

impl Stage {
    fn new() -> Self {
        let places = PLACES.iter();
        Self {
            plan: Some(plan()),
            balances: [(1, Micros(10_000_000)), (2, Micros(10_000_000))].into(),
            world: None,
            names: places
                .map(|(name, at)| (at.parse().unwrap(), (*name).to_owned()))
                .collect(),
            callers: BTreeMap::new(),
            callees: BTreeMap::new(),
            heard: BTreeMap::new(),
        }
    }

    fn world(&mut self) -> &mut World {
        let balances: Vec<(AccountId, Micros)> = self
            .balances
            .iter()
            .map(|(id, amount)| (AccountId(*id), *amount))
            .collect();
        let plan = &self.plan;
        self.world.get_or_insert_with(|| {
            let directory = plan.as_ref().unwrap().build();
            let mut world = World::with_micros(directory, &balances);
            world.record();
            world
        })
    }

    /// `bob` or `bob@address:port`, which is a name of its own from then on.
    fn place(&mut self, who: &str) -> Option<SocketAddr> {
        if let Some((_, at)) = who.split_once('@') {
            let at = at.parse().ok()?;
            self.names.insert(at, who.to_owned());
            return Some(at);
        }
        let who = who.trim_end_matches('\'');
        let (_, at) = PLACES.iter().find(|(name, _)| *name == who)?;
        at.parse().ok()
    }

    fn step(&mut self, line: &str) -> Option<()> {
        let (first, rest) = line.split_once(' ')?;
        match first {
            "set" => self.set(rest),
            "wait" => {
                let seconds: f64 = rest.parse().ok()?;
                self.world().advance(Duration::from_secs_f64(seconds));
                Some(())
            }
            "register" => {
                let at = self.place(rest)?.to_string();
                let user = rest.split('@').next()?.to_owned();
                sip::register(self.world(), &at, &user);
                Some(())
            }
            who => {
                let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                self.act(who, verb, &said(rest))
            }
        }
    }

    fn set(&mut self, rest: &str) -> Option<()> {
        let words: Vec<&str> = rest.split(' ').collect();
        let plan = self.plan.take()?;
        let gateway = |name: &str| if name == "G" { 1 } else { 2 };
        self.plan = Some(match words.as_slice() {
            ["session", seconds] => {
                let seconds = seconds.parse().ok()?;
                plan.with_settings(|settings| settings.session_expires_s = seconds)
            }
            ["balance", account, amount] => {
                let units: f64 = amount.parse().ok()?;
                self.balances
                    .insert(account.parse().ok()?, Micros((units * 1e6).round() as i64));
                plan
            }
            ["redirect", name] => plan.with_gateway(gateway(name), |gateway| {
                gateway.signalling.redirect = Redirect::DialPlan;
            }),
            ["trust", name] => plan.with_gateway(gateway(name), |gateway| {
                gateway.signalling.trust = Trust::Trusted;
                gateway.naming.send_pai = true;
            }),
            _ => return None,
        });
        Some(())
    }

    /// `$bob'` in a header is the dialog of that caller, as a Replaces in a URI names it.
    fn with_dialogs(&self, headers: &str) -> String {
        let mut text = headers.to_owned();
        for (name, caller) in &self.callers {
            let tag = |text: &str| text.split("tag=").nth(1).unwrap_or_default().to_owned();
            let dialog = caller.within();
            let (call_id, to, from) = (&dialog.call_id, tag(&dialog.to), tag(&dialog.from));
            let named = format!("{call_id};to-tag={to};from-tag={from}");
            let escaped = named
                .replace(';', "%3B")
                .replace('=', "%3D")
                .replace('@', "%40");
            text = text.replace(&format!("${name}>"), &format!("{escaped}>"));
        }
        text
    }

    fn act(&mut self, who: &str, verb: &str, said: &Said) -> Option<()> {
        let said = &Said {
            headers: self.with_dialogs(&said.headers),
            words: said.words.clone(),
            sdp: said.sdp,
        };
        let at = self.place(who)?;
        self.world();
        let world = self.world.as_mut()?;
        match verb {
            "invites" => {
                let name = who.trim_end_matches('\'');
                let user = if who == "A" { "4930123" } else { name };
                let key = format!("{name}{}", self.callers.len());
                let mut caller = Caller::new(&at.to_string(), user, &said.words, &key)
                    .with_headers(&said.headers);
                if who == "A" {
                    caller.invite(world);
                } else {
                    caller.invite_with_digest(world);
                }
                self.callers.insert(who.to_owned(), caller);
            }
            "takes" => {
                let callee = Callee::take(world, &at.to_string());
                self.callees.insert(who.to_owned(), callee);
            }
            "says" => {
                let callee = self.callees.get(who)?;
                let body = said
                    .sdp
                    .map(|way| sip::sdp_with(callee.audio, sip::G711, way));
                callee.say_with(world, &said.words, &said.headers, body.as_deref());
            }
            "hears" => {
                let message = world.expect(at, &said.words);
                self.heard.insert(who.to_owned(), message);
            }
            "replies" => {
                let request = self.heard.get(who)?;
                let audio = SocketAddr::new(at.ip(), 50_000);
                let body = said.sdp.map(|way| sip::sdp_with(audio, sip::G711, way));
                let text = sip::respond(request, &said.words, "unused", at, body.as_deref());
                world.send(at, text);
            }
            "acks" if self.callees.contains_key(who) => {
                let callee = self.callees.get_mut(who)?;
                world.expect(callee.at, "200");
                callee.ack(world);
            }
            "asks" | "hangs" if self.callees.contains_key(who) => {
                let callee = self.callees.get_mut(who)?;
                let body = said
                    .sdp
                    .map(|way| sip::sdp_with(callee.audio, sip::G711, way));
                let method = if verb == "hangs" { "BYE" } else { &said.words };
                callee.request_with(world, method, &said.headers, body.as_deref());
            }
            _ => return self.as_caller(who, verb, said),
        }
        Some(())
    }

    fn as_caller(&mut self, who: &str, verb: &str, said: &Said) -> Option<()> {
        let world = self.world.as_mut()?;
        let caller = self.callers.get_mut(who)?;
        let body = said
            .sdp
            .map(|way| sip::sdp_with(caller.audio, sip::G711, way));
        match verb {
            "acks" if said.words.is_empty() => drop(caller.ack(world, body.as_deref())),
            "acks" => {
                let answer = world.expect(caller.at, &said.words);
                caller.ack_failure(world, &answer);
            }
            "cancels" => caller.cancel(world),
            "pracks" => {
                let progress = world.expect(caller.at, &said.words);
                caller.join(&progress);
                let rack = format!(
                    "RAck: {} {} INVITE\r\n",
                    progress.header("RSeq")?,
                    progress.cseq()
                );
                caller.request_with(world, "PRACK", &rack, body.as_deref());
            }
            "asks" => caller.request_with(world, &said.words, &said.headers, body.as_deref()),
            "hangs" => caller.bye(world),
            _ => return None,
        }
        Some(())
    }
}
