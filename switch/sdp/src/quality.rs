//! How a leg's audio would be judged by those who hear it: the E-model of ITU-T G.107, cut down to what a relay
//! can measure.
//!
//! `R = 93.2 - Id - Ie,eff`. Delay impairment by Cole and Rosenbluth ("Voice over IP Performance Monitoring",
//! 2001, equation 3), loss by G.107 section 3.5 with random losses, equipment values by G.113 Appendix I, the
//! mean opinion score by G.107 Annex B. Wideband codecs stand on the narrowband scale, which has no better.

/// What the network did to one direction of a leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transit {
    /// Packets that arrived.
    pub packets: u64,
    /// Packets that did not.
    pub lost: u64,
    /// Interarrival jitter, microseconds.
    pub jitter_us: u32,
    /// There and back, microseconds; 0 if not known.
    pub round_trip_us: u32,
}

/// Fewer packets say nothing.
const LEAST_PACKETS: u64 = 50;
/// R of a call without fault, by the defaults of G.107.
const BASE: f64 = 93.2;
/// A packet's audio and a codec's look-ahead, milliseconds.
const PACKET_MS: f64 = 25.0;
/// The shortest playout buffer phones keep, milliseconds.
const BUFFER_MS: f64 = 20.0;

/// Equipment impairment and robustness against loss (Ie and Bpl of G.113 Appendix I) by codec; what is not listed
/// there (Opus, G.722) is taken as G.711 with concealment, unknown names as G.729.
fn equipment(codec: &str) -> (f64, f64) {
    match codec {
        "pcmu" | "pcma" | "g722" | "opus" | "l16" => (0.0, 25.1),
        "g723" => (15.0, 16.1),
        "gsm" => (20.0, 10.0),
        "ilbc" => (11.0, 32.0),
        _ => (11.0, 19.0),
    }
}

/// The estimated mean opinion score in hundredths, 100 to 441; None below 50 packets.
#[must_use]
pub fn mos_x100(codec: &str, transit: Transit) -> Option<u16> {
    if transit.packets < LEAST_PACKETS {
        return None;
    }
    let ms = |us: u32| f64::from(us) / 1_000.0;
    let buffer_ms = BUFFER_MS.max(2.0 * ms(transit.jitter_us));
    let delay_ms = ms(transit.round_trip_us) / 2.0 + PACKET_MS + buffer_ms;
    let late = (delay_ms - 177.3).max(0.0);
    let delayed = 0.024 * delay_ms + 0.11 * late;
    let loss = 100.0 * transit.lost as f64 / (transit.lost + transit.packets) as f64;
    let (equipment, robust) = equipment(codec);
    let damaged = equipment + (95.0 - equipment) * loss / (loss + robust);
    Some(score(BASE - delayed - damaged))
}

/// G.107 Annex B.
fn score(rating: f64) -> u16 {
    let r = rating.clamp(0.0, 100.0);
    let mos = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7.0e-6;
    (mos.clamp(1.0, 4.5) * 100.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::{Transit, mos_x100};

    #[test]
    fn scores() {
        for (codec, packets, lost, jitter_ms, round_trip_ms, least, most) in [
            ("pcmu", 5_000, 0, 0, 0, 438, 441),
            ("pcma", 5_000, 0, 2, 40, 436, 441),
            ("pcma", 4_950, 50, 5, 60, 425, 440),
            ("pcma", 4_750, 250, 5, 60, 360, 410),
            ("pcma", 4_000, 1_000, 10, 60, 200, 290),
            ("pcma", 5_000, 0, 5, 600, 340, 346),
            ("pcma", 5_000, 0, 5, 1_600, 100, 230),
            ("g729", 5_000, 0, 2, 40, 400, 420),
            ("g729", 4_750, 250, 2, 40, 320, 365),
            ("gsm", 5_000, 0, 2, 40, 360, 385),
            ("pcma", 10, 90_000, 900, 9_000, 0, 0),
            ("pcma", 100, 90_000, 900, 9_000, 100, 100),
        ] {
            let transit = Transit {
                packets,
                lost,
                jitter_us: jitter_ms * 1_000,
                round_trip_us: round_trip_ms * 1_000,
            };
            let found = mos_x100(codec, transit).unwrap_or(0);
            assert!(
                (least..=most).contains(&found),
                "{codec} {transit:?}: {found}"
            );
        }
    }
}
