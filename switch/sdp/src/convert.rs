//! What must be done to audio on its way from one leg to the other: payload types renumbered, another codec, digits
//! in another form. Worked out from what each leg's descriptions said; carried out by the relay.

use crate::codec::Codec;

/// A codec the switch can code by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// G.711 with mu-law.
    Pcmu,
    /// G.711 with A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// G.729, Annex B read and not sent.
    G729,
    /// RFC 6716 in RTP by RFC 7587, sent in mono.
    Opus,
}

impl Format {
    /// Best first: what a peer is offered when nothing else orders them.
    pub const ALL: [Self; 5] = [Self::Opus, Self::G722, Self::Pcma, Self::Pcmu, Self::G729];

    /// Its name in lower case, as codec lists have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "pcmu",
            Self::Pcma => "pcma",
            Self::G722 => "g722",
            Self::G729 => "g729",
            Self::Opus => "opus",
        }
    }

    /// By its name in any case.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(name))
    }

    /// What a description's codec is, if the switch can code it.
    #[must_use]
    pub fn of(codec: &Codec) -> Option<Self> {
        Self::of_name(&codec.name).filter(|format| format.clock_rate() == codec.clock_rate)
    }

    /// RTP clock in Hz; G.722 says 8000 (RFC 3551 section 4.5.2), Opus always 48000 (RFC 7587 section 4.1).
    #[must_use]
    pub fn clock_rate(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 | Self::G729 => 8_000,
            Self::Opus => 48_000,
        }
    }

    /// Its payload type; a dynamic one for Opus, 106 unless that is taken.
    fn usual_number(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
            Self::G729 => 18,
            Self::Opus => 106,
        }
    }

    /// As a description has it beside `taken`.
    #[must_use]
    pub fn codec(self, taken: &[Codec]) -> Codec {
        Codec {
            payload_type: free_number(self.usual_number(), taken),
            name: self.name().to_owned(),
            clock_rate: self.clock_rate(),
            fmtp: match self {
                Self::G729 => Some("annexb=no".to_owned()),
                Self::Opus => Some("useinbandfec=1".to_owned()),
                Self::Pcmu | Self::Pcma | Self::G722 => None,
            },
        }
    }
}

/// The wish, or the first dynamic payload type that is free.
#[must_use]
pub fn free_number(wish: u8, taken: &[Codec]) -> u8 {
    let is_free = |number: &u8| taken.iter().all(|codec| codec.payload_type != *number);
    std::iter::once(wish)
        .chain(96..=127)
        .find(is_free)
        .unwrap_or(wish)
}

/// How digits travel on a leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DigitMode {
    /// As telephone-events where the leg has them (RFC 4733), else as SIP INFO.
    #[default]
    Auto,
    /// As telephone-events only.
    Events,
    /// As SIP INFO only.
    Info,
    /// As tones in the audio.
    Tones,
}

impl DigitMode {
    /// Whether telephone-events may stand in the leg's descriptions.
    #[must_use]
    pub fn has_events(self) -> bool {
        match self {
            Self::Auto | Self::Events => true,
            Self::Info | Self::Tones => false,
        }
    }
}

/// One leg's audio line as both of its descriptions have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LegCodecs {
    /// What its peer described: it takes these under these numbers, the first one best.
    pub theirs: Vec<Codec>,
    /// What we described to it: it sends these under these numbers.
    pub ours: Vec<Codec>,
    /// How it speaks of digits.
    pub digits: DigitMode,
}

impl LegCodecs {
    /// Those of `list`, one of the two, that both descriptions have.
    fn agreed<'a>(&'a self, list: &'a [Codec]) -> impl Iterator<Item = &'a Codec> {
        let is_in =
            |list: &[Codec], codec: &Codec| list.iter().any(|other| other.same_encoding(codec));
        list.iter()
            .filter(move |codec| is_in(&self.theirs, codec) && is_in(&self.ours, codec))
    }

    /// What its peer may send.
    pub fn both(&self) -> impl Iterator<Item = &Codec> {
        self.agreed(&self.ours)
    }

    fn events(&self) -> impl Iterator<Item = &Codec> {
        let has = self.digits.has_events();
        self.theirs
            .iter()
            .filter(move |codec| has && codec.name == "telephone-event")
    }

