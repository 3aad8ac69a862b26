//! How a round of offer and answer ends (RFC 3264): whether what one side said can be brought to the other is found
//! out first, and only then are keys agreed on and the relay told. What does not fit leaves no trace.

use super::{Said, adapt_answer, audio_address, body_for, hear, note_direction, settle, video};
use crate::{call::Call, switch::state::Core};
use bytes::Bytes;
use tandem_sdp::{Direction, SessionDescription, Side};

/// The asker's offer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Offer<'a> {
    /// Heard when it was made.
    Heard(&'a SessionDescription),
    /// Nothing was done about it before it was answered: it might have been refused.
    New(&'a SessionDescription),
}

/// The answer of the side across, as the asker is shown it. None: it does not fit, and nothing has changed.
pub(crate) fn conclude(
    core: &mut Core,
    call: &mut Call,
    asker: Side,
    offer: Offer<'_>,
    answer: &SessionDescription,
) -> Option<Bytes> {
    let other = asker.other();
    let (Offer::Heard(said) | Offer::New(said)) = offer;
    let mut told = answer.clone();
    adapt_answer(core, call, asker, said, &mut told)?;
    let direction = direction(said, answer);
    // What was made music for the other side stays a silence for the one that holds (RFC 3264 section 6.1).
    match said.direction() {
        Direction::Inactive => told.set_direction(Direction::Inactive),
        Direction::SendRecv | Direction::SendOnly | Direction::RecvOnly => {
            told.set_direction(direction);
        }
    }
    could_hear(call, other, Said::Answer, answer)?;
    could_answer(core, call, asker, offer, &told)?;
    if let Offer::New(offer) = offer {
        hear(core, call, asker, Said::Offer, offer)?;
    }
    hear(core, call, other, Said::Answer, answer)?;
    note_direction(core, call, direction);
    video::settle(core, call);
    let body = body_for(core, call, asker, Said::Answer, &told);
    settle(core, call, asker);
    body
}

/// The side across made an offer because it was asked to: as the asker is shown it. None: it does not fit, and
/// nothing has changed.
pub(crate) fn ask(
    core: &mut Core,
    call: &mut Call,
    asker: Side,
    offer: SessionDescription,
) -> Option<Bytes> {
    let mut told = offer.clone();
    if !call.media.terms.adapt_offer(asker, &mut told) {
        return None;
    }
    could_hear(call, asker.other(), Said::Offer, &offer)?;
    let leg = call.leg(asker)?;
    leg.security.dress_of(Said::Offer, &told).ok()?;
    audio_address(core, call, asker, leg.flow.listener, &told)?;
    hear(core, call, asker.other(), Said::Offer, &offer)?;
    if !call.leg(asker.other())?.security.has_video() {
        told.reject_video();
    }
    note_direction(core, call, offer.direction());
    call.media.asked = Some(Box::new(offer));
    body_for(core, call, asker, Said::Offer, &told)
}

/// That of the answer, or what the asker's offer leaves of it: it may have been made after the other side answered the
/// one before.
fn direction(offer: &SessionDescription, answer: &SessionDescription) -> Direction {
    match (offer.direction(), answer.direction()) {
        (offered, Direction::SendRecv) => offered.reversed(),
        (
            Direction::SendRecv | Direction::SendOnly | Direction::RecvOnly | Direction::Inactive,
            answered,
        ) => answered,
    }
}

fn could_hear(call: &Call, side: Side, said: Said, sdp: &SessionDescription) -> Option<()> {
    call.leg(side)?.security.clone().hear(said, sdp).ok()
}

/// Whether a leg could give its peer this answer.
pub(crate) fn could_answer(
    core: &Core,
    call: &Call,
    asker: Side,
    offer: Offer<'_>,
    told: &SessionDescription,
) -> Option<()> {
    let leg = call.leg(asker)?;
    let mut security = leg.security.clone();
    if let Offer::New(offer) = offer {
        security.hear(Said::Offer, offer).ok()?;
    }
    security.dress_of(Said::Answer, told).ok()?;
    audio_address(core, call, asker, leg.flow.listener, told).map(|_| ())
}
