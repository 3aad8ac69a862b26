//! What is done to one direction's RTP between the gates of both sides: payload types, codecs, digits.
//!
//! A [`Converter`] stands between [`End::receive`](crate::end::End::receive) of one side and `send` of the other, sees
//! plain packets only and knows no socket. It is told the time, and says when it wants to be woken. A side's packets
//! that need nothing done never come here.

pub(crate) mod budget;
pub mod codec;
mod event;
mod g711;
mod numbering;
mod play;
mod sound;
mod tone;
mod transcode;

use tandem_sdp::{
    PlayEnd, PlayOrder,
    convert::{Conversion, DigitsTo, Format},
    relay::Digit,
};

use crate::Micros;
use crate::rtcp::{Received, SenderInfo};
use crate::rtp::RtpHeader;

use budget::{Budget, length_us};
use codec::{Decoder, Resampling};
use event::Events;
use numbering::{Numbering, Place, renumbered};
use play::Player;
use sound::Sounding;
use tone::Listener;
use transcode::Transcoder;

pub use sound::Source;

/// Comfort noise (RFC 3389), which is nobody's voice.
const COMFORT_NOISE: u8 = 13;

/// Packets on their way out.
pub type Packets = Vec<Vec<u8>>;

/// One direction.
pub struct Converter {
    plan: Conversion,
    numbers: Numbering,
    events: Events,
    player: Player,
    transcoder: Option<Box<Transcoder>>,
    listening: Option<Box<Listening>>,
    pressed: Vec<Digit>,
    budget: Budget,
    excess: u64,
    /// What the far side hears of us.
    sound: Option<Box<Sounding>>,
    played: Option<PlayEnd>,
}

/// Audio that is listened to for tones.
struct Listening {
    format: Format,
    decoder: Decoder,
    resampling: Resampling,
    listener: Listener,
    pcm: Vec<i16>,
    heard: Vec<i16>,
    heard_us: Micros,
}

/// A stream that stops for so long ends the key that was heard in it.
const PAUSE_US: Micros = 100_000;

impl Listening {
    fn new(format: Format) -> Self {
        let decoder = Decoder::new(format);
        Self {
            format,
            resampling: Resampling::new(decoder.rate(), tone::RATE),
            decoder,
            listener: Listener::default(),
            pcm: Vec::new(),
            heard: Vec::new(),
            heard_us: 0,
        }
    }

    fn due_us(&self) -> Option<Micros> {
        self.listener.hears().then_some(self.heard_us + PAUSE_US)
    }

    fn tick(&mut self, now_us: Micros, pressed: &mut Vec<Digit>) {
        if self.due_us().is_some_and(|due_us| due_us <= now_us) {
            self.listener.pause(pressed);
        }
    }
}

impl Converter {
    /// `draw`: for the numbers of a stream that begins here.
    #[must_use]
    pub fn new(plan: Conversion, draw: u64) -> Self {
        let [ssrc, rest] = [(draw >> 32) as u32, draw as u32];
        Self {
            plan,
            numbers: Numbering::new(ssrc, (rest >> 16) as u16 & 0x7fff, rest),
            events: Events::default(),
            player: Player::default(),
            transcoder: None,
            listening: None,
            pressed: Vec::new(),
            budget: Budget::default(),
            excess: 0,
            sound: None,
            played: None,
        }
    }

    /// Everything passes as it is.
    #[must_use]
    pub fn passing(draw: u64) -> Self {
        Self::new(all_passes(), draw)
    }

    /// Packets that were dropped because more audio came than time passed.
    #[must_use]
    pub fn excess(&self) -> u64 {
        self.excess
    }

    /// Whether it decodes or codes anything now.
    #[must_use]
    pub fn codes(&self) -> bool {
        let tones = self.plan.digits == DigitsTo::Tones && self.player.due_us().is_some();
        tones
            || self.sound.is_some()
            || !self.plan.decodes.is_empty()
            || !self.plan.listens.is_empty()
    }

    /// What a report of the near side says of the stream as the far side is sent it: see [`rtcp::restate`](crate::rtcp::restate).
    #[must_use]
    pub fn report(&self, ssrc: u32, timestamp: u32) -> Option<SenderInfo> {
        self.numbers.report(timestamp, self.clocks(), ssrc)
    }

    /// What a report of the far side says of the stream as the near side sends it.
    #[must_use]
    pub fn received(&self, ssrc: u32, jitter: u32) -> Option<Received> {
        let (from, to) = self.clocks();
        let jitter = u64::from(jitter) * u64::from(from) / u64::from(to.max(1));
        Some(Received {
            highest: self.numbers.highest(ssrc)?,
            jitter: u32::try_from(jitter).unwrap_or(u32::MAX),
        })
    }

    /// Other things are to be done from now on; the numbers go on.
    pub fn change(&mut self, plan: Option<Conversion>) {
        self.plan = plan.unwrap_or_else(all_passes);
        if self.plan.listens.is_empty() {
            self.listening = None;
        }
        if self.plan.decodes.is_empty() {
            self.transcoder = None;
        }
    }

