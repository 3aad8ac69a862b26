//! One direction's converter on virtual time: real packets in, real packets out.
#![allow(clippy::unwrap_used)] // a test fails by panicking

#[path = "rig/line.rs"]
mod line;

use line::{Line, Rtp, TALK, sequences_have_no_gap};
use tandem_media::convert::codec::{Decoder, Encoder};
use tandem_sdp::{
    convert::{Conversion, DigitsTo, Format},
    relay::Digit,
};

/// Keys of the events heard, each told from the next by its time stamp, with the duration of its end.
fn events_of(heard: &[Rtp], number: u8) -> Vec<(u8, u16)> {
    let mut told: Vec<(u32, u8, u16)> = Vec::new();
    for packet in heard.iter().filter(|packet| packet.number == number) {
        let duration = u16::from_be_bytes([packet.payload[2], packet.payload[3]]);
        match told.iter_mut().find(|(at, ..)| *at == packet.timestamp) {
            Some(known) => known.2 = known.2.max(duration),
            None => {
                assert!(packet.marker, "the first of an event bears the mark");
                told.push((packet.timestamp, packet.payload[0], duration));
            }
        }
    }
    told.into_iter()
        .map(|(_, code, ticks)| (code, ticks))
        .collect()
}

#[test]
fn payload_types_are_renumbered_and_nothing_else() {
    let mut line = Line::new(Conversion {
        passes: vec![(97, 106)],
        events: vec![(101, 8_000)],
        digits: DigitsTo::Events {
            number: 96,
            clock_rate: 8_000,
        },
        ..TALK
    });
    for at in 0..5 {
        line.say(97, vec![at; 40]);
    }
    line.press(101, 5, 4);
    line.say(97, vec![9; 40]);
    let numbers: Vec<u8> = line.heard.iter().map(|packet| packet.number).collect();
    assert_eq!(
        numbers,
        [106, 106, 106, 106, 106, 96, 96, 96, 96, 96, 96, 96, 106]
    );
    assert_eq!(line.heard[0].sequence, 65_530, "numbers stay the sender's");
    assert_eq!(line.heard[0].timestamp, u32::MAX - 1_000);
    sequences_have_no_gap(&line.heard[..6]);
    assert_eq!(events_of(&line.heard, 96), [(5, 800)]);
    assert_eq!(line.pressed, []);
}

#[test]
fn events_go_to_the_core_once_each_and_leave_no_gap() {
    let mut line = Line::new(Conversion {
        passes: vec![(8, 8)],
        events: vec![(101, 8_000)],
        digits: DigitsTo::Core,
        ..TALK
    });
    for code in [1, 1, 11] {
        line.say(8, vec![0xd5; 160]);
        line.press(101, code, 5);
    }
    line.say(8, vec![0xd5; 160]);
    assert_eq!(line.pressed, [('1', 120), ('1', 120), ('#', 120)]);
    assert_eq!(line.heard.len(), 4);
    sequences_have_no_gap(&line.heard);
}

#[test]
fn digits_of_the_core_become_events_even_in_silence() {
    let mut line = Line::new(Conversion {
        passes: vec![(8, 8)],
        digits: DigitsTo::Events {
            number: 101,
            clock_rate: 8_000,
        },
        ..TALK
    });
    for (key, ms) in [('4', 100), ('4', 60), ('D', 250)] {
        line.converter
            .play(Digit::new(key, ms).unwrap(), line.now_us);
    }
    line.pass_time(60);
    assert_eq!(
        events_of(&line.heard, 101),
        [(4, 800), (4, 480), (15, 2_000)]
    );
    sequences_have_no_gap(&line.heard);
    let ends = line
        .heard
        .iter()
        .filter(|packet| packet.payload[1] & 0x80 != 0);
    assert_eq!(ends.count(), 9, "three ends each");
    let before = line.heard.len();
    line.say(8, vec![0xd5; 160]);
    assert_eq!(
        line.heard[before].sequence, 65_530,
        "a stream that arrives is followed"
    );
    assert_eq!(line.converter.due_us(), None);
}

