//! How a leg's audio and video are protected: what the operator allows, what the peer said, and what we say to it.
//!
//! One [`Security`] per leg, and per INVITE under way. It hears the peer's descriptions, dresses ours, and tells
//! the relay's transport of the leg. Our keys are drawn from one secret of the leg, a stream of its own for each
//! medium, suite and change of suite, and each time video comes up again, so that no key is ever used twice. Video
//! that cannot be protected is rejected, and the call goes on.

use crate::{
    directory::{Settings, SrtpPolicy},
    switch::state::Core,
};
use rand_chacha::{
    ChaCha12Rng,
    rand_core::{Rng, SeedableRng},
};
use std::sync::Arc;
use tandem_sdp::{
    Dress, Medium, Profile, Protection, SessionDescription,
    dress::{Keys, WebDress},
    relay::{DtlsSide, SdesKeys, Shown},
    sdes::{Crypto, SrtpKey, SrtpSuite},
    web::{Fingerprint, IceCredentials, Setup},
};
use tandem_sip::{Flow, Transport};

/// Characters of our ICE user fragment and password (RFC 8839 section 5.4 wants 4 and 22 at least).
const ICE_CHARS: (usize, usize) = (8, 24);
const ICE_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// The stream of the secret that ICE credentials are drawn from; suites use the lower ones.
const ICE_STREAM: u64 = 15;
/// Streams of one generation of keys.
const GENERATION: u64 = 16;
/// Above the streams of audio.
const VIDEO_STREAMS: u64 = 1 << 63;
/// What an offer of ours calls its lines in their group; video takes the other one where audio is called so.
const MIDS: (&str, &str) = ("0", "1");

/// What a peer's description asked for cannot be, or what it answered does not fit our offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfit;

/// Whether a description opens a round of offer and answer or ends it (RFC 3264).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Offer,
    Answer,
}

/// One leg's protection.
#[derive(Clone)]
pub(crate) struct Security {
    sdes: Sdes,
    /// The peer is a browser: it takes nothing but DTLS.
    web: bool,
    /// Of both certificates.
    fingerprints: Option<Arc<(Fingerprint, Fingerprint)>>,
    shown: Shown,
    secret: [u8; 32],
    /// Of the keys of audio and of video.
    generations: (u64, u64),
    agreed: Option<Box<Agreed>>,
}

/// Keys in descriptions on this leg, after policy and transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sdes {
    Never,
    Accepted,
    Offered,
    Required,
    /// Required, and the transport would show the keys to everybody.
    Exposed,
}

/// What both descriptions said.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Agreed {
    audio: Line,
    /// None: it has no video, or none that could be agreed on.
    video: Option<Line>,
}

/// Of one media line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    profile: Profile,
    rtcp_mux: bool,
    keys: AgreedKeys,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum AgreedKeys {
    None,
    Sdes {
        ours: Crypto,
        theirs: SrtpKey,
    },
    Dtls {
        side: Box<DtlsSide>,
        mid: Option<String>,
        bundle: bool,
    },
}

impl Security {
    /// For a peer reached by `flow` whose account or gateway has `policy`.
    pub(crate) fn new(
        core: &mut Core,
        policy: SrtpPolicy,
        flow: Flow,
        settings: &Settings,
    ) -> Self {
        let secure = match flow.transport {
            Transport::Tls | Transport::Wss => true,
            Transport::Udp | Transport::Tcp | Transport::Ws => settings.srtp_keys_in_clear,
        };
        let sdes = match (policy, secure) {
            (SrtpPolicy::Off, _) | (SrtpPolicy::Accepted | SrtpPolicy::Offered, false) => {
                Sdes::Never
            }
            (SrtpPolicy::Accepted, true) => Sdes::Accepted,
            (SrtpPolicy::Offered, true) => Sdes::Offered,
            (SrtpPolicy::Required, true) => Sdes::Required,
            (SrtpPolicy::Required, false) => Sdes::Exposed,
        };
        let secret = draw_secret(core);
        Self {
            sdes,
            web: matches!(flow.transport, Transport::Ws | Transport::Wss),
            fingerprints: core.fixed.fingerprints.clone(),
            shown: Shown::default(),
            secret,
            generations: (0, 0),
            agreed: None,
        }
    }

