//! One relayed call: both sides, and the way of a packet from one to the other.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;

use tandem_sdp::{Conversion, Counters, Digit, PlayEnd, PlayOrder, RelayId, Side, Stream};

use crate::Micros;
use crate::convert::{Converter, Packets, Source};
use crate::end::{End, lock};
use crate::gate::Channel;
use crate::latch::Mode;
use crate::ports::PortPool;
use crate::record::Tap;
use crate::rtcp::{self, Report};
use crate::silence::Silence;
use crate::wrap::Transport;

/// One call.
#[derive(Debug)]
pub(crate) struct Bridge {
    pub(crate) id: RelayId,
    a: End,
    b: End,
    stream: Stream,
    /// Of what comes from A and from B; None passes it as it is.
    converters: Converters,
    /// Where copies of what passes go.
    tap: Option<Tap>,
    pub(crate) silence: Silence,
    pub(crate) progress_at_us: Micros,
}

/// What the signalling said of a side.
pub(crate) struct Target {
    pub(crate) rtp: SocketAddr,
    pub(crate) rtcp: SocketAddr,
    pub(crate) mode: Mode,
    pub(crate) signalling: IpAddr,
}

/// What became of one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// Nothing was waiting.
    Nothing,
    /// Refused, or the other side takes nothing now.
    Dropped,
    /// Sent on.
    Relayed,
    /// The kernel would not take it.
    Unsent,
}

impl Bridge {
    pub(crate) fn open(
        id: RelayId,
        locals: (IpAddr, IpAddr),
        pool: &Mutex<PortPool>,
        now_us: Micros,
    ) -> io::Result<Self> {
        let a = End::open(locals.0, pool, now_us)?;
        let b = End::open(locals.1, pool, now_us)
            .inspect_err(|_| lock(pool).give_back(a.port, now_us))?;
        Ok(Self {
            id,
            a,
            b,
            stream: Stream::default(),
            converters: (None, None),
            tap: None,
            silence: Silence::default(),
            progress_at_us: now_us,
        })
    }

    /// Closes the sockets and gives the ports back.
    pub(crate) fn close(self, pool: &Mutex<PortPool>, now_us: Micros) -> (Counters, Counters) {
        let counters = self.counters();
        let ports = [self.a.port, self.b.port];
        drop(self);
        ports
            .into_iter()
            .for_each(|port| lock(pool).give_back(port, now_us));
        counters
    }