#[test]
fn audio_waits_while_an_event_is_sent() {
    let mut line = Line::new(Conversion {
        passes: vec![(8, 8)],
        digits: DigitsTo::Events {
            number: 101,
            clock_rate: 8_000,
        },
        ..TALK
    });
    line.say(8, vec![1; 160]);
    line.converter
        .play(Digit::new('7', 80).unwrap(), line.now_us);
    for _ in 0..20 {
        line.say(8, vec![1; 160]);
    }
    assert_eq!(events_of(&line.heard, 101), [(7, 640)]);
    sequences_have_no_gap(&line.heard);
    let first = line
        .heard
        .iter()
        .position(|packet| packet.number == 101)
        .unwrap();
    let events = line.heard[first..]
        .iter()
        .take_while(|packet| packet.number == 101);
    assert_eq!(
        events.count(),
        6,
        "four of the press, the last one three times, and no audio between"
    );
}

#[test]
fn tones_are_made_and_found_again() {
    for format in Format::ALL {
        let mut made = Line::new(Conversion {
            passes: vec![(8, 8)],
            encodes: Some((8, format)),
            digits: DigitsTo::Tones,
            ..TALK
        });
        for key in "159#".chars() {
            made.converter
                .play(Digit::new(key, 120).unwrap(), made.now_us);
        }
        made.pass_time(60);
        sequences_have_no_gap(&made.heard);
        let mut found = Line::new(Conversion {
            passes: vec![(8, 8)],
            listens: vec![(8, format)],
            digits: DigitsTo::Core,
            ..TALK
        });
        let mut at_us = None;
        for packet in &made.heard {
            // As far apart as they were sent.
            let ticks = packet.timestamp.wrapping_sub(made.heard[0].timestamp);
            let sent_us = 1_000_000 + u64::from(ticks) * 1_000_000 / u64::from(format.clock_rate());
            while found.now_us + 20_000 <= sent_us {
                found.step(160);
            }
            at_us = Some(sent_us);
            found.take(packet);
        }
        assert!(at_us.is_some());
        for _ in 0..20 {
            found.step(160);
        }
        let keys: String = found.pressed.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, "159#", "{format:?}");
        // Decoders that adapt, and Opus at a speech rate, blur where a tone begins.
        let least = match format {
            Format::Pcmu | Format::Pcma => 100,
            Format::G722 | Format::G729 | Format::Opus => 40,
        };
        for (_, ms) in &found.pressed {
            assert!((least..=140).contains(ms), "{format:?} lasted {ms} ms");
        }
        let leaked = found.heard.len();
        assert!(
            leaked <= 8,
            "{leaked} packets with a tone passed as {format:?}"
        );
    }
}

fn tone(format: Format, packets: usize) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(format);
    let step = std::f32::consts::TAU * 1_000.0 / encoder.rate() as f32;
    let pcm: Vec<i16> = (0..encoder.frame() * packets)
        .map(|at| (8_000.0 * (step * at as f32).sin()) as i16)
        .collect();
    let frames = pcm
        .chunks(encoder.frame())
        .map(|frame| encoder.encode(frame).unwrap());
    frames.collect()
}

/// Share of 1 kHz in the second half of what the far side decodes.
fn share(format: Format, heard: &[Rtp]) -> f32 {
    let mut decoder = Decoder::new(format);
    let mut pcm = Vec::new();
    heard
        .iter()
        .for_each(|packet| decoder.decode(&packet.payload, &mut pcm));
    let pcm = &pcm[pcm.len() / 2..];
    let step = std::f32::consts::TAU * 1_000.0 / decoder.rate() as f32;
    let (mut re, mut im, mut all) = (0.0f32, 0.0f32, 1.0f32);
    for (at, sample) in pcm.iter().enumerate() {
        let (sample, phase) = (f32::from(*sample), step * at as f32);
        re += sample * phase.cos();
        im += sample * phase.sin();
        all += sample * sample;
    }
    2.0 * (re * re + im * im) / (pcm.len() as f32 * all)
}