    /// Its browser goes over to another relay, which has no keys with it: our next offer has other credentials and
    /// another certificate.
    pub(crate) fn begin_anew(&mut self, core: &mut Core) {
        self.secret = draw_secret(core);
        self.shown = self.shown.other();
    }

    /// Whether the peer is a browser, or has agreed on keys as one does.
    pub(crate) fn is_web(&self) -> bool {
        let dtls = |agreed: &Agreed| match agreed.audio.keys {
            AgreedKeys::Dtls { .. } => true,
            AgreedKeys::None | AgreedKeys::Sdes { .. } => false,
        };
        self.web || self.agreed.as_deref().is_some_and(dtls)
    }

    /// Whether nothing but plain packets on two ports was or will be agreed on: such a leg may exchange audio
    /// directly.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = |medium| {
            self.agreed(medium)
                .is_none_or(|line| line.keys == AgreedKeys::None)
        };
        let agreed = plain(Medium::Audio) && plain(Medium::Video);
        agreed && !self.web && matches!(self.sdes, Sdes::Never | Sdes::Accepted)
    }

    /// Takes the peer's offer or answer. After an error everything is as before.
    pub(crate) fn hear(&mut self, said: Said, sdp: &SessionDescription) -> Result<(), Unfit> {
        if sdp.is_fax() {
            return self.hear_fax();
        }
        let audio = self.hear_line(Medium::Audio, said, sdp)?;
        let video = self.hear_line(Medium::Video, said, sdp).ok();
        // Keys that were left are not taken up again.
        if self.has_keys(Medium::Audio) && !audio.has_keys() {
            self.generations.0 += 1;
        }
        if self.has_keys(Medium::Video) && !video.as_ref().is_some_and(Line::has_keys) {
            self.generations.1 += 1;
        }
        self.agreed = Some(Box::new(Agreed { audio, video }));
        Ok(())
    }

    fn hear_line(
        &mut self,
        medium: Medium,
        said: Said,
        sdp: &SessionDescription,
    ) -> Result<Line, Unfit> {
        let profile = sdp.profile(medium).ok_or(Unfit)?;
        let keys = match said {
            Said::Offer => self.keys_of_offer(medium, profile, sdp)?,
            Said::Answer => self.keys_of_answer(medium, profile, sdp)?,
        };
        Ok(Line {
            profile,
            rtcp_mux: sdp.rtcp_mux(medium),
            keys,
        })
    }

    fn agreed(&self, medium: Medium) -> Option<&Line> {
        let agreed = self.agreed.as_deref()?;
        match medium {
            Medium::Audio => Some(&agreed.audio),
            Medium::Video => agreed.video.as_ref(),
        }
    }

    /// Whether the peer's last description has video that was agreed on.
    pub(crate) fn has_video(&self) -> bool {
        self.agreed(Medium::Video).is_some()
    }

    /// There is no video any more, whatever was said: what comes up later has other keys.
    pub(crate) fn forget_video(&mut self) {
        self.generations.1 += u64::from(self.has_keys(Medium::Video));
        if let Some(agreed) = &mut self.agreed {
            agreed.video = None;
        }
    }

    fn has_keys(&self, medium: Medium) -> bool {
        self.agreed(medium).is_some_and(Line::has_keys)
    }

    /// Fax has no keys, and what was agreed for audio waits until there is audio again.
    fn hear_fax(&self) -> Result<(), Unfit> {
        let required = matches!(self.sdes, Sdes::Required | Sdes::Exposed);
        let plain = self
            .agreed(Medium::Audio)
            .is_none_or(|line| line.keys == AgreedKeys::None && !line.rtcp_mux);
        if plain && !required && !self.web {
            Ok(())
        } else {
            Err(Unfit)
        }
    }

    /// What our description of the peer across says on this leg; None for fax, which wears nothing.
    pub(crate) fn dress_of(
        &self,
        said: Said,
        sdp: &SessionDescription,
    ) -> Result<Option<Dress>, &'static str> {
        if sdp.is_fax() {
            return match self.hear_fax() {
                Ok(()) => Ok(None),
                Err(Unfit) => Err("fax on a leg with keys"),
            };
        }
        self.dress(Medium::Audio, said).map(Some)
    }

    /// The same of its video; None without video, or with video that cannot be protected.
    pub(crate) fn video_dress(&self, said: Said, sdp: &SessionDescription) -> Option<Dress> {
        let shown = sdp.profile(Medium::Video).filter(|_| !sdp.is_fax())?;
        let mut dress = self.dress(Medium::Video, said).ok()?;
        // Whoever asked for feedback in plain packets gets it from whoever can.
        if said == Said::Offer && dress.profile == Profile::Avp {
            dress.profile = shown.plain();
        }
        Some(dress)
    }

    /// Takes the peer's offer; what it has plain as well is taken so if it cannot be otherwise, and video that cannot
    /// be agreed on is rejected in it.
    pub(crate) fn hear_offer(&mut self, offer: &mut SessionDescription) -> Result<(), Unfit> {
        match self.hear(Said::Offer, offer) {
            Err(Unfit) if offer.reject_secure(Medium::Audio) => self.hear(Said::Offer, offer)?,
            other => other?,
        }
        if !self.has_video() && offer.reject_secure(Medium::Video) {
            self.hear(Said::Offer, offer)?;
        }
        if !self.has_video() {
            offer.reject_video();
        }
        Ok(())
    }

    fn keys_of_offer(
        &mut self,
        medium: Medium,
        profile: Profile,
        sdp: &SessionDescription,
    ) -> Result<AgreedKeys, Unfit> {
        if means_dtls(medium, profile, sdp) {
            return self.dtls(medium, sdp);
        }
        let line = match self.sdes {
            Sdes::Never | Sdes::Exposed => None,
            Sdes::Accepted | Sdes::Offered | Sdes::Required => {
                sdp.cryptos(medium).into_iter().next()
            }
        };
        let Some(line) = line else {
            return self.plain(profile);
        };
        let suite = line.key.suite();
        if self
            .agreed_suite(medium)
            .is_some_and(|before| before != suite)
        {
            match medium {
                Medium::Audio => self.generations.0 += 1,
                Medium::Video => self.generations.1 += 1,
            }
        }
        let ours = Crypto {
            tag: line.tag,
            key: self.key(medium, suite).ok_or(Unfit)?,
        };
        Ok(AgreedKeys::Sdes {
            ours,
            theirs: line.key,
        })
    }

    fn keys_of_answer(
        &self,
        medium: Medium,
        profile: Profile,
        sdp: &SessionDescription,
    ) -> Result<AgreedKeys, Unfit> {
        let offered = match self.dress(medium, Said::Offer).map_err(|_| Unfit)?.keys {
            Keys::None => return self.plain(profile),
            Keys::Dtls(_) => return self.dtls(medium, sdp),
            Keys::Sdes(offered) => offered,
        };
        let answered = sdp.cryptos(medium).into_iter().find_map(|line| {
            let fits =
                |ours: &&Crypto| ours.tag == line.tag && ours.key.suite() == line.key.suite();
            offered
                .iter()
                .find(fits)
                .map(|ours| (ours.clone(), line.key.clone()))
        });
        match answered {
            Some((ours, theirs)) => Ok(AgreedKeys::Sdes { ours, theirs }),
            None => self.plain(profile),
        }
    }

    fn plain(&self, profile: Profile) -> Result<AgreedKeys, Unfit> {
        let required = matches!(self.sdes, Sdes::Required | Sdes::Exposed);
        if profile.is_secure() || required {
            return Err(Unfit);
        }
        Ok(AgreedKeys::None)
    }

    fn dtls(&self, medium: Medium, sdp: &SessionDescription) -> Result<AgreedKeys, Unfit> {
        let peer = sdp.web_peer(medium).ok_or(Unfit)?;
        if self.fingerprints.is_none() {
            return Err(Unfit);
        }
        let side = DtlsSide {
            shown: self.shown,
            ours: self.ice(),
            setup: peer.setup.beside(),
            peer,
        };
        Ok(AgreedKeys::Dtls {
            side: Box::new(side),
            mid: sdp.mid(medium).map(str::to_owned),
            bundle: sdp.is_bundled(),
        })
    }

    fn agreed_suite(&self, medium: Medium) -> Option<SrtpSuite> {
        match &self.agreed(medium)?.keys {
            AgreedKeys::Sdes { ours, .. } => Some(ours.key.suite()),
            AgreedKeys::None | AgreedKeys::Dtls { .. } => None,
        }
    }

    /// What our description says of a medium on this leg.
    pub(crate) fn dress(&self, medium: Medium, said: Said) -> Result<Dress, &'static str> {
        match (said, self.agreed(medium)) {
            (_, Some(line)) => Ok(Dress {
                profile: line.profile,
                rtcp_mux: line.rtcp_mux,
                keys: self.keys_said(&line.keys, said),
            }),
            (Said::Offer, None) => self.first_offer(medium),
            (Said::Answer, None) => Err("nothing to answer"),
        }
    }

    fn first_offer(&self, medium: Medium) -> Result<Dress, &'static str> {
        let dress = |profile, keys| Dress {
            profile,
            rtcp_mux: false,
            keys,
        };
        // Video that comes up later travels as the audio does.
        let (profile, keys) = match self.agreed(Medium::Audio) {
            Some(audio) => (Some(audio.profile), Some(&audio.keys)),
            None => (None, None),
        };
        match (keys, self.sdes) {
            (Some(AgreedKeys::Dtls { .. }), _) => self.web_offer(medium, profile),
            (None, _) if self.web => self.web_offer(medium, None),
            (Some(AgreedKeys::Sdes { .. }), _) => {
                Ok(dress(profile.unwrap_or(Profile::Savp), self.lines(medium)))
            }
            (Some(AgreedKeys::None), _) | (None, Sdes::Never | Sdes::Accepted) => {
                Ok(dress(Profile::Avp, Keys::None))
            }
            (None, Sdes::Offered) => Ok(dress(Profile::Avp, self.lines(medium))),
            (None, Sdes::Required) => Ok(dress(Profile::Savp, self.lines(medium))),
            (None, Sdes::Exposed) => Err("its SRTP keys would travel in clear"),
        }
    }

    fn web_offer(&self, medium: Medium, profile: Option<Profile>) -> Result<Dress, &'static str> {
        let audio = self.agreed(Medium::Audio);
        let ice = match audio.map(|line| &line.keys) {
            Some(AgreedKeys::Dtls { side, .. }) => self.ice_with(side),
            Some(AgreedKeys::None | AgreedKeys::Sdes { .. }) | None => Some(self.ice()),
        };
        let group = ice.is_some();
        let mid = group.then(|| self.free_mid(medium));
        let web = self.web_dress(Setup::ActPass, ice, (mid, group));
        Ok(Dress {
            profile: profile.unwrap_or(Profile::DtlsSavpf),
            rtcp_mux: audio.is_none_or(|line| line.rtcp_mux),
            keys: Keys::Dtls(Box::new(
                web.ok_or("this switch has no certificate for audio")?,
            )),
        })
    }

    fn free_mid(&self, medium: Medium) -> String {
        let taken = self.agreed(Medium::Audio).map(|line| &line.keys);
        let taken = match taken {
            Some(AgreedKeys::Dtls { mid, .. }) => mid.as_deref(),
            Some(AgreedKeys::None | AgreedKeys::Sdes { .. }) | None => None,
        };
        match medium {
            Medium::Video if taken != Some(MIDS.1) => MIDS.1.to_owned(),
            Medium::Audio | Medium::Video => MIDS.0.to_owned(),
        }
    }

    fn lines(&self, medium: Medium) -> Keys {
        let line = |(tag, suite)| {
            Some(Crypto {
                tag,
                key: self.key(medium, suite)?,
            })
        };
        Keys::Sdes((1..).zip(SrtpSuite::OFFERED).filter_map(line).collect())
    }

    fn keys_said(&self, keys: &AgreedKeys, said: Said) -> Keys {
        match keys {
            AgreedKeys::None => Keys::None,
            AgreedKeys::Sdes { ours, .. } => Keys::Sdes(vec![ours.clone()]),
            AgreedKeys::Dtls { side, mid, bundle } => {
                let setup = match said {
                    Said::Offer => Setup::ActPass,
                    Said::Answer => side.setup,
                };
                let web = self.web_dress(setup, self.ice_with(side), (mid.clone(), *bundle));
                web.map_or(Keys::None, |web| Keys::Dtls(Box::new(web)))
            }
        }
    }

    fn fingerprint(&self) -> Option<&Fingerprint> {
        let (first, second) = self.fingerprints.as_deref()?;
        Some(match self.shown {
            Shown::First => first,
            Shown::Second => second,
        })
    }

    fn web_dress(
        &self,
        setup: Setup,
        ice: Option<IceCredentials>,
        (mid, bundle): (Option<String>, bool),
    ) -> Option<WebDress> {
        Some(WebDress {
            fingerprint: self.fingerprint()?.clone(),
            setup,
            ice,
            mid,
            bundle,
        })
    }

    /// For the relay: how the leg's packets travel.
    pub(crate) fn transport(&self) -> Ways {
        Ways {
            audio: self
                .agreed(Medium::Audio)
                .map_or((Protection::Plain, false), Line::way),
            video: self.agreed(Medium::Video).map(Line::way),
        }
    }

    fn key(&self, medium: Medium, suite: SrtpSuite) -> Option<SrtpKey> {
        let number = SrtpSuite::ALL.iter().position(|known| *known == suite)?;
        let mut bytes = vec![0; suite.key_bytes() + suite.salt_bytes()];
        let mut stream = self.stream(medium, number as u64);
        stream.fill_bytes(&mut bytes);
        SrtpKey::new(suite, bytes)
    }

    /// None for a peer that makes no checks.
    fn ice_with(&self, side: &DtlsSide) -> Option<IceCredentials> {
        side.peer.ice.as_ref().map(|_| self.ice())
    }

    fn ice(&self) -> IceCredentials {
        let mut bytes = [0; ICE_CHARS.0 + ICE_CHARS.1];
        self.stream(Medium::Audio, ICE_STREAM)
            .fill_bytes(&mut bytes);
        let text = |bytes: &[u8]| {
            let chars = bytes
                .iter()
                .map(|byte| char::from(ICE_ALPHABET[usize::from(byte & 63)]));
            chars.collect::<String>()
        };
        let (ufrag, pwd) = bytes.split_at(ICE_CHARS.0);
        IceCredentials {
            ufrag: text(ufrag),
            pwd: text(pwd),
        }
    }

    fn stream(&self, medium: Medium, number: u64) -> ChaCha12Rng {
        let first = match medium {
            Medium::Audio => self.generations.0 * GENERATION,
            Medium::Video => VIDEO_STREAMS + self.generations.1 * GENERATION,
        };
        let mut rng = ChaCha12Rng::from_seed(self.secret);
        rng.set_stream(first + number);
        rng
    }
}

