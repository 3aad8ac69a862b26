//! Which codecs the legs of a call speak, and what the relay has to do between them.
//!
//! An offer that goes across is cut down to what operator and target allow, and filled up with what the switch can
//! code itself; the answer that comes back is one to the asker's own offer again. When both legs have agreed, the
//! relay is told what lies between: numbers, codecs, digits.

use crate::{
    call::Call,
    decide::{Candidate, Codecs},
    directory::signalling::Dtmf,
    switch::state::Core,
};
use tandem_sdp::{
    Codec, Conversion, DigitMode, LegCodecs, RelayCommand, SessionDescription, Side, Stream,
    convert::{Format, free_number},
};

use super::Relay;

/// What CDRs call fax.
const FAX: &str = "t38";

/// What caller and target may speak.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    codecs: Codecs,
    /// How digits travel on the A and on the B leg.
    digits: (DigitMode, DigitMode),
    /// No relay: descriptions pass as they are, but for the codecs that are not allowed.
    direct: bool,
}

impl Terms {
    /// Between the caller and a target.
    pub(crate) fn of(call: &Call, candidate: &Candidate) -> Self {
        let far = candidate.signalling(&call.directory).dtmf;
        Self {
            codecs: candidate.codecs.clone(),
            digits: (mode(call.who.account.signalling.dtmf), mode(far)),
            direct: call.media.direct,
        }
    }

    fn digits(&self, side: Side) -> DigitMode {
        match side {
            Side::A => self.digits.0,
            Side::B => self.digits.1,
        }
    }

    /// What the switch may code on a leg.
    fn coded(&self, side: Side) -> &[Format] {
        match side {
            _ if self.direct => &[],
            Side::A => &self.codecs.coded.0,
            Side::B => &self.codecs.coded.1,
        }
    }

    /// Makes an offer of the other side the one that goes to `to`. False: no audio is left.
    pub(crate) fn adapt_offer(&self, to: Side, sdp: &mut SessionDescription) -> bool {
        if sdp.is_fax() {
            return true;
        }
        let offered = sdp.codecs();
        let Some(list) = self.offered(to, &offered) else {
            return false;
        };
        if list != offered {
            sdp.set_codecs(&list);
        }
        true
    }

    fn offered(&self, to: Side, offered: &[Codec]) -> Option<Vec<Codec>> {
        let audio = || offered.iter().filter(|codec| !codec.is_auxiliary());
        let mut list: Vec<Codec> = match &self.codecs.own {
            None => audio().cloned().collect(),
            Some(own) => own
                .iter()
                .flat_map(|name| audio().filter(move |codec| codec.name == *name))
                .cloned()
                .collect(),
        };
        let taken = |list: &[Codec]| [offered, list].concat();
        if audio().any(|codec| Format::of(codec).is_some()) {
            for format in self.coded(to) {
                if list.iter().all(|codec| Format::of(codec) != Some(*format)) {
                    list.push(format.codec(&taken(&list)));
                }
            }
        }
        if list.is_empty() {
            return None;
        }
        let digits = self.digits(to);
        let events = |codec: &&Codec| codec.name == "telephone-event";
        let keeps = |codec: &&Codec| self.direct || digits.has_events() || !events(codec);
        list.extend(
            offered
                .iter()
                .filter(|codec| codec.is_auxiliary())
                .filter(keeps)
                .cloned(),
        );
        let lacks = !list.iter().any(|codec| events(&codec));
        if digits == DigitMode::Events && lacks && !self.direct {
            list.push(Codec::telephone_event(&taken(&list)));
        }
        Some(list)
    }

    /// Makes the other side's answer one to the asker's own `offer`. `may_code`: whether audio may be coded anew.
    /// None: it took nothing of what it was offered, or nothing that can be brought to the asker.
    pub(crate) fn adapt_answer(
        &self,
        asker: Side,
        offer: &SessionDescription,
        answer: &mut SessionDescription,
        may_code: bool,
    ) -> Option<()> {
        if offer.is_fax() || answer.is_fax() {
            return (offer.is_fax() && answer.is_fax()).then_some(());
        }
        let (offered, answered) = (offer.codecs(), answer.codecs());
        let said = self.offered(asker.other(), &offered)?;
        let is_in =
            |codec: &Codec, list: &[Codec]| list.iter().any(|other| other.same_encoding(codec));
        let taken: Vec<&Codec> = answered
            .iter()
            .filter(|codec| !codec.is_auxiliary() && is_in(codec, &said))
            .collect();
        let mut list: Vec<Codec> = taken
            .iter()
            .filter(|codec| is_in(codec, &offered))
            .map(|codec| (*codec).clone())
            .collect();
        if self.direct {
            return (!list.is_empty()).then_some(());
        }
        let coded = list.is_empty();
        if coded {
            let codable = |codec: &&&Codec| Format::of(codec).is_some();
            taken.iter().find(codable).filter(|_| may_code)?;
            let usable = |codec: &&Codec| {
                Format::of(codec).is_some_and(|format| self.coded(asker).contains(&format))
            };
            list.push(offered.iter().find(usable)?.clone());
            answer.drop_packet_times();
        }
        self.add_auxiliaries(asker, (&offered, &answered), coded, &mut list);
        if list != answered {
            answer.set_codecs(&list);
        }
        Some(())
    }