#[test]
fn every_pair_of_codecs() {
    for from in Format::ALL {
        for to in Format::ALL.into_iter().filter(|to| *to != from) {
            let mut line = Line::new(Conversion {
                decodes: vec![(96, from)],
                encodes: Some((97, to)),
                ..TALK
            });
            for payload in tone(from, 50) {
                line.take(&line.packet(96, payload));
                line.step(from.clock_rate() / 50);
            }
            assert_eq!(line.heard.len(), 50, "{from:?} to {to:?}");
            sequences_have_no_gap(&line.heard);
            assert!(line.heard[0].marker && !line.heard[1].marker);
            for pair in line.heard.windows(2) {
                let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
                assert_eq!(ticks, to.clock_rate() / 50, "{from:?} to {to:?}");
            }
            assert!(
                line.heard
                    .iter()
                    .all(|packet| packet.number == 97 && packet.ssrc == 77)
            );
            let share = share(to, &line.heard);
            assert!(share > 0.9, "{from:?} to {to:?}: {share}");
        }
    }
}

#[test]
fn losses_are_filled_pauses_are_not() {
    let mut line = Line::new(Conversion {
        decodes: vec![(8, Format::Pcma)],
        encodes: Some((9, Format::G722)),
        ..TALK
    });
    let tone = tone(Format::Pcma, 30);
    for (at, payload) in tone[..10].iter().enumerate() {
        if !(5..7).contains(&at) {
            line.take(&line.packet(8, payload.clone()));
        }
        line.step(160);
    }
    assert_eq!(line.heard.len(), 10, "two lost packets were made up for");
    assert!(line.heard[1..].iter().all(|packet| !packet.marker));
    // Silence suppression: numbers go on, time jumps.
    line.timestamp = line.timestamp.wrapping_add(8_000);
    let before = line.heard[9].timestamp;
    line.take(&line.packet(8, tone[10].clone()));
    assert_eq!(line.heard.len(), 11);
    assert!(line.heard[10].marker, "a talk spurt begins");
    assert_eq!(line.heard[10].timestamp.wrapping_sub(before), 8_160);
    // A repeated packet and a late one say nothing new.
    line.take(&line.packet(8, tone[10].clone()));
    line.sequence = line.sequence.wrapping_sub(3);
    line.take(&line.packet(8, tone[8].clone()));
    assert_eq!(line.heard.len(), 11);
    sequences_have_no_gap(&line.heard);
}

#[test]
fn packets_of_other_lengths_are_packed_anew() {
    let mut line = Line::new(Conversion {
        decodes: vec![(8, Format::Pcma)],
        encodes: Some((18, Format::G729)),
        ..TALK
    });
    let audio: Vec<u8> = tone(Format::Pcma, 30).concat();
    for payload in audio.chunks(240) {
        line.take(&line.packet(8, payload.to_vec()));
        line.step(240);
    }
    assert_eq!(line.heard.len(), 30);
    assert!(line.heard.iter().all(|packet| packet.payload.len() == 20));
    sequences_have_no_gap(&line.heard);
    for pair in line.heard.windows(2) {
        assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), 160);
    }
}

#[test]
fn events_pass_around_the_codec() {
    let mut line = Line::new(Conversion {
        decodes: vec![(9, Format::G722)],
        encodes: Some((8, Format::Pcma)),
        events: vec![(101, 8_000)],
        digits: DigitsTo::Events {
            number: 96,
            clock_rate: 8_000,
        },
        ..TALK
    });
    let tone = tone(Format::G722, 20);
    tone[..10]
        .iter()
        .for_each(|payload| line.say(9, payload.clone()));
    line.press(101, 3, 5);
    tone[10..]
        .iter()
        .for_each(|payload| line.say(9, payload.clone()));
    assert_eq!(events_of(&line.heard, 96), [(3, 960)]);
    sequences_have_no_gap(
        &line
            .heard
            .iter()
            .filter(|p| p.number == 8)
            .cloned()
            .collect::<Vec<_>>()[..10],
    );
    let all: Vec<u16> = line.heard.iter().map(|packet| packet.sequence).collect();
    assert!(
        all.windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1)),
        "{all:?}"
    );
    // To a clock of its own they are sent anew.
    let mut line = Line::new(Conversion {
        decodes: vec![(9, Format::G722)],
        encodes: Some((106, Format::Opus)),
        events: vec![(101, 8_000)],
        digits: DigitsTo::Events {
            number: 97,
            clock_rate: 48_000,
        },
        ..TALK
    });
    line.say(9, tone[0].clone());
    line.press(101, 3, 5);
    line.pass_time(20);
    assert_eq!(events_of(&line.heard, 97), [(3, 5_760)], "120 ms at 48 kHz");
}