fn draw_secret(core: &mut Core) -> [u8; 32] {
    let mut secret = [0; 32];
    for part in secret.chunks_mut(8) {
        part.copy_from_slice(&core.random().to_le_bytes());
    }
    secret
}

/// How packets travel, and whether RTCP comes on the RTP port.
type Way = (Protection, bool);

/// How a leg's packets travel.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    pub(crate) audio: Way,
    /// None: it has no video.
    pub(crate) video: Option<Way>,
}

impl Line {
    /// Whether descriptions carry them.
    fn has_keys(&self) -> bool {
        matches!(self.keys, AgreedKeys::Sdes { .. })
    }

    fn way(&self) -> Way {
        let protection = match &self.keys {
            AgreedKeys::None => Protection::Plain,
            AgreedKeys::Sdes { ours, theirs } => Protection::Sdes(Box::new(SdesKeys {
                ours: ours.key.clone(),
                theirs: theirs.clone(),
            })),
            AgreedKeys::Dtls { side, .. } => Protection::Dtls(side.clone()),
        };
        (protection, self.rtcp_mux)
    }
}

/// Browsers of old wrote `RTP/SAVPF` and a fingerprint.
fn means_dtls(medium: Medium, profile: Profile, sdp: &SessionDescription) -> bool {
    match profile {
        Profile::DtlsSavp | Profile::DtlsSavpf => true,
        Profile::Savp | Profile::Savpf => {
            sdp.cryptos(medium).is_empty() && sdp.web_peer(medium).is_some()
        }
        Profile::Avp | Profile::Avpf => false,
    }
}