    pub(crate) fn end(&self, side: Side) -> &End {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    fn ends(&mut self, from: Side) -> (&mut End, &mut End) {
        match from {
            Side::A => (&mut self.a, &mut self.b),
            Side::B => (&mut self.b, &mut self.a),
        }
    }

    pub(crate) fn counters(&self) -> (Counters, Counters) {
        let of = |end: &End, converter: &Option<Box<Converter>>| {
            let mut counters = end.gate.counters();
            counters.excess += converter.as_ref().map_or(0, |converter| converter.excess());
            counters
        };
        (
            of(&self.a, &self.converters.0),
            of(&self.b, &self.converters.1),
        )
    }

    pub(crate) fn set_target(&mut self, side: Side, target: &Target, now_us: Micros) {
        self.ends(side).0.set_target(target, now_us);
        if self.both_known() {
            self.silence.begin(now_us);
        }
    }

    pub(crate) fn set_transport(&mut self, side: Side, transport: Transport, now_us: Micros) {
        self.ends(side).0.set_transport(transport, now_us);
    }

    /// What is done to packets of a side from now on.
    pub(crate) fn set_conversion(&mut self, side: Side, conversion: Option<Conversion>) {
        match (self.place(side), conversion) {
            (Some(converter), conversion) => converter.change(conversion),
            (place @ None, Some(conversion)) => {
                *place = Some(Box::new(Converter::new(conversion, rand::random())));
            }
            (None, None) => {}
        }
    }

    /// What the sides exchange from now on.
    pub(crate) fn set_stream(&mut self, stream: Stream) {
        self.stream = stream;
        if stream != Stream::Audio {
            self.stop_sound(Side::A);
            self.stop_sound(Side::B);
        }
        self.a.gate.set_stream(stream);
        self.b.gate.set_stream(stream);
    }

    fn place(&mut self, from: Side) -> &mut Option<Box<Converter>> {
        match from {
            Side::A => &mut self.converters.0,
            Side::B => &mut self.converters.1,
        }
    }

    fn converter(&mut self, from: Side) -> Option<&mut Converter> {
        self.place(from).as_deref_mut()
    }

    /// Whether audio of a side is decoded or coded.
    pub(crate) fn codes(&self, from: Side) -> bool {
        let converter = match from {
            Side::A => &self.converters.0,
            Side::B => &self.converters.1,
        };
        converter.as_deref().is_some_and(Converter::codes)
    }

    /// Where copies of what passes go, once it was recorded.
    pub(crate) fn tap(&mut self) -> &mut Option<Tap> {
        &mut self.tap
    }

    /// Sends a side a digit.
    pub(crate) fn play(&mut self, to: Side, digit: Digit, now_us: Micros) {
        if let Some(converter) = self.converter(to.other()) {
            converter.play(digit, now_us);
        }
    }

    /// Plays a side a sound, if it is audio that the call carries.
    pub(crate) fn play_sound(
        &mut self,
        to: Side,
        order: PlayOrder,
        source: Source,
        now_us: Micros,
    ) {
        if self.stream == Stream::Audio {
            let fresh = || Box::new(Converter::passing(rand::random()));
            let converter = self.place(to.other()).get_or_insert_with(fresh);
            converter.play_sound(order, source, now_us);
        }
    }

    pub(crate) fn stop_sound(&mut self, to: Side) {
        if let Some(converter) = self.converter(to.other()) {
            converter.stop_sound();
        }
    }

    /// How what was played to a side has ended, once.
    pub(crate) fn take_played(&mut self, to: Side) -> Option<PlayEnd> {
        self.converter(to.other())?.take_played()
    }

    /// When a converter wants to be woken.
    pub(crate) fn due_us(&self) -> Option<Micros> {
        let due = |converter: &Option<Box<Converter>>| converter.as_ref()?.due_us();
        let dues = [due(&self.converters.0), due(&self.converters.1)];
        dues.into_iter().flatten().min()
    }

    /// What converters have to send by the clock; the packets that left.
    pub(crate) fn wake(&mut self, now_us: Micros, packets: &mut Packets) -> u32 {
        let mut left = 0;
        for from in [Side::A, Side::B] {
            packets.clear();
            if let Some(converter) = self.converter(from) {
                converter.tick(now_us, packets);
            }
            left += self.send_all(from, packets);
        }
        left
    }

    fn send_all(&mut self, from: Side, packets: &Packets) -> u32 {
        let far = self.ends(from).1;
        let sent = |packet: &Vec<u8>| far.send(Channel::Rtp, packet) == Passed::Relayed;
        packets.iter().map(sent).map(u32::from).sum()
    }

    /// Digits of a side that the core has to pass on.
    pub(crate) fn take_pressed(&mut self, from: Side) -> Vec<Digit> {
        let pressed = self
            .converter(from)
            .map(Converter::take_pressed)
            .unwrap_or_default();
        if let (Some(first), Some(toward)) = (pressed.first(), self.converter(from.other())) {
            toward.far_pressed(*first);
        }
        pressed
    }

    /// What is due once a second.
    pub(crate) fn tick(&mut self, now_us: Micros) {
        self.a.tick(now_us);
        self.b.tick(now_us);
    }

    pub(crate) fn set_held(&mut self, held: bool, now_us: Micros) {
        let ready = self.both_known();
        self.silence.set_held(held, ready, now_us);
    }

    fn both_known(&self) -> bool {
        self.a.is_known() && self.b.is_known()
    }

    /// Seconds of silence worth a report now.
    pub(crate) fn silent_s(&mut self, limit_s: u32, now_us: Micros) -> Option<u32> {
        let last_audio_us = self.a.gate.last_audio_us().max(self.b.gate.last_audio_us());
        self.silence.due(last_audio_us, limit_s, now_us)
    }

    /// Whether audio of a side has passed yet.
    pub(crate) fn heard(&self, side: Side) -> bool {
        self.end(side).gate.last_audio_us().is_some()
    }

    /// Takes one datagram from a side and sends it out by the other.
    pub(crate) fn pass(
        &mut self,
        from: Side,
        channel: Channel,
        (buffer, packets): (&mut [u8], &mut Packets),
        now_us: Micros,
    ) -> Passed {
        let (near, far) = match from {
            Side::A => (&mut self.a, &mut self.b),
            Side::B => (&mut self.b, &mut self.a),
        };
        let Ok((length, source)) = near.socket(channel).recv_from(buffer) else {
            return Passed::Nothing;
        };
        // A datagram that fills the buffer was cut: no audio codec sends such a one.
        if length >= buffer.len() {
            return Passed::Dropped;
        }
        let Some((channel, length)) = near.receive(channel, buffer, (length, source), now_us)
        else {
            return Passed::Dropped;
        };
        let Some(packet) = buffer.get_mut(..length) else {
            return Passed::Dropped;
        };
        if channel == Channel::Rtcp {
            restate(&self.converters, from, packet);
        }
        match (channel, self.stream) {
            (Channel::Rtcp, _) => note_report(near, far, packet, now_us),
            (Channel::Rtp, Stream::Audio) => return self.pass_audio(from, packet, packets, now_us),
            // Whatever it looks like, it is no audio: it is neither recorded nor heard.
            (Channel::Rtp, Stream::Video | Stream::Fax) => {}
        }
        let (_, far) = self.ends(from);
        far.send(channel, packet)
    }

    fn pass_audio(
        &mut self,
        from: Side,
        packet: &[u8],
        packets: &mut Packets,
        now_us: Micros,
    ) -> Passed {
        if let Some(tap) = &mut self.tap {
            tap.copy(from, packet, now_us);
        }
        if let Some(toward) = self.converter(from.other()) {
            toward.far_sent(packet);
        }
        let Some(converter) = self.converter(from) else {
            return self.ends(from).1.send(Channel::Rtp, packet);
        };
        packets.clear();
        converter.take(packet, now_us, packets);
        match self.send_all(from, packets) {
            0 => Passed::Dropped,
            _ => Passed::Relayed,
        }
    }
}

type Converters = (Option<Box<Converter>>, Option<Box<Converter>>);

/// A report speaks of streams as its reader has them, not as its writer has.
fn restate(converters: &Converters, from: Side, packet: &mut [u8]) {
    let (own, other) = match from {
        Side::A => (&converters.0, &converters.1),
        Side::B => (&converters.1, &converters.0),
    };
    if own.is_none() && other.is_none() {
        return;
    }
    rtcp::restate(
        packet,
        |ssrc, timestamp| own.as_ref()?.report(ssrc, timestamp),
        |ssrc, jitter| other.as_ref()?.received(ssrc, jitter),
    );
}

/// What a report on its way tells of both sides.
fn note_report(near: &mut End, far: &mut End, packet: &[u8], now_us: Micros) {
    let report = Report::read(packet);
    if let Some(sent) = report.sent {
        far.gate.note_report_sent(sent, now_us);
    }
    near.gate.note_report(&report, &far.gate, now_us);
}
