//! How a media line says its packets travel: RFC 3551, 4585, 3711, 5124, 5764.

use crate::session::{Medium, SessionDescription};

/// The transport protocol of a media line the relay can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `RTP/AVP`: plain, unless it carries keys all the same, as some phones do.
    Avp,
    /// `RTP/AVPF`: the same with feedback.
    Avpf,
    /// `RTP/SAVP`: keys by `a=crypto`.
    Savp,
    /// `RTP/SAVPF`: the same with feedback; old browsers mean DTLS by it.
    Savpf,
    /// `UDP/TLS/RTP/SAVP`: keys by a DTLS handshake.
    DtlsSavp,
    /// `UDP/TLS/RTP/SAVPF`: what browsers say.
    DtlsSavpf,
}

impl Profile {
    const ALL: [Self; 6] = [
        Self::Avp,
        Self::Avpf,
        Self::Savp,
        Self::Savpf,
        Self::DtlsSavp,
        Self::DtlsSavpf,
    ];

    /// As the media line writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Avp => "RTP/AVP",
            Self::Avpf => "RTP/AVPF",
            Self::Savp => "RTP/SAVP",
            Self::Savpf => "RTP/SAVPF",
            Self::DtlsSavp => "UDP/TLS/RTP/SAVP",
            Self::DtlsSavpf => "UDP/TLS/RTP/SAVPF",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether feedback attributes (RFC 4585) belong to it.
    #[must_use]
    pub fn has_feedback(self) -> bool {
        match self {
            Self::Avpf | Self::Savpf | Self::DtlsSavpf => true,
            Self::Avp | Self::Savp | Self::DtlsSavp => false,
        }
    }

    /// Whether packets without protection are no part of it.
    #[must_use]
    pub fn is_secure(self) -> bool {
        match self {
            Self::Avp | Self::Avpf => false,
            Self::Savp | Self::Savpf | Self::DtlsSavp | Self::DtlsSavpf => true,
        }
    }

    /// The plain profile with the same feedback.
    #[must_use]
    pub fn plain(self) -> Self {
        match self {
            Self::Avp | Self::Savp | Self::DtlsSavp | Self::Savpf | Self::DtlsSavpf => Self::Avp,
            Self::Avpf => Self::Avpf,
        }
    }
}

impl SessionDescription {
    /// The transport protocol of a medium's line; None where that is not live.
    #[must_use]
    pub fn profile(&self, medium: Medium) -> Option<Profile> {
        let start = self.section_of(medium)?.start;
        Profile::of_name(self.media_line(start)?.profile)
    }

    /// Whether the describing side takes a medium's RTCP on its RTP port (RFC 5761).
    #[must_use]
    pub fn rtcp_mux(&self, medium: Medium) -> bool {
        self.section_of(medium).is_some_and(|mut section| {
            section.any(|index| {
                self.attribute(index)
                    .is_some_and(|(name, _)| name == "rtcp-mux")
            })
        })
    }
}
