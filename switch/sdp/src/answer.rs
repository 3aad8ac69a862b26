//! Offer and answer beside each other (RFC 3264): what a new offer changes, and an answer that fits its offer.

use crate::{codec::Codec, session::SessionDescription};

/// Whether a side went on hold or came back (RFC 3264 section 8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldChange {
    /// As before.
    Same,
    /// It took audio and takes none now.
    Held,
    /// It takes audio again.
    Resumed,
}

/// What a side's new description changes against its last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Audio or RTCP go to another address or port: the relay needs a new target.
    pub target: bool,
    /// Hold or resume.
    pub hold: HoldChange,
    /// Direction differs in any way.
    pub direction: bool,
    /// The codec list differs, or its order.
    pub codecs: bool,
}

impl Change {
    /// Nothing of the audio changed: the description refreshes a session timer only.
    #[must_use]
    pub fn is_none(self) -> bool {
        !self.target && !self.direction && !self.codecs
    }
}

impl SessionDescription {
    /// What this description changes against `before`, the same side's last one.
    #[must_use]
    pub fn change_since(&self, before: &Self) -> Change {
        let (was, is) = (before.direction(), self.direction());
        let hold = match (was.receives(), is.receives()) {
            (true, false) => HoldChange::Held,
            (false, true) => HoldChange::Resumed,
            (true, true) | (false, false) => HoldChange::Same,
        };
        Change {
            target: self.audio_target() != before.audio_target()
                || self.rtcp_target() != before.rtcp_target(),
            hold,
            direction: was != is,
            codecs: self.codecs() != before.codecs(),
        }
    }

    /// What this side would answer to a further `offer`, going by its last description: the codecs of it that the
    /// offer has under the same numbers, in the offer's direction reversed. None without its first codec.
    #[must_use]
    pub fn answer_for(&self, offer: &Self) -> Option<Self> {
        let offered = offer.codecs();
        let own = self.codecs();
        let fits = |codec: &&Codec| {
            offered
                .iter()
                .any(|other| other.payload_type == codec.payload_type && other.same_encoding(codec))
        };
        own.iter()
            .find(|codec| !codec.is_auxiliary())
            .filter(fits)?;
        let kept: Vec<u8> = own
            .iter()
            .filter(fits)
            .map(|codec| codec.payload_type)
            .collect();
        let mut answer = self.clone();
        answer.set_formats(&kept);
        answer.set_direction(offer.direction().reversed());
        answer.complete_for(offer);
        Some(answer)
    }

    /// Gives this answer as many media lines as its offer: those it forgot are added as rejected (RFC 3264
    /// section 6 wants one for each; some phones leave the trailing ones out).
    pub fn complete_for(&mut self, offer: &Self) {
        let missing: Vec<usize> = offer.media_starts().skip(self.media_count()).collect();
        for start in missing {
            offer.write_rejected(self, start);
        }
    }
}