    /// A digit for the far side.
    pub fn play(&mut self, digit: Digit, now_us: Micros) {
        match self.plan.digits {
            DigitsTo::Events { .. } | DigitsTo::Tones => self.player.push(digit, now_us),
            DigitsTo::Core | DigitsTo::Nowhere => {}
        }
    }

    /// Plays a sound to the far side, in the place of another one.
    pub fn play_sound(&mut self, order: PlayOrder, source: Source, now_us: Micros) {
        self.played = None;
        self.sound = Some(Box::new(Sounding::new(order, source, now_us)));
    }

    /// No sound any more.
    pub fn stop_sound(&mut self) {
        self.sound = None;
    }

    /// How a sound ended, if it has since this was asked last.
    pub fn take_played(&mut self) -> Option<PlayEnd> {
        self.played.take()
    }

    /// The far side pressed a key: a sound may end with it.
    pub fn far_pressed(&mut self, digit: Digit) {
        if self.sound.take_if(|sound| sound.ends_by_key()).is_some() {
            self.played = Some(PlayEnd::Digit(digit));
        }
    }

    /// The far side sent a packet: a sound may end with the key it tells of.
    pub fn far_sent(&mut self, packet: &[u8]) {
        let Some(sound) = self.sound.as_ref().filter(|sound| sound.ends_by_key()) else {
            return;
        };
        let key = RtpHeader::open(packet)
            .and_then(|(header, payload)| sound.key_in(header.payload_type, payload));
        if let Some(digit) = key {
            self.far_pressed(digit);
        }
    }

    /// Digits for the core, since they were taken last.
    pub fn take_pressed(&mut self) -> Vec<Digit> {
        std::mem::take(&mut self.pressed)
    }

    /// When [`tick`](Self::tick) is due; None: not before something arrives.
    #[must_use]
    pub fn due_us(&self) -> Option<Micros> {
        let listening = self.listening.as_ref().and_then(|heard| heard.due_us());
        let sound = self.sound.as_ref().map(|sound| sound.due_us());
        let dues = [self.player.due_us(), self.events.due_us(), listening, sound];
        dues.into_iter().flatten().min()
    }

    /// What is due by the clock.
    pub fn tick(&mut self, now_us: Micros, out: &mut Packets) {
        let mut pressed = Vec::new();
        self.events.tick(now_us, &mut pressed);
        if let Some(listening) = &mut self.listening {
            listening.tick(now_us, &mut pressed);
        }
        self.route(pressed, now_us);
        let form = (self.plan.digits, self.plan.encodes);
        let before = out.len();
        self.player.tick(form, &mut self.numbers, now_us, out);
        if let Some(sound) = &mut self.sound
            && let Some(end) = sound.tick(&mut self.numbers, now_us, out)
        {
            self.sound = None;
            self.played = Some(end);
        }
        self.numbers.count(out.get(before..).unwrap_or_default());
    }

    /// Takes an RTP packet of the near side; what the far side gets is put into `out`.
    pub fn take(&mut self, packet: &[u8], now_us: Micros, out: &mut Packets) {
        let before = out.len();
        self.convert(packet, now_us, out);
        self.numbers.count(out.get(before..).unwrap_or_default());
    }

    fn convert(&mut self, packet: &[u8], now_us: Micros, out: &mut Packets) {
        let Some((header, payload)) = RtpHeader::open(packet) else {
            return;
        };
        let place = self.numbers.note(&header);
        let mut pressed = Vec::new();
        match place {
            Place::First => self.events.forget(&mut pressed),
            Place::Stray => return,
            Place::Next | Place::Late => {}
        }
        let number = header.payload_type;
        let of = |pairs: &[(u8, Format)]| pairs.iter().find(|(from, _)| *from == number).copied();
        let event = self.plan.events.iter().find(|(event, _)| *event == number);
        if let Some((_, clock_rate)) = event.copied() {
            self.take_event(
                (&header, packet, payload),
                clock_rate,
                now_us,
                &mut pressed,
                out,
            );
        } else {
            let listens = of(&self.plan.listens);
            let codes = of(&self.plan.decodes).zip(self.plan.encodes);
            if (listens.is_some() || codes.is_some()) && !self.budget.allows(now_us) {
                self.excess += 1;
                return self.numbers.leave_out();
            }
            let (heard, mut audio_us) = match listens {
                Some((_, format)) => self.listen(format, payload, now_us, &mut pressed),
                None => (false, 0),
            };
            let replaced = self.beside_sound(number, payload, now_us);
            match codes {
                _ if heard || replaced || self.player.is_sending() => self.numbers.leave_out(),
                Some(((_, from), to)) => {
                    let coded_us = self.code((from, to), (&header, place, payload), now_us, out);
                    audio_us = audio_us.max(coded_us);
                }
                None => self.pass(&header, packet, now_us, out),
            }
            self.budget.spend(audio_us, now_us);
        }
        self.route(pressed, now_us);
    }