    fn add_auxiliaries(
        &self,
        asker: Side,
        (offered, answered): (&[Codec], &[Codec]),
        coded: bool,
        list: &mut Vec<Codec>,
    ) {
        for codec in offered.iter().filter(|codec| codec.is_auxiliary()) {
            let common = answered.iter().find(|other| other.same_encoding(codec));
            let added = match (codec.name.as_str(), common) {
                ("telephone-event", _) if !self.digits(asker).has_events() => None,
                ("telephone-event", Some(common)) if !coded => Some(common),
                ("telephone-event", _) => Some(codec),
                (_, common) => common.filter(|_| !coded),
            };
            if let Some(added) = added {
                let mut added = added.clone();
                added.payload_type = free_number(added.payload_type, list);
                list.push(added);
            }
        }
    }
}

fn mode(dtmf: Dtmf) -> DigitMode {
    match dtmf {
        Dtmf::Auto => DigitMode::Auto,
        Dtmf::Rfc4733 => DigitMode::Events,
        Dtmf::Info => DigitMode::Info,
        Dtmf::Inband => DigitMode::Tones,
    }
}

/// Both legs' codecs as their descriptions have them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spoken {
    pub(crate) a: LegCodecs,
    pub(crate) b: LegCodecs,
    /// The description heard last speaks of fax in the place of audio.
    pub(crate) fax: bool,
    /// The relay was told so.
    faxes: bool,
    /// The relay was told of a conversion: it must be told when there is none.
    converted: bool,
    /// Counted among the calls whose audio is coded anew.
    coded: bool,
}