    /// Whether both sides of the leg agreed on telephone-events.
    #[must_use]
    pub fn has_events(&self) -> bool {
        let ours = self
            .ours
            .iter()
            .any(|codec| codec.name == "telephone-event");
        ours && self.events().next().is_some()
    }

    /// Where digits for this leg's peer go.
    #[must_use]
    pub fn takes_digits(&self) -> DigitsTo {
        digits_to(
            self,
            self.theirs.iter().any(|codec| Format::of(codec).is_some()),
        )
    }

    /// What the switch codes by itself for the leg's peer: the first it agreed on that it can.
    #[must_use]
    pub fn coded(&self) -> Option<(u8, Format)> {
        self.agreed(&self.theirs)
            .filter(|codec| !codec.is_auxiliary())
            .find_map(|codec| Some((codec.payload_type, Format::of(codec)?)))
    }

    /// Payload types of the telephone-events its peer sends.
    #[must_use]
    pub fn event_numbers(&self) -> Vec<u8> {
        let events = self
            .ours
            .iter()
            .filter(|codec| codec.name == "telephone-event");
        match self.has_events() {
            true => events.map(|codec| codec.payload_type).collect(),
            false => Vec::new(),
        }
    }

    fn first_audio(&self) -> Option<&Codec> {
        self.theirs.iter().find(|codec| !codec.is_auxiliary())
    }
}

/// Where digits of a leg go on the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigitsTo {
    /// Nowhere: the leg has no way for them.
    Nowhere,
    /// Into telephone-events of this payload type and clock.
    Events {
        /// Payload type.
        number: u8,
        /// Hz.
        clock_rate: u32,
    },
    /// To the core, which tells the leg's peer.
    Core,
    /// Into the audio, as tones.
    Tones,
}

/// What the relay does to RTP from one side on its way to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// Payload types that pass, and their numbers on the other side.
    pub passes: Vec<(u8, u8)>,
    /// Payload types that are decoded.
    pub decodes: Vec<(u8, Format)>,
    /// What decoded audio and tones become.
    pub encodes: Option<(u8, Format)>,
    /// The side's telephone-events: payload types and clocks.
    pub events: Vec<(u8, u32)>,
    /// Payload types whose audio digits are looked for in; empty: in none.
    pub listens: Vec<(u8, Format)>,
    /// Where digits go.
    pub digits: DigitsTo,
}

impl Conversion {
    /// What must be done to packets of `near` on their way to `far`; None: nothing, they pass as they are.
    #[must_use]
    pub fn between(near: &LegCodecs, far: &LegCodecs) -> Option<Self> {
        let encodes = far.coded();
        let mut conversion = Self {
            passes: Vec::new(),
            decodes: Vec::new(),
            encodes,
            events: Vec::new(),
            listens: Vec::new(),
            digits: far.takes_digits(),
        };
        let has_events = near.has_events();
        for codec in near.agreed(&near.ours) {
            if codec.name == "telephone-event" {
                if has_events {
                    conversion
                        .events
                        .push((codec.payload_type, codec.clock_rate));
                }
                continue;
            }
            let format = Format::of(codec);
            if near.digits == DigitMode::Tones {
                let heard = format.map(|format| (codec.payload_type, format));
                conversion.listens.extend(heard);
            }
            let same = far
                .agreed(&far.theirs)
                .find(|other| other.same_encoding(codec));
            match (same, format) {
                (Some(other), _) => conversion
                    .passes
                    .push((codec.payload_type, other.payload_type)),
                (None, Some(format)) if encodes.is_some() => {
                    conversion.decodes.push((codec.payload_type, format));
                }
                (None, _) => {}
            }
        }
        conversion.is_needed().then_some(conversion)
    }

    fn is_needed(&self) -> bool {
        let events_pass = match self.digits {
            DigitsTo::Events { number, clock_rate } => {
                !self.events.is_empty()
                    && self
                        .events
                        .iter()
                        .all(|event| *event == (number, clock_rate))
            }
            DigitsTo::Nowhere | DigitsTo::Core => self.events.is_empty(),
            DigitsTo::Tones => false,
        };
        let renumbered = self.passes.iter().any(|(from, to)| from != to);
        renumbered || !events_pass || !self.decodes.is_empty() || !self.listens.is_empty()
    }

    /// Whether audio is decoded and coded anew.
    #[must_use]
    pub fn transcodes(&self) -> bool {
        !self.decodes.is_empty()
    }
}

