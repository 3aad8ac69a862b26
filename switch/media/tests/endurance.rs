//! Long calls, floods and phones that begin their numbers anew, on virtual time.

#[path = "rig/line.rs"]
mod line;

use line::{Line, TALK, sequences_have_no_gap};
use tandem_sdp::convert::{Conversion, Format};

#[test]
fn no_more_audio_is_coded_than_time_passes() {
    for listens in [vec![], vec![(8, Format::Pcma)]] {
        let mut line = Line::new(Conversion {
            decodes: vec![(8, Format::Pcma)],
            encodes: Some((0, Format::Pcmu)),
            listens,
            ..TALK
        });
        // 200 ms of audio every 20 ms: ten times real time, for a minute.
        for _ in 0..3_000 {
            line.take(&line.packet(8, vec![0xd5; 1_600]));
            line.step(1_600);
        }
        let seconds = line.heard.len() / 50;
        assert!((90..=95).contains(&seconds), "{seconds} seconds were coded");
        let taken = line.heard.len() as u64 / 10;
        assert_eq!(
            line.converter.excess(),
            3_000 - taken,
            "the rest is counted"
        );
        // What comes in time after that is heard again.
        for _ in 0..500 {
            line.say(8, vec![0xd5; 160]);
        }
        let before = line.heard.len();
        for _ in 0..50 {
            line.say(8, vec![0xd5; 160]);
        }
        assert_eq!(line.heard.len() - before, 50);
    }
}

/// Odd lengths, no tidy frames: time goes on as it arrived.
#[test]
fn a_stream_of_odd_packets_does_not_drift() {
    let mut line = Line::new(Conversion {
        decodes: vec![(8, Format::Pcma)],
        encodes: Some((106, Format::Opus)),
        ..TALK
    });
    let mut samples = 0;
    for at in 0..3_000usize {
        let length = 155 + at % 11;
        line.take(&line.packet(8, vec![0xd5; length]));
        line.step(length as u32);
        samples += length;
    }
    assert_eq!(line.heard.len(), samples / 160);
    sequences_have_no_gap(&line.heard);
    let (first, last) = (&line.heard[0], line.heard.last().unwrap());
    let ticks = last.timestamp.wrapping_sub(first.timestamp) as usize;
    assert_eq!(ticks, (line.heard.len() - 1) * 960);
}

/// A call whose phone begins its numbers anew again and again: it is heard to its end.
#[test]
fn a_converted_call_is_heard_to_its_end() {
    let renumbered = Conversion {
        passes: vec![(8, 96)],
        ..TALK
    };
    let coded = Conversion {
        decodes: vec![(8, Format::Pcma)],
        encodes: Some((0, Format::Pcmu)),
        ..TALK
    };
    // What passes keeps the time stamps of its source; what is coded has its own.
    for (plan, packets, leap) in [(renumbered, 300_000usize, 0), (coded, 70_000, 0x9000_0000)] {
        let mut line = Line::new(plan);
        for at in 0..packets {
            match at % 20_000 {
                // Back after a hold, counting from elsewhere.
                9_999 => line.sequence = line.sequence.wrapping_add(40_000),
                14_999 => {
                    line.sequence = line.sequence.wrapping_sub(5_000);
                    line.timestamp = line.timestamp.wrapping_add(leap);
                }
                _ => {}
            }
            line.say(8, vec![0xd5; 160]);
        }
        let anew = packets / 20_000 * 2 + 2;
        assert!(
            line.heard.len() + anew >= packets,
            "{} of {packets}",
            line.heard.len()
        );
        sequences_have_no_gap(&line.heard);
        for pair in line.heard.windows(2) {
            let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
            assert!(
                (160..=480).contains(&ticks),
                "{ticks} at {}",
                pair[1].sequence
            );
        }
    }
}
