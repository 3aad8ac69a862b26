//! What phones and gateways write: plain text, made here, so that a fault of the switch's own printer cannot
//! hide itself.

use super::{
    plan::{REALM, SWITCH, password},
    world::World,
};
use std::{fmt::Write as _, net::SocketAddr};
use tandem_sip::{Message, digest, value::Method};

/// An audio offer or answer at an address.
#[must_use]
pub fn sdp(address: SocketAddr, codecs: &[(u8, &str)]) -> String {
    sdp_with(address, codecs, "sendrecv")
}

/// The same, in a direction.
#[must_use]
pub fn sdp_with(address: SocketAddr, codecs: &[(u8, &str)], direction: &str) -> String {
    let ip = address.ip();
    let numbers: Vec<String> = codecs
        .iter()
        .map(|(number, _)| number.to_string())
        .collect();
    let mut text = format!(
        "v=0\r\no=PhoneMaker 123 456 IN IP4 {ip}\r\ns=PhoneMaker\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP {}\r\n",
        address.port(),
        numbers.join(" ")
    );
    for (number, name) in codecs {
        let _ = write!(text, "a=rtpmap:{number} {name}/8000\r\n");
    }
    let _ = write!(text, "a={direction}\r\n");
    text
}

/// An audio offer or answer as a browser writes it; `setup` is its part in the handshake.
#[must_use]
pub fn browser_sdp(address: SocketAddr, setup: &str) -> String {
    let fingerprint = ["5B"; 32].join(":");
    sdp(address, G711).replace("RTP/AVP", "UDP/TLS/RTP/SAVPF")
        + &format!(
            "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZgXY\r\na=fingerprint:sha-256 {fingerprint}\r\n\
             a=setup:{setup}\r\na=mid:0\r\na=rtcp-mux\r\n"
        )
}

/// What every virtual phone speaks.
pub const G711: &[(u8, &str)] = &[(8, "PCMA"), (0, "PCMU")];

/// A response to a request, as a peer at `at` writes it.
#[must_use]
pub fn respond(
    request: &Message,
    status: &str,
    tag: &str,
    at: SocketAddr,
    body: Option<&str>,
) -> String {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "Record-Route"] {
        for value in request.headers(name) {
            let _ = write!(text, "{name}: {value}\r\n");
        }
    }
    let header = |name| request.header(name).unwrap_or_default();
    let to = if request.to_tag().is_some() || status.starts_with("100") {
        header("To").to_owned()
    } else {
        format!("{};tag={tag}", header("To"))
    };
    let _ = write!(
        text,
        "From: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:peer@{at}>\r\nUser-Agent: PhoneMaker 1.0\r\n",
        header("From"),
        header("Call-ID"),
        header("CSeq"),
    );
    finish(text, body)
}

fn finish(mut text: String, body: Option<&str>) -> String {
    let body = body.unwrap_or_default();
    if !body.is_empty() && !text.contains("Content-Type:") {
        text.push_str("Content-Type: application/sdp\r\n");
    }
    let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
    text
}

/// A dialog as a peer keeps it: enough to send within it.
#[derive(Clone, Debug)]
pub struct Within {
    /// From, with the peer's tag.
    pub from: String,
    /// To, with the other's tag once known.
    pub to: String,
    /// The other's Contact.
    pub target: String,
    /// Call-ID.
    pub call_id: String,
    /// Of the request sent last.
    pub cseq: u32,
}

impl Within {
    /// A request as the peer at `at` writes it.
    #[must_use]
    pub fn request(
        &self,
        method: &str,
        cseq: u32,
        branch: &str,
        at: SocketAddr,
        extra: &str,
        body: Option<&str>,
    ) -> String {
        let text = format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK{branch};rport\r\nMax-Forwards: 70\r\n\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContact: <sip:peer@{at}>\r\n\
             User-Agent: PhoneMaker 1.0\r\n{extra}",
            self.target, self.from, self.to, self.call_id
        );
        finish(text, body)
    }
}

/// The first Contact's URI; empty if there is none.
#[must_use]
pub fn contact_of(message: &Message) -> String {
    message
        .contacts()
        .first()
        .map_or_else(String::new, |contact| contact.uri.to_string())
}

