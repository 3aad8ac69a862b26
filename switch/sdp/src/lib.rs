//! Audio, described: SDP kept line by line, offer and answer, and the relay's commands and reports.
//!
//! A description comes in as the bytes of a SIP body, is asked for its audio (address, direction, codecs),
//! edited, and goes out as bytes; lines nobody here understands pass through untouched. The relay's commands and
//! reports are plain values, so that the call core can speak to the relay threads without knowing them.
//!
//! Must not know sockets, threads, clocks or SIP.

mod answer;
mod codec;
mod connection;
pub mod convert;
pub mod dress;
mod media_line;
pub mod play;
mod profile;
pub mod quality;
pub mod relay;
mod rewrite;
pub mod sdes;
pub mod session;
pub mod web;

pub use codec::Codec;
pub use convert::{Conversion, DigitMode, LegCodecs};
pub use dress::Dress;
pub use play::{PlayEnd, PlayOrder, Sound, Tone};
pub use profile::Profile;
pub use relay::{
    Counters, Digit, Latch, Protection, RecordingOrder, RelayCommand, RelayId, RelayReport, Side,
    Stream,
};
pub use rewrite::Origin;
pub use session::{Direction, Medium, SdpError, SessionDescription};
