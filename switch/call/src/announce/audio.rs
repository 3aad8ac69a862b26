//! What the caller is shown of the switch's own audio, and what the relay is told to play to it.

use super::{LONGEST, Listening, announcement_mut};
use crate::{
    call::Call,
    media::{Said, Security},
    switch::{state::Core, timer::Timer},
};
use bytes::Bytes;
use std::net::{Ipv4Addr, SocketAddr};
use tandem_sdp::{
    Codec, Conversion, Latch, Medium, PlayOrder, Protection, RelayCommand, RelayId,
    SessionDescription, Side, Sound,
    convert::{DigitsTo, Format},
    play::{Talk, Until},
    session::Origin,
};
use tandem_sip::Flow;

/// The caller's offer, and what is made of it.
pub(super) struct Audio {
    offer: SessionDescription,
    /// The first it takes that the switch can make.
    codec: (Codec, Format),
    /// How it tells of keys in its audio; without any they are listened for.
    events: Vec<Codec>,
    security: Security,
    origin: Origin,
    /// The relay's, once it is open.
    pub(super) port: u16,
}

impl Audio {
    /// None: the caller takes no audio that the switch can make.
    pub(super) fn new(
        offer: SessionDescription,
        security: Security,
        origin: Origin,
    ) -> Option<Self> {
        let codec = first_codec(&offer)?;
        let events = events_beside(&offer, &codec.0);
        let hears = offer.direction().receives() && !offer.is_fax();
        hears.then_some(Self {
            offer,
            codec,
            events,
            security,
            origin,
            port: 0,
        })
    }

    /// Of a caller that may have been told of a codec.
    pub(super) fn of_call(call: &Call) -> Option<Self> {
        let leg = &call.caller.leg;
        let offer = leg.heard().filter(|_| call.media.offer.is_some())?;
        let mut audio = Self::new(offer, leg.security.clone(), leg.origin)?;
        if leg.described.is_some() {
            let (number, format) = call.media.spoken.a.coded()?;
            let codecs = audio.offer.codecs();
            let is_event = |codec: &&Codec| {
                call.media
                    .spoken
                    .a
                    .event_numbers()
                    .contains(&codec.payload_type)
            };
            audio.events = codecs.iter().filter(is_event).cloned().collect();
            let codec = codecs.into_iter().find(|c| c.payload_type == number)?;
            audio.codec = (codec, format);
        }
        Some(audio)
    }

    fn body(&self, core: &Core, flow: Flow) -> Option<Bytes> {
        let mut sdp = self.offer.clone();
        let dress = self.security.dress_of(Said::Answer, &sdp).ok()?;
        sdp.set_codecs(&[std::slice::from_ref(&self.codec.0), &self.events].concat());
        sdp.set_direction(self.offer.direction().reversed());
        let address = SocketAddr::new(core.media(flow.listener)?.advertised, self.port);
        sdp.rewrite(address, None, self.origin);
        if let Some(dress) = &dress {
            sdp.dress(Medium::Audio, dress);
        }
        Some(sdp.to_bytes().into())
    }
}

fn first_codec(offer: &SessionDescription) -> Option<(Codec, Format)> {
    let mut codecs = offer.codecs().into_iter();
    codecs.find_map(|codec| Format::of(&codec).map(|format| (codec, format)))
}

/// The telephone-event that goes with a codec.
fn events_beside(offer: &SessionDescription, codec: &Codec) -> Vec<Codec> {
    let fits =
        |event: &Codec| event.name == "telephone-event" && event.clock_rate == codec.clock_rate;
    offer.codecs().into_iter().find(fits).into_iter().collect()
}

/// The answer to the caller's offer; the relay learns where it takes audio.
pub(super) fn describe(core: &mut Core, id: RelayId) -> Option<Bytes> {
    let announcement = core.loose.announcements.open.get(&id)?;
    let (flow, audio) = (announcement.flow, &announcement.audio);
    let body = audio.body(core, flow)?;
    let (rtp, rtcp) = (audio.offer.audio_target()?, audio.offer.rtcp_target()?);
    let (protection, rtcp_mux) = audio.security.transport().audio;
    let side = Side::A;
    if rtcp_mux || protection != Protection::Plain {
        core.relay(RelayCommand::SetTransport {
            id,
            side,
            protection,
            rtcp_mux,
        });
    }
    core.relay(RelayCommand::SetTarget {
        id,
        side,
        rtp,
        rtcp,
        latch: Latch::FirstPacket,
        signalling: flow.remote.ip(),
    });
    Some(body)
}

/// The answer to a further offer of the caller's, which may put us on hold or move, but not change the codec.
pub(super) fn change(core: &mut Core, id: RelayId, mut offer: SessionDescription) -> Option<Bytes> {
    let audio = &mut announcement_mut(core, id)?.audio;
    let mut security = audio.security.clone();
    security.hear_offer(&mut offer).ok()?;
    let offered = offer.codecs();
    let same = |codec: &Codec| {
        let mut others = offered.iter();
        others.any(|other| other.payload_type == codec.payload_type && other.same_encoding(codec))
    };
    if offer.is_fax() || !same(&audio.codec.0) {
        return None;
    }
    audio.events.retain(same);
    audio.offer = offer;
    audio.security = security;
    audio.origin.version += 1;
    describe(core, id)
}

/// Nothing of the caller goes any more to whom the relay was between.
pub(super) fn leave_target(core: &mut Core, id: RelayId) {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    core.relay(RelayCommand::SetTarget {
        id,
        side: Side::B,
        rtp: nowhere,
        rtcp: nowhere,
        latch: Latch::FirstPacket,
        signalling: nowhere.ip(),
    });
}

/// The prompt, once the caller was told where to listen.
pub(super) fn play(core: &mut Core, id: RelayId) -> Option<()> {
    let announcement = announcement_mut(core, id)?;
    match announcement.stage {
        Listening::Told => announcement.stage = Listening::Playing,
        Listening::Opening | Listening::Playing => return Some(()),
    }
    let (codec, format) = &announcement.audio.codec;
    let coded = (codec.payload_type, *format);
    let events = announcement.audio.events.iter();
    let order = PlayOrder {
        sound: Sound::File(announcement.file.clone()),
        until: Until::Digit,
        talk: Talk::Silenced,
        codec: coded,
        events: events.map(|event| event.payload_type).collect(),
    };
    if order.events.is_empty() {
        listen(core, id, coded);
    }
    core.relay(RelayCommand::Play {
        id,
        side: Side::A,
        order: Box::new(order),
    });
    core.arm_in(Timer::Announcement(id), LONGEST);
    Some(())
}

/// Keys are looked for in what the caller sends.
fn listen(core: &mut Core, id: RelayId, coded: (u8, Format)) {
    let conversion = Conversion {
        passes: Vec::new(),
        decodes: Vec::new(),
        encodes: None,
        events: Vec::new(),
        listens: vec![coded],
        digits: DigitsTo::Core,
    };
    core.relay(RelayCommand::SetConversion {
        id,
        side: Side::A,
        conversion: Some(Box::new(conversion)),
    });
}