#[test]
fn a_change_of_plan_goes_on_with_the_numbers() {
    let pass = Conversion {
        passes: vec![(8, 8)],
        events: vec![(101, 8_000)],
        digits: DigitsTo::Core,
        ..TALK
    };
    let mut line = Line::new(pass);
    let tone = tone(Format::Pcma, 30);
    tone[..5]
        .iter()
        .for_each(|payload| line.say(8, payload.clone()));
    line.press(101, 1, 3);
    line.converter.change(Some(Conversion {
        decodes: vec![(8, Format::Pcma)],
        encodes: Some((9, Format::G722)),
        ..TALK
    }));
    tone[5..10]
        .iter()
        .for_each(|payload| line.say(8, payload.clone()));
    line.converter.change(None);
    tone[10..15]
        .iter()
        .for_each(|payload| line.say(8, payload.clone()));
    assert_eq!(line.heard.len(), 15);
    sequences_have_no_gap(&line.heard);
    assert_eq!(line.pressed, [('1', 80)]);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(200))]
    #[test]
    fn any_packets_are_survived(
        packets in proptest::collection::vec(
            (0u8..4, proptest::num::u16::ANY, proptest::num::u32::ANY,
             proptest::collection::vec(proptest::num::u8::ANY, 0..60)), 0..40,
        )
    ) {
        let mut line = Line::new(Conversion {
            passes: vec![(13, 13)],
            decodes: vec![(0, Format::Opus), (1, Format::G729)],
            encodes: Some((8, Format::Pcma)),
            events: vec![(2, 8_000)],
            listens: vec![(0, Format::Opus)],
            digits: DigitsTo::Tones,
        });
        for (number, sequence, timestamp, payload) in packets {
            line.sequence = sequence;
            line.timestamp = timestamp;
            line.say(number, payload);
        }
        line.pass_time(500);
        proptest::prop_assert!(line.heard.len() < 20_000);
    }
}

#[test]
fn reports_speak_of_the_stream_that_leaves() {
    let mut line = Line::new(Conversion {
        decodes: vec![(8, Format::Pcma)],
        encodes: Some((106, Format::Opus)),
        ..TALK
    });
    for _ in 0..50 {
        line.say(8, vec![0xd5; 160]);
    }
    let (last, octets) = (
        line.heard.last().unwrap(),
        line.heard
            .iter()
            .map(|packet| packet.payload.len())
            .sum::<usize>(),
    );
    // The phone says when the packet that comes next is due: 20 ms after the last one.
    let info = line.converter.report(77, line.timestamp).unwrap();
    assert_eq!(info.timestamp, last.timestamp.wrapping_add(960));
    assert_eq!((info.packets, info.octets as usize), (50, octets));
    // And the far side of what it was sent: 480 ticks at 48 kHz are 80 at 8 kHz.
    let received = line.converter.received(77, 480).unwrap();
    let highest = line.sequence.wrapping_sub(1);
    assert_eq!(received.jitter, 80);
    assert_eq!(
        received.highest,
        1 << 16 | u32::from(highest),
        "it has wrapped once"
    );
    assert_eq!(line.converter.report(78, 0), None, "another stream's");
    assert_eq!(line.converter.received(78, 480), None);
}
