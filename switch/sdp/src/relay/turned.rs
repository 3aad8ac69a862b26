//! A relay whose A side is its call's B side: what is said to it and what it says, seen from the other end.

use super::{RecordingOrder, RelayCommand, RelayReport};

impl RelayCommand {
    /// The same for the other side of each side spoken of. An [`RelayCommand::Open`] makes the sides, so it stays.
    #[must_use]
    pub fn turned(mut self) -> Self {
        match &mut self {
            Self::SetTransport { side, .. }
            | Self::SetTarget { side, .. }
            | Self::SetConversion { side, .. }
            | Self::PlayDigit { side, .. }
            | Self::Play { side, .. }
            | Self::StopPlaying { side, .. } => *side = side.other(),
            Self::SetRecording { recording, .. } => {
                if let Some(RecordingOrder { a, b, .. }) = recording.as_deref_mut() {
                    std::mem::swap(a, b);
                }
            }
            Self::Open { .. }
            | Self::SetStream { .. }
            | Self::SetHold { .. }
            | Self::Close { .. } => {}
        }
        self
    }
}

impl RelayReport {
    /// The same of the other side of each side spoken of.
    #[must_use]
    pub fn turned(mut self) -> Self {
        match &mut self {
            Self::Opened { a_port, b_port, .. } => std::mem::swap(a_port, b_port),
            Self::Started { side, .. } | Self::Pressed { side, .. } | Self::Played { side, .. } => {
                *side = side.other();
            }
            Self::Progress { a, b, .. } | Self::Closed { a, b, .. } => std::mem::swap(a, b),
            Self::Refused { .. } | Self::RecordingFailed { .. } | Self::Inactive { .. } => {}
        }
        self
    }
}
