//! Offer and answer beside each other (RFC 3264): an answer that fits its offer.

use crate::{codec::Codec, session::SessionDescription};

impl SessionDescription {
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