/// A calling phone or gateway and the one call it makes.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where it is.
    pub at: SocketAddr,
    /// Where it takes audio.
    pub audio: SocketAddr,
    user: String,
    within: Within,
    branch: u32,
    invite_cseq: u32,
    extra: String,
}

impl Caller {
    /// A caller that has not called yet; `key` tells its calls apart.
    #[must_use]
    pub fn new(at: &str, user: &str, number: &str, key: &str) -> Self {
        let at: SocketAddr = at.parse().expect("an address");
        let switch = SocketAddr::from(SWITCH);
        Self {
            at,
            audio: SocketAddr::new(at.ip(), 40_000),
            user: user.to_owned(),
            within: Within {
                from: format!("\"Caller Name\" <sip:{user}@{}>;tag=f{key}", at.ip()),
                to: format!("<sip:{number}@{switch}>"),
                target: format!("sip:{number}@{switch}"),
                call_id: format!("call-{key}@{}", at.ip()),
                cseq: 1,
            },
            branch: 0,
            invite_cseq: 1,
            extra: String::new(),
        }
    }

    /// Its dialog.
    #[must_use]
    pub fn within(&self) -> &Within {
        &self.within
    }

    /// Header lines for every INVITE, each ended by CRLF.
    #[must_use]
    pub fn with_headers(mut self, extra: &str) -> Self {
        extra.clone_into(&mut self.extra);
        self
    }

    /// Its Request-URI has this user, whatever number its To has.
    #[must_use]
    pub fn dialling(mut self, user: &str) -> Self {
        self.within.target = format!("sip:{user}@{}", SocketAddr::from(SWITCH));
        self
    }