    /// Audio of the near side came: whether the far side hears a sound in its place.
    fn beside_sound(&mut self, number: u8, payload: &[u8], now_us: Micros) -> bool {
        let Some(sound) = &mut self.sound else {
            return false;
        };
        if number != COMFORT_NOISE && !payload.is_empty() {
            sound.note_talk(now_us);
        }
        let replaced = sound.replaces();
        if let Some(transcoder) = self.transcoder.as_mut().filter(|_| replaced) {
            transcoder.interrupt();
        }
        replaced
    }

    fn code(
        &mut self,
        (from, to): (Format, (u8, Format)),
        arrived: (&RtpHeader, Place, &[u8]),
        now_us: Micros,
        out: &mut Packets,
    ) -> Micros {
        let fresh = || Box::new(Transcoder::new(from, to));
        let transcoder = self.transcoder.get_or_insert_with(fresh);
        if !transcoder.is_for(from, to) {
            *transcoder = fresh();
        }
        let decoded = transcoder.take(arrived, &mut self.numbers, now_us, out);
        length_us(decoded, transcoder.rate())
    }

    fn pass(&mut self, header: &RtpHeader, packet: &[u8], now_us: Micros, out: &mut Packets) {
        let listed = self
            .plan
            .passes
            .iter()
            .find(|(from, _)| *from == header.payload_type);
        // Beside coded audio nothing passes that the far side does not know.
        let number = match listed {
            Some((_, to)) => *to,
            None if self.plan.decodes.is_empty() => header.payload_type,
            None => return self.numbers.leave_out(),
        };
        self.send_on(header, packet, number, now_us, out);
    }

    fn send_on(
        &mut self,
        header: &RtpHeader,
        packet: &[u8],
        number: u8,
        now_us: Micros,
        out: &mut Packets,
    ) {
        let Some(sequence) = self.numbers.passed(header) else {
            return;
        };
        let clocks = self.clocks();
        let timestamp = self.numbers.timestamp(header.timestamp, clocks, now_us);
        out.push(renumbered(packet, number, (sequence, timestamp)));
        self.numbers.sent(sequence, timestamp, now_us);
    }

    /// Of what passes beside coded audio: as that is counted.
    fn clocks(&self) -> (u32, u32) {
        let from = self.plan.decodes.first().map(|(_, from)| from.clock_rate());
        from.zip(self.plan.encodes.map(|(_, to)| to.clock_rate()))
            .unwrap_or((1, 1))
    }

    fn take_event(
        &mut self,
        (header, packet, payload): (&RtpHeader, &[u8], &[u8]),
        clock_rate: u32,
        now_us: Micros,
        pressed: &mut Vec<Digit>,
        out: &mut Packets,
    ) {
        let (from, to) = self.clocks();
        match self.plan.digits {
            DigitsTo::Events {
                number,
                clock_rate: far,
            } if far == clock_rate && from == to => {
                self.send_on(header, packet, number, now_us, out);
            }
            DigitsTo::Events { .. } | DigitsTo::Core | DigitsTo::Tones | DigitsTo::Nowhere => {
                self.numbers.leave_out();
                let event = (header.timestamp, payload, clock_rate);
                self.events.take(event, now_us, pressed);
            }
        }
    }

    /// True while a key is heard: the far side is told it in another form. With the length of what was decoded.
    fn listen(
        &mut self,
        format: Format,
        payload: &[u8],
        now_us: Micros,
        pressed: &mut Vec<Digit>,
    ) -> (bool, Micros) {
        let fresh = || Box::new(Listening::new(format));
        let listening = self.listening.get_or_insert_with(fresh);
        if listening.format != format {
            *listening = fresh();
        }
        listening.tick(now_us, pressed);
        listening.heard_us = now_us;
        listening.pcm.clear();
        listening.heard.clear();
        listening.decoder.decode(payload, &mut listening.pcm);
        listening
            .resampling
            .pass(&listening.pcm, &mut listening.heard);
        listening.listener.hear(&listening.heard, pressed);
        let decoded = length_us(listening.pcm.len(), listening.decoder.rate());
        (listening.listener.hears(), decoded)
    }

    /// Digits of the near side: to the far side, or the core.
    fn route(&mut self, pressed: Vec<Digit>, now_us: Micros) {
        for digit in pressed {
            match self.plan.digits {
                DigitsTo::Core => self.pressed.push(digit),
                DigitsTo::Events { .. } | DigitsTo::Tones => self.player.push(digit, now_us),
                DigitsTo::Nowhere => {}
            }
        }
    }
}

fn all_passes() -> Conversion {
    Conversion {
        passes: Vec::new(),
        decodes: Vec::new(),
        encodes: None,
        events: Vec::new(),
        listens: Vec::new(),
        digits: DigitsTo::Nowhere,
    }
}

impl std::fmt::Debug for Converter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Converter")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}
