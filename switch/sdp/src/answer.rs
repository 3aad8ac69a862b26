//! Offer and answer beside each other (RFC 3264): an answer that fits its offer.

use crate::session::SessionDescription;

impl SessionDescription {
    /// Gives this answer as many media lines as its offer: those it forgot are added as rejected (RFC 3264
    /// section 6 wants one for each; some phones leave the trailing ones out).
    pub fn complete_for(&mut self, offer: &Self) {
        let missing: Vec<usize> = offer.media_starts().skip(self.media_count()).collect();
        for start in missing {
            offer.write_rejected(self, start);
        }
    }
}