    /// The Call-ID of its call.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.within.call_id
    }

    fn branch(&self) -> String {
        format!(
            "{}{}",
            self.within.call_id.replace(['@', '.', ':'], ""),
            self.branch
        )
    }

    fn send(&mut self, world: &mut World, method: &str, extra: &str, body: Option<&str>) {
        self.branch += 1;
        let text = self.within.request(
            method,
            self.within.cseq,
            &self.branch(),
            self.at,
            extra,
            body,
        );
        world.send(self.at, text);
    }

    /// Its audio offer or answer.
    #[must_use]
    pub fn sdp(&self) -> String {
        sdp(self.audio, G711)
    }

    /// INVITE with an offer.
    pub fn invite(&mut self, world: &mut World) {
        let (body, extra) = (self.sdp(), self.extra.clone());
        self.invite_cseq = self.within.cseq;
        self.send(world, "INVITE", &extra, Some(&body));
    }

    /// INVITE with this offer.
    pub fn invite_offering(&mut self, world: &mut World, body: &str) {
        let extra = self.extra.clone();
        self.invite_cseq = self.within.cseq;
        self.send(world, "INVITE", &extra, Some(body));
    }

    /// INVITE without an offer.
    pub fn invite_without_offer(&mut self, world: &mut World) {
        self.invite_cseq = self.within.cseq;
        self.send(world, "INVITE", "", None);
    }

    /// Takes a 401 or 407, ACKs it where it must, and sends the request again with credentials.
    pub fn authorise(&mut self, world: &mut World, method: &Method, secret: &str) {
        let wanted = if *method == Method::Register {
            "401"
        } else {
            "407"
        };
        let challenge = world.expect(self.at, wanted);
        if *method == Method::Invite {
            self.ack_failure(world, &challenge);
        }
        let uri = self.within.target.clone();
        let (name, value) = digest::answer(&challenge, method, &uri, &self.user, secret, "c0ffee")
            .expect("a challenge to answer");
        self.within.cseq += 1;
        let extra = format!("{}{name}: {value}\r\n", self.extra);
        if *method == Method::Invite {
            self.invite_cseq = self.within.cseq;
            let body = self.sdp();
            self.send(world, "INVITE", &extra, Some(&body));
        } else {
            self.send(world, method.as_str(), &extra, None);
        }
    }

    /// INVITE, challenged and sent again with the right password.
    pub fn invite_with_digest(&mut self, world: &mut World) {
        self.invite(world);
        let secret = password(&self.user);
        self.authorise(world, &Method::Invite, &secret);
    }

    /// The same with this offer.
    pub fn invite_with_digest_offering(&mut self, world: &mut World, body: &str) {
        self.invite_offering(world, body);
        let challenge = world.expect(self.at, "407");
        self.ack_failure(world, &challenge);
        let (uri, secret) = (self.within.target.clone(), password(&self.user));
        let (name, value) = digest::answer(
            &challenge,
            &Method::Invite,
            &uri,
            &self.user,
            &secret,
            "c0ffee",
        )
        .expect("a challenge to answer");
        self.within.cseq += 1;
        self.invite_cseq = self.within.cseq;
        let extra = format!("{}{name}: {value}\r\n", self.extra);
        self.send(world, "INVITE", &extra, Some(body));
    }

    /// ACK to a failure: same branch, the response's To.
    pub fn ack_failure(&mut self, world: &mut World, response: &Message) {
        let mut within = self.within.clone();
        within.to = response.header("To").unwrap_or_default().to_owned();
        let text = within.request("ACK", self.invite_cseq, &self.branch(), self.at, "", None);
        world.send(self.at, text);
    }

    /// Takes the 200, remembers the dialog, ACKs it. Answers the 200.
    pub fn ack(&mut self, world: &mut World, body: Option<&str>) -> Message {
        let answer = self.take_answer(world);
        self.confirm(world, body);
        answer
    }

    /// Takes the 200 and remembers the dialog, without ACK.
    pub fn take_answer(&mut self, world: &mut World) -> Message {
        let answer = world.expect(self.at, "200");
        self.within.to = answer.header("To").unwrap_or_default().to_owned();
        self.within.target = contact_of(&answer);
        answer
    }

    /// Speaks within the early dialog of a provisional response.
    pub fn join(&mut self, provisional: &Message) {
        self.within.to = provisional.header("To").unwrap_or_default().to_owned();
        self.within.target = contact_of(provisional);
    }

    /// ACK to the 200 taken last.
    pub fn confirm(&mut self, world: &mut World, body: Option<&str>) {
        self.branch += 1;
        let text = self
            .within
            .request("ACK", self.invite_cseq, &self.branch(), self.at, "", body);
        world.send(self.at, text);
    }

    /// CANCEL of the INVITE sent last.
    pub fn cancel(&mut self, world: &mut World) {
        let mut within = self.within.clone();
        if let Some((to, _)) = self.within.to.split_once(";tag=") {
            to.clone_into(&mut within.to);
        }
        let text = within.request(
            "CANCEL",
            self.invite_cseq,
            &self.branch(),
            self.at,
            &self.extra,
            None,
        );
        world.send(self.at, text);
    }

    /// A request within the dialog.
    pub fn request(&mut self, world: &mut World, method: &str, body: Option<&str>) {
        self.request_with(world, method, "", body);
    }

    /// The same with header lines, each ended by CRLF.
    pub fn request_with(
        &mut self,
        world: &mut World,
        method: &str,
        extra: &str,
        body: Option<&str>,
    ) {
        self.within.cseq += 1;
        if method == "INVITE" {
            self.invite_cseq = self.within.cseq;
        }
        self.send(world, method, extra, body);
    }

    /// BYE.
    pub fn bye(&mut self, world: &mut World) {
        self.request(world, "BYE", None);
    }

    /// Answers a request of the switch's.
    pub fn respond(&self, world: &mut World, request: &Message, status: &str, body: Option<&str>) {
        world.send(self.at, respond(request, status, "unused", self.at, body));
    }
}

/// REGISTER with digest: the phone can be called then.
pub fn register(world: &mut World, at: &str, username: &str) {
    try_register(world, at, username);
    world.expect(at.parse().expect("an address"), "200");
}

/// REGISTER with digest, whatever comes of it.
pub fn try_register(world: &mut World, at: &str, username: &str) {
    register_with(world, at, username, &password(username));
}

/// REGISTER with this password, whatever comes of it; nothing more is sent if no challenge comes.
pub fn register_with(world: &mut World, at: &str, username: &str, secret: &str) {
    let realm = format!("sip:{REALM}");
    let key = format!("reg-{username}-{at}-{}", world.now.mono.0);
    let mut phone = Caller::new(at, username, username, &key);
    phone.within.target = realm;
    phone.within.to = format!("<sip:{username}@{REALM}>");
    phone.send(world, "REGISTER", "Expires: 300\r\n", None);
    phone.extra = "Expires: 300\r\n".into();
    if world.waits(phone.at, "401") {
        phone.authorise(world, &Method::Register, secret);
    }
}

