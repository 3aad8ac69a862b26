//! Putting a leg's own transport on a description that was pointed at our relay.
//!
//! [`rewrite`](SessionDescription::rewrite) leaves plain media without keys or ways; what the leg's peer needs
//! beside that (profile, `a=crypto`, or a whole WebRTC line) is added here.

use crate::{
    media_line::MediaLine,
    profile::Profile,
    sdes::Crypto,
    session::{Medium, SessionDescription},
    web::{Fingerprint, IceCredentials, Setup},
};

/// What a media line of a leg is to say of its transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dress {
    /// The media line's protocol: that of the offer in an answer.
    pub profile: Profile,
    /// `a=rtcp-mux`.
    pub rtcp_mux: bool,
    /// The keys.
    pub keys: Keys,
}

/// Where the keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// There are none.
    None,
    /// `a=crypto` lines: one in an answer, several in an offer.
    Sdes(Vec<Crypto>),
    /// A DTLS handshake.
    Dtls(Box<WebDress>),
}

/// Our side of a browser's media line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebDress {
    /// Of our certificate.
    pub fingerprint: Fingerprint,
    /// Our part in the handshake.
    pub setup: Setup,
    /// What our answers to connectivity checks are made with; None for a peer that makes none.
    pub ice: Option<IceCredentials>,
    /// The line's name, if the offer named it; ours in an offer.
    pub mid: Option<String>,
    /// Whether the offer had a BUNDLE group; ours has one, of the audio line alone: video has a port and a handshake of
    /// its own (RFC 8843 section 7.3.3).
    pub bundle: bool,
}

/// Attributes that speak of a browser's own streams and header extensions: the other leg is not shown them.
const WEB_ONLY: &[&str] = &[
    "bundle-only",
    "extmap",
    "extmap-allow-mixed",
    "mid",
    "msid",
    "msid-semantic",
    "rid",
    "rtcp-rsize",
    "simulcast",
    "ssrc",
    "ssrc-group",
];

impl SessionDescription {
    /// Dresses a medium's line of a rewritten description for its leg. Nothing happens where that is not live.
    pub fn dress(&mut self, medium: Medium, dress: &Dress) {
        let Some(profile) = self.profile(medium) else {
            return;
        };
        if profile != dress.profile {
            self.set_profile(medium, dress.profile);
        }
        // Pictures need feedback, and phones take it under any profile.
        if medium == Medium::Audio && !dress.profile.has_feedback() {
            self.drop_attributes(medium, &["rtcp-fb"]);
        }
        let mut lines = Vec::new();
        match &dress.keys {
            Keys::None => {}
            Keys::Sdes(cryptos) => {
                lines.extend(
                    cryptos
                        .iter()
                        .map(|line| format!("a=crypto:{}", line.print())),
                );
            }
            Keys::Dtls(web) => self.dress_web(medium, (web, dress.rtcp_mux), &mut lines),
        }
        if dress.rtcp_mux {
            lines.push("a=rtcp-mux".to_owned());
            self.drop_attributes(medium, &["rtcp"]);
        }
        if let Some(section) = self.section_of(medium) {
            self.insert_lines(section.end, &lines);
        }
    }