/// Events of the clock of the leg's first codec (RFC 4733 section 2.1), else the first it has.
fn digits_to(far: &LegCodecs, codes: bool) -> DigitsTo {
    let rate = far.first_audio().map(|codec| codec.clock_rate);
    let events = far
        .events()
        .find(|codec| Some(codec.clock_rate) == rate)
        .or_else(|| far.events().next());
    match (far.digits, events) {
        (DigitMode::Auto | DigitMode::Events, Some(codec)) => DigitsTo::Events {
            number: codec.payload_type,
            clock_rate: codec.clock_rate,
        },
        (DigitMode::Auto | DigitMode::Info, _) => DigitsTo::Core,
        (DigitMode::Tones, _) if codes => DigitsTo::Tones,
        (DigitMode::Events | DigitMode::Tones, _) => DigitsTo::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `8 pcma 101 telephone-event`, clocks by name.
    fn codecs(text: &str) -> Vec<Codec> {
        let words: Vec<&str> = text.split_whitespace().collect();
        words
            .chunks_exact(2)
            .map(|pair| Codec {
                payload_type: pair[0].parse().unwrap(),
                name: pair[1].to_owned(),
                clock_rate: if pair[1] == "opus" { 48_000 } else { 8_000 },
                fmtp: None,
            })
            .collect()
    }

    fn leg(theirs: &str, ours: &str, digits: DigitMode) -> LegCodecs {
        LegCodecs {
            theirs: codecs(theirs),
            ours: codecs(ours),
            digits,
        }
    }

    const TALK: &str = "8 pcma 101 telephone-event";

    #[test]
    fn the_same_on_both_legs_needs_nothing() {
        let near = leg(TALK, TALK, DigitMode::Auto);
        assert_eq!(Conversion::between(&near, &near.clone()), None);
        let bare = leg("8 pcma", "8 pcma", DigitMode::Auto);
        assert_eq!(Conversion::between(&bare, &bare.clone()), None);
        let other = leg("8 pcma 96 telephone-event", TALK, DigitMode::Auto);
        assert_ne!(Conversion::between(&near, &other), None, "renumbered");
    }

    #[test]
    fn digits_by_what_the_far_leg_has() {
        use DigitMode::{Auto, Events, Info, Tones};
        let near = leg(TALK, TALK, Auto);
        let events = DigitsTo::Events {
            number: 101,
            clock_rate: 8_000,
        };
        for (far, mode, expected) in [
            (TALK, Auto, events),
            (TALK, Events, events),
            (TALK, Info, DigitsTo::Core),
            (TALK, Tones, DigitsTo::Tones),
            ("8 pcma", Auto, DigitsTo::Core),
            ("8 pcma", Events, DigitsTo::Nowhere),
            ("3 gsm", Tones, DigitsTo::Nowhere),
        ] {
            let far = leg(far, far, mode);
            assert_eq!(
                digits_to(&far, far.theirs.iter().any(|c| Format::of(c).is_some())),
                expected,
                "{mode:?} {far:?}"
            );
            let conversion = Conversion::between(&near, &far);
            assert_eq!(conversion.is_none(), expected == events, "{mode:?}");
        }
    }

    #[test]
    fn codecs_pass_or_are_coded() {
        let near = leg("9 g722 8 pcma", "9 g722 3 gsm", DigitMode::Auto);
        let far = leg("0 pcmu 106 opus 8 pcma", "106 opus", DigitMode::Auto);
        let conversion = Conversion::between(&near, &far).unwrap();
        assert_eq!(conversion.passes, [], "neither leg agreed on pcma");
        assert_eq!(conversion.decodes, [(9, Format::G722)]);
        assert_eq!(conversion.encodes, Some((106, Format::Opus)));
        assert!(conversion.transcodes());
        let back = Conversion::between(&far, &near).unwrap();
        assert_eq!(back.decodes, [(106, Format::Opus)]);
        assert_eq!(back.encodes, Some((9, Format::G722)));
    }

    #[test]
    fn numbers_that_are_taken_are_left() {
        let taken = codecs("106 x 96 y 97 z");
        assert_eq!(Format::Opus.codec(&taken).payload_type, 98);
        assert_eq!(Format::Opus.codec(&[]).payload_type, 106);
        assert_eq!(Format::G729.codec(&taken).payload_type, 18);
    }
}