/// A called phone or gateway and the one call it takes.
#[derive(Clone, Debug)]
pub struct Callee {
    /// Where it is.
    pub at: SocketAddr,
    /// Where it takes audio.
    pub audio: SocketAddr,
    /// What it was sent.
    pub invite: Message,
    tag: String,
    branch: u32,
    within: Within,
}

impl Callee {
    /// Takes the INVITE that waits at an address.
    pub fn take(world: &mut World, at: &str) -> Self {
        let at: SocketAddr = at.parse().expect("an address");
        let invite = world.expect(at, "INVITE");
        let tag = format!("t{}{}", at.port(), invite.cseq());
        let header = |name| invite.header(name).unwrap_or_default().to_owned();
        let within = Within {
            from: format!("{};tag={tag}", header("To")),
            to: header("From"),
            target: contact_of(&invite),
            call_id: header("Call-ID"),
            cseq: 100,
        };
        Self {
            at,
            audio: SocketAddr::new(at.ip(), 50_000),
            invite,
            tag,
            branch: 0,
            within,
        }
    }

    /// Another phone that a proxy sent the same INVITE to.
    #[must_use]
    pub fn forked(mut self, tag: &str) -> Self {
        let to = self.invite.header("To").unwrap_or_default();
        self.within.from = format!("{to};tag={tag}");
        tag.clone_into(&mut self.tag);
        self
    }

    /// Its audio answer or offer.
    #[must_use]
    pub fn sdp(&self) -> String {
        sdp(self.audio, G711)
    }

    /// The tag it answers with.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Answers the INVITE.
    pub fn say(&self, world: &mut World, status: &str, body: Option<&str>) {
        world.send(
            self.at,
            respond(&self.invite, status, &self.tag, self.at, body),
        );
    }

    /// The same with header lines, each ended by CRLF.
    pub fn say_with(&self, world: &mut World, status: &str, extra: &str, body: Option<&str>) {
        let text = respond(&self.invite, status, &self.tag, self.at, body);
        world.send(
            self.at,
            text.replacen("User-Agent:", &format!("{extra}User-Agent:"), 1),
        );
    }

    /// 180 without audio.
    pub fn ring(&self, world: &mut World) {
        self.say(world, "180 Ringing", None);
    }

    /// 200 with audio.
    pub fn answer(&self, world: &mut World) {
        let body = self.sdp();
        self.say(world, "200 OK", Some(&body));
    }

    /// A request within the dialog.
    pub fn request(&mut self, world: &mut World, method: &str, body: Option<&str>) {
        self.request_with(world, method, "", body);
    }

    /// The same with header lines, each ended by CRLF.
    pub fn request_with(
        &mut self,
        world: &mut World,
        method: &str,
        extra: &str,
        body: Option<&str>,
    ) {
        self.within.cseq += 1;
        self.branch += 1;
        let branch = self.branch();
        let text = self
            .within
            .request(method, self.within.cseq, &branch, self.at, extra, body);
        world.send(self.at, text);
    }

    fn branch(&self) -> String {
        let call = self.within.call_id.get(..8).unwrap_or_default();
        format!("b{call}{}{}", self.tag, self.branch)
    }

    /// ACK to the 200 of its re-INVITE sent last.
    pub fn ack(&mut self, world: &mut World) {
        self.ack_with(world, None);
    }

    /// The same with the answer to an offer in it.
    pub fn ack_with(&mut self, world: &mut World, body: Option<&str>) {
        self.branch += 1;
        let branch = self.branch();
        let text = self
            .within
            .request("ACK", self.within.cseq, &branch, self.at, "", body);
        world.send(self.at, text);
    }

    /// BYE.
    pub fn bye(&mut self, world: &mut World) {
        self.request(world, "BYE", None);
    }

    /// Answers a request within the dialog.
    pub fn respond(&self, world: &mut World, request: &Message, status: &str, body: Option<&str>) {
        world.send(self.at, respond(request, status, &self.tag, self.at, body));
    }
    /// The same with header lines, each ended by CRLF.
    pub fn respond_with(&self, world: &mut World, request: &Message, status: &str, extra: &str) {
        let text = respond(request, status, &self.tag, self.at, None);
        world.send(
            self.at,
            text.replacen("User-Agent:", &format!("{extra}User-Agent:"), 1),
        );
    }
}