    fn dress_web(
        &mut self,
        medium: Medium,
        (web, rtcp_mux): (&WebDress, bool),
        lines: &mut Vec<String>,
    ) {
        self.drop_attributes(medium, &["mid"]);
        if let Some(mid) = &web.mid {
            lines.push(format!("a=mid:{mid}"));
        }
        if medium == Medium::Audio {
            let mut session = Vec::new();
            session.extend(web.ice.as_ref().map(|_| "a=ice-lite".to_owned()));
            session.extend(
                web.mid
                    .as_ref()
                    .filter(|_| web.bundle)
                    .map(|mid| format!("a=group:BUNDLE {mid}")),
            );
            let at = self.session_end();
            self.insert_lines(at, &session);
        }
        if let Some(ice) = &web.ice {
            lines.push(format!("a=ice-ufrag:{}", ice.ufrag));
            lines.push(format!("a=ice-pwd:{}", ice.pwd));
        }
        lines.push(format!("a=fingerprint:{}", web.fingerprint));
        lines.push(format!("a=setup:{}", web.setup.as_str()));
        if let Some(target) = self.target_of(medium).filter(|_| web.ice.is_some()) {
            // RFC 8445 section 5.1.2.1: host candidates, of the second component where RTCP has a port of its own.
            let components = if rtcp_mux { 1..=1 } else { 1..=2u16 };
            for component in components {
                let priority = (126 << 24) + (65_535 << 8) + (256 - u32::from(component));
                let port = target.port().saturating_add(component - 1);
                let place = format!("{} {port}", target.ip());
                lines.push(format!(
                    "a=candidate:1 {component} udp {priority} {place} typ host"
                ));
            }
            lines.push("a=end-of-candidates".to_owned());
        }
    }

    pub(crate) fn set_profile(&mut self, medium: Medium, profile: Profile) {
        let Some(start) = self.section_of(medium).map(|section| section.start) else {
            return;
        };
        let line = self.media_line(start).map(|line| {
            format!(
                "m={} {} {} {}",
                line.kind,
                line.port,
                profile.as_str(),
                line.formats
            )
        });
        if let Some(line) = line {
            self.replace_line(start, &line);
        }
    }

    /// Rejects the secured lines of a medium, for a peer that offered the same plain as well. False, and nothing is
    /// changed, if no live line of it would be left.
    pub fn reject_secure(&mut self, medium: Medium) -> bool {
        let lines = self.lines_of(medium);
        if lines.iter().all(|(_, profile)| profile.is_secure()) {
            return false;
        }
        for (start, _) in lines.iter().filter(|(_, profile)| profile.is_secure()) {
            self.reject(*start);
        }
        true
    }

    /// Rejects all video.
    pub fn reject_video(&mut self) {
        for (start, _) in self.lines_of(Medium::Video) {
            self.reject(start);
        }
    }

    /// Where the live lines of a medium stand.
    fn lines_of(&self, medium: Medium) -> Vec<(usize, Profile)> {
        let is_of = |line: &MediaLine<'_>| match medium {
            Medium::Audio => line.is_relayable_audio(),
            Medium::Video => line.is_relayable_video(),
        };
        self.media_starts()
            .filter_map(|start| {
                let line = self.media_line(start).filter(is_of)?;
                Some((start, Profile::of_name(line.profile)?))
            })
            .collect()
    }

    fn reject(&mut self, start: usize) {
        let line = self
            .media_line(start)
            .map(|line| line.print_with(0, line.formats));
        self.replace_line(start, &line.unwrap_or_default());
    }

    /// Takes out what only a browser's own streams need.
    pub(crate) fn drop_web_only(&mut self, medium: Medium) {
        self.drop_attributes(medium, WEB_ONLY);
    }

    /// Takes attributes out of the session part and a medium's section.
    pub(crate) fn drop_attributes(&mut self, medium: Medium, names: &[&str]) {
        let Some(section) = self.section_of(medium) else {
            return;
        };
        let dropped: Vec<usize> = (0..self.session_end())
            .chain(section)
            .filter(|index| {
                self.attribute(*index)
                    .is_some_and(|(name, _)| names.contains(&name))
            })
            .collect();
        for index in dropped.into_iter().rev() {
            self.lines.remove(index);
        }
    }

    pub(crate) fn insert_lines(&mut self, at: usize, lines: &[String]) {
        for (offset, line) in lines.iter().enumerate() {
            self.push_line(line.as_bytes());
            if let Some(span) = self.lines.pop() {
                self.lines.insert((at + offset).min(self.lines.len()), span);
            }
        }
    }
}