impl Spoken {
    pub(crate) fn of(&self, side: Side) -> &LegCodecs {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    /// A fresh relay knows of nothing.
    pub(crate) fn untold(&mut self) {
        self.converted = false;
        self.faxes = false;
    }

    /// The legs speak as they did before; what the relay was told since, and what is counted, stays known.
    pub(crate) fn restore(&mut self, before: Self) {
        self.a = before.a;
        self.b = before.b;
        self.fax = before.fax;
    }

    /// A relay that served another call may have been told of a conversion.
    pub(crate) fn told_before(&mut self) {
        self.converted = true;
        self.faxes = false;
    }

    pub(crate) fn of_mut(&mut self, side: Side) -> &mut LegCodecs {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }
}

/// Parties of a call may have changed: how digits travel is their own gateway's or account's to say.
pub(crate) fn know_legs(call: &mut Call) {
    for side in [Side::A, Side::B] {
        let Some(leg) = call.leg(side) else { continue };
        let accounts = &call.directory.accounts;
        let of_account = || Some(accounts.get(&leg.account?)?.signalling.dtmf);
        let dtmf = match &leg.gateway {
            Some(gateway) => Some(gateway.signalling.dtmf),
            None => of_account(),
        };
        if let Some(digits) = dtmf.map(mode) {
            call.media.spoken.of_mut(side).digits = digits;
            match side {
                Side::A => call.media.terms.digits.0 = digits,
                Side::B => call.media.terms.digits.1 = digits,
            }
        }
    }
}

/// A target is being tried under these terms; `said` is what it was offered.
pub(crate) fn begin(call: &mut Call, terms: Terms, said: Option<&SessionDescription>) {
    call.media.spoken.a.digits = terms.digits.0;
    call.media.spoken.b.digits = terms.digits.1;
    call.media.spoken.b.ours = said.map(SessionDescription::codecs).unwrap_or_default();
    if let Some(offer) = &call.media.offer {
        call.media.spoken.a.theirs = offer.codecs();
    }
    call.media.terms = terms;
}

/// An early dialog of the target speaks: what it was told, in its INVITE or in answer to an offer of its own.
pub(crate) fn told_target(call: &mut Call, body: Option<&[u8]>) {
    let told = body.and_then(|body| SessionDescription::parse(body).ok());
    if let Some(told) = told {
        call.media.spoken.b.ours = told.codecs();
    }
}

/// Whether this call's audio may be coded anew.
pub(crate) fn may_code(core: &Core, call: &Call) -> bool {
    call.media.spoken.coded || core.usage.may_code(&core.directory.settings.media)
}

/// The answer of the side across, as one to the asker's offer.
pub(crate) fn adapt_answer(
    core: &Core,
    call: &Call,
    asker: Side,
    offer: &SessionDescription,
    answer: &mut SessionDescription,
) -> Option<()> {
    let may_code = may_code(core, call);
    call.media
        .terms
        .adapt_answer(asker, offer, answer, may_code)
}

/// What the side across would answer to a fresh offer of `asker`'s, going by its last description: as
/// [`adapt_answer`], in the offer's own numbers and its direction reversed.
pub(crate) fn answer_for(
    core: &Core,
    call: &mut Call,
    asker: Side,
    offer: &SessionDescription,
    mut across: SessionDescription,
) -> Option<SessionDescription> {
    know_legs(call);
    across.complete_for(offer);
    adapt_answer(core, call, asker, offer, &mut across)?;
    let (offered, taken) = (offer.codecs(), across.codecs());
    let numbered = |codec: &Codec| {
        let same = offered.iter().find(|other| other.same_encoding(codec));
        Codec {
            payload_type: same.map_or(codec.payload_type, |same| same.payload_type),
            ..codec.clone()
        }
    };
    let list: Vec<Codec> = taken.iter().map(numbered).collect();
    if list != taken {
        across.set_codecs(&list);
    }
    across.set_direction(offer.direction().reversed());
    Some(across)
}

/// A round of offer and answer is complete on both legs: the relay is told what lies between them. `asker`: whose
/// offer it was.
pub(crate) fn settle(core: &mut Core, call: &mut Call, asker: Side) {
    know_legs(call);
    let spoken = &mut call.media.spoken;
    let first = |of: &[Codec], among: &[Codec]| {
        of.iter()
            .find(|codec| {
                !codec.is_auxiliary() && among.iter().any(|other| other.same_encoding(codec))
            })
            .map(|codec| codec.name.clone())
    };
    let codec_of = |side: Side| {
        let leg = spoken.of(side);
        if side == asker {
            first(&leg.ours, &leg.theirs)
        } else {
            first(&leg.theirs, &leg.ours)
        }
    };
    let codecs = if spoken.fax {
        (Some(FAX.to_owned()), Some(FAX.to_owned()))
    } else {
        (codec_of(Side::A), codec_of(Side::B))
    };
    call.media.codec = codecs.0.or(call.media.codec.take());
    call.media.codec_b = codecs.1.or(call.media.codec_b.take());
    let Relay::Open { id, .. } = call.media.relay else {
        return;
    };
    if call.media.direct {
        return;
    }
    if spoken.fax != spoken.faxes {
        spoken.faxes = spoken.fax;
        let stream = if spoken.fax {
            Stream::Fax
        } else {
            Stream::Audio
        };
        core.relay(RelayCommand::SetStream { id, stream });
    }
    if spoken.fax {
        return count(core, call, false);
    }
    let plans = [
        (Side::A, Conversion::between(&spoken.a, &spoken.b)),
        (Side::B, Conversion::between(&spoken.b, &spoken.a)),
    ];
    let needed = plans.iter().any(|(_, plan)| plan.is_some());
    let coded = plans
        .iter()
        .any(|(_, plan)| plan.as_ref().is_some_and(Conversion::transcodes));
    if needed || spoken.converted {
        spoken.converted = true;
        for (side, plan) in plans {
            core.relay(RelayCommand::SetConversion {
                id,
                side,
                conversion: plan.map(Box::new),
            });
        }
    }
    count(core, call, coded);
    super::record::follow(core, call);
}

/// The call is over, or its target was left.
pub(crate) fn release(core: &mut Core, call: &mut Call) {
    count(core, call, false);
}

fn count(core: &mut Core, call: &mut Call, coded: bool) {
    match (call.media.spoken.coded, coded) {
        (false, true) => {
            core.usage.transcoding_began();
            core.feed.totals.transcoded = core.feed.totals.transcoded.saturating_add(1);
        }
        (true, false) => core.usage.transcoding_ended(),
        (true, true) | (false, false) => {}
    }
    call.media.spoken.coded = coded;
}
