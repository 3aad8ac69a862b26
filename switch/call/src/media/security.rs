//! How a leg's audio is protected: what the operator allows, what the peer said, and what we say to it.
//!
//! One [`Security`] per leg, and per INVITE under way. It hears the peer's descriptions, dresses ours, and tells
//! the relay's transport of the leg. Our keys are drawn from one secret of the leg, a stream of its own for each
//! suite and each change of suite, so that no key is ever used twice.

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
    Dress, Profile, Protection, SessionDescription,
    dress::{Keys, WebDress},
    relay::{DtlsSide, SdesKeys},
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
    fingerprint: Option<Arc<Fingerprint>>,
    secret: [u8; 32],
    generation: u64,
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
        let mut secret = [0; 32];
        for part in secret.chunks_mut(8) {
            part.copy_from_slice(&core.random().to_le_bytes());
        }
        Self {
            sdes,
            web: matches!(flow.transport, Transport::Ws | Transport::Wss),
            fingerprint: core.fixed.fingerprint.clone(),
            secret,
            generation: 0,
            agreed: None,
        }
    }

    /// Whether the peer is a browser, or has agreed on keys as one does.
    pub(crate) fn is_web(&self) -> bool {
        let dtls = |agreed: &Agreed| match agreed.keys {
            AgreedKeys::Dtls { .. } => true,
            AgreedKeys::None | AgreedKeys::Sdes { .. } => false,
        };
        self.web || self.agreed.as_deref().is_some_and(dtls)
    }

    /// Whether nothing but plain packets on two ports was or will be agreed on: such a leg may exchange audio
    /// directly.
    pub(crate) fn is_plain(&self) -> bool {
        let agreed = self
            .agreed
            .as_ref()
            .is_none_or(|agreed| agreed.keys == AgreedKeys::None);
        agreed && !self.web && matches!(self.sdes, Sdes::Never | Sdes::Accepted)
    }

    /// Takes the peer's offer or answer. After an error everything is as before.
    pub(crate) fn hear(&mut self, said: Said, sdp: &SessionDescription) -> Result<(), Unfit> {
        if sdp.is_fax() {
            return self.hear_fax();
        }
        let profile = sdp.profile().ok_or(Unfit)?;
        let keys = match said {
            Said::Offer => self.keys_of_offer(profile, sdp)?,
            Said::Answer => self.keys_of_answer(profile, sdp)?,
        };
        self.agreed = Some(Box::new(Agreed {
            profile,
            rtcp_mux: sdp.rtcp_mux(),
            keys,
        }));
        Ok(())
    }

    /// Fax has no keys, and what was agreed for audio waits until there is audio again.
    fn hear_fax(&self) -> Result<(), Unfit> {
        let required = matches!(self.sdes, Sdes::Required | Sdes::Exposed);
        let plain = self
            .agreed
            .as_ref()
            .is_none_or(|agreed| agreed.keys == AgreedKeys::None && !agreed.rtcp_mux);
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
        self.dress(said).map(Some)
    }

    /// Takes the peer's offer; one that has the same audio plain as well is taken so if it cannot be otherwise.
    pub(crate) fn hear_offer(&mut self, offer: &mut SessionDescription) -> Result<(), Unfit> {
        match self.hear(Said::Offer, offer) {
            Err(Unfit) if offer.reject_secure_audio() => self.hear(Said::Offer, offer),
            other => other,
        }
    }

    fn keys_of_offer(
        &mut self,
        profile: Profile,
        sdp: &SessionDescription,
    ) -> Result<AgreedKeys, Unfit> {
        if means_dtls(profile, sdp) {
            return self.dtls(sdp);
        }
        let line = match self.sdes {
            Sdes::Never | Sdes::Exposed => None,
            Sdes::Accepted | Sdes::Offered | Sdes::Required => sdp.cryptos().into_iter().next(),
        };
        let Some(line) = line else {
            return self.plain(profile);
        };
        let suite = line.key.suite();
        if self.agreed_suite().is_some_and(|before| before != suite) {
            self.generation += 1;
        }
        let ours = Crypto {
            tag: line.tag,
            key: self.key(suite).ok_or(Unfit)?,
        };
        Ok(AgreedKeys::Sdes {
            ours,
            theirs: line.key,
        })
    }

    fn keys_of_answer(
        &self,
        profile: Profile,
        sdp: &SessionDescription,
    ) -> Result<AgreedKeys, Unfit> {
        let offered = match self.offer().map_err(|_| Unfit)?.keys {
            Keys::None => return self.plain(profile),
            Keys::Dtls(_) => return self.dtls(sdp),
            Keys::Sdes(offered) => offered,
        };
        let answered = sdp.cryptos().into_iter().find_map(|line| {
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

    fn dtls(&self, sdp: &SessionDescription) -> Result<AgreedKeys, Unfit> {
        let peer = sdp.web_peer().ok_or(Unfit)?;
        if self.fingerprint.is_none() {
            return Err(Unfit);
        }
        let side = DtlsSide {
            ours: self.ice(),
            setup: peer.setup.beside(),
            peer,
        };
        Ok(AgreedKeys::Dtls {
            side: Box::new(side),
            mid: sdp.mid().map(str::to_owned),
            bundle: sdp.is_bundled(),
        })
    }

    fn agreed_suite(&self) -> Option<SrtpSuite> {
        match &self.agreed.as_ref()?.keys {
            AgreedKeys::Sdes { ours, .. } => Some(ours.key.suite()),
            AgreedKeys::None | AgreedKeys::Dtls { .. } => None,
        }
    }

    /// What our description says on this leg.
    pub(crate) fn dress(&self, said: Said) -> Result<Dress, &'static str> {
        match said {
            Said::Offer => self.offer(),
            Said::Answer => self.answer().ok_or("nothing to answer"),
        }
    }

    fn offer(&self) -> Result<Dress, &'static str> {
        if let Some(agreed) = &self.agreed {
            return Ok(Dress {
                profile: agreed.profile,
                rtcp_mux: agreed.rtcp_mux,
                keys: self.keys_said(&agreed.keys, Said::Offer),
            });
        }
        let keys = |profile, keys| Dress {
            profile,
            rtcp_mux: false,
            keys,
        };
        if self.web {
            let web = self.web_dress(Setup::ActPass, (Some("0".to_owned()), true));
            let web = web.ok_or("this switch has no certificate for audio")?;
            return Ok(Dress {
                profile: Profile::DtlsSavpf,
                rtcp_mux: true,
                keys: Keys::Dtls(Box::new(web)),
            });
        }
        match self.sdes {
            Sdes::Never | Sdes::Accepted => Ok(keys(Profile::Avp, Keys::None)),
            Sdes::Offered => Ok(keys(Profile::Avp, self.lines())),
            Sdes::Required => Ok(keys(Profile::Savp, self.lines())),
            Sdes::Exposed => Err("its SRTP keys would travel in clear"),
        }
    }

    fn lines(&self) -> Keys {
        let line = |(tag, suite)| {
            Some(Crypto {
                tag,
                key: self.key(suite)?,
            })
        };
        Keys::Sdes((1..).zip(SrtpSuite::OFFERED).filter_map(line).collect())
    }

    fn answer(&self) -> Option<Dress> {
        let agreed = self.agreed.as_ref()?;
        Some(Dress {
            profile: agreed.profile,
            rtcp_mux: agreed.rtcp_mux,
            keys: self.keys_said(&agreed.keys, Said::Answer),
        })
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
                let web = self.web_dress(setup, (mid.clone(), *bundle));
                web.map_or(Keys::None, |web| Keys::Dtls(Box::new(web)))
            }
        }
    }

    fn web_dress(&self, setup: Setup, (mid, bundle): (Option<String>, bool)) -> Option<WebDress> {
        Some(WebDress {
            fingerprint: self.fingerprint.as_deref()?.clone(),
            setup,
            ice: self.ice(),
            mid,
            bundle,
        })
    }

    /// For the relay: how the leg's packets travel.
    pub(crate) fn transport(&self) -> (Protection, bool) {
        let Some(agreed) = &self.agreed else {
            return (Protection::Plain, false);
        };
        let protection = match &agreed.keys {
            AgreedKeys::None => Protection::Plain,
            AgreedKeys::Sdes { ours, theirs } => Protection::Sdes(Box::new(SdesKeys {
                ours: ours.key.clone(),
                theirs: theirs.clone(),
            })),
            AgreedKeys::Dtls { side, .. } => Protection::Dtls(side.clone()),
        };
        (protection, agreed.rtcp_mux)
    }

    fn key(&self, suite: SrtpSuite) -> Option<SrtpKey> {
        let number = SrtpSuite::ALL.iter().position(|known| *known == suite)?;
        let mut bytes = vec![0; suite.key_bytes() + suite.salt_bytes()];
        self.stream(number as u64).fill_bytes(&mut bytes);
        SrtpKey::new(suite, bytes)
    }

    fn ice(&self) -> IceCredentials {
        let mut bytes = [0; ICE_CHARS.0 + ICE_CHARS.1];
        self.stream(ICE_STREAM).fill_bytes(&mut bytes);
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

    fn stream(&self, number: u64) -> ChaCha12Rng {
        let mut rng = ChaCha12Rng::from_seed(self.secret);
        rng.set_stream(self.generation * GENERATION + number);
        rng
    }
}

/// Browsers of old wrote `RTP/SAVPF` and a fingerprint.
fn means_dtls(profile: Profile, sdp: &SessionDescription) -> bool {
    match profile {
        Profile::DtlsSavp | Profile::DtlsSavpf => true,
        Profile::Savp | Profile::Savpf => sdp.cryptos().is_empty() && sdp.web_peer().is_some(),
        Profile::Avp | Profile::Avpf => false,
    }
}
