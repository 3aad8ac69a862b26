//! Sounds in one direction's converter on virtual time: their pace, their numbers, and what else is heard beside them.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use tandem_media::convert::{Converter, Source, codec::Decoder};
use tandem_sdp::{
    PlayEnd, PlayOrder, Sound, Tone,
    convert::Format,
    play::{Pause, Talk, Until},
    relay::Digit,
};

const PCMU: u8 = 0;
const EVENT: u8 = 101;
const SECOND: Tone = Tone {
    hz: [1_000, 0],
    cadence: [(1_000, 0), (0, 0)],
    pause: Pause::Silence,
};

/// A packet that left, and when.
#[derive(Clone, Debug)]
struct Left {
    at_us: u64,
    number: u8,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    payload: Vec<u8>,
}

struct Line {
    converter: Converter,
    now_us: u64,
    left: Vec<Left>,
}

fn order(tone: Tone, until: Until, talk: Talk, codec: (u8, Format)) -> PlayOrder {
    PlayOrder {
        sound: Sound::Tone(tone),
        until,
        talk,
        codec,
        events: vec![EVENT],
    }
}

impl Line {
    fn new() -> Self {
        Self {
            converter: Converter::passing(0x1234_5678_9abc_def0),
            now_us: 1_000_000,
            left: Vec::new(),
        }
    }

    fn play(&mut self, tone: Tone, until: Until, talk: Talk) {
        self.play_in(tone, until, talk, (PCMU, Format::Pcmu));
    }

    fn play_in(&mut self, tone: Tone, until: Until, talk: Talk, codec: (u8, Format)) {
        let order = order(tone, until, talk, codec);
        self.converter
            .play_sound(order, Source::Tone(tone), self.now_us);
    }

    fn note(&mut self, out: &[Vec<u8>]) {
        for packet in out {
            self.left.push(Left {
                at_us: self.now_us,
                number: packet[1] & 0x7f,
                marker: packet[1] & 0x80 != 0,
                sequence: u16::from_be_bytes([packet[2], packet[3]]),
                timestamp: u32::from_be_bytes(packet[4..8].try_into().unwrap()),
                ssrc: u32::from_be_bytes(packet[8..12].try_into().unwrap()),
                payload: packet[12..].to_vec(),
            });
        }
    }

    /// The thread wakes up so late, if anything is due by then.
    fn wake(&mut self, at_us: u64) {
        self.now_us = at_us;
        if self
            .converter
            .due_us()
            .is_some_and(|due_us| due_us <= at_us)
        {
            let mut out = Vec::new();
            self.converter.tick(at_us, &mut out);
            self.note(&out);
        }
    }

    /// Wakes up whenever something is due.
    fn run(&mut self, until_us: u64) {
        while let Some(due_us) = self.converter.due_us().filter(|due_us| *due_us <= until_us) {
            self.wake(due_us.max(self.now_us));
        }
        self.now_us = until_us;
    }

    /// A packet of the near side.
    fn say(&mut self, at: u32) {
        let mut out = Vec::new();
        let packet = packet(PCMU, (at as u16, at * 160), &[0x55; 160]);
        self.converter.take(&packet, self.now_us, &mut out);
        self.note(&out);
    }

    /// The near side talks, packet by packet, for so long.
    fn talk(&mut self, first: u32, packets: u32) {
        for at in first..first + packets {
            self.say(at);
            self.run(self.now_us + 20_000);
        }
    }

    fn made(&self) -> Vec<&Left> {
        let spoken = |left: &&Left| left.payload.iter().any(|code| *code != 0x55);
        self.left.iter().filter(spoken).collect()
    }

    /// All that left is one stream: numbers without a gap, times that never go back.
    fn assert_one_stream(&self) {
        for pair in self.left.windows(2) {
            let [before, after] = pair else { continue };
            assert_eq!(before.ssrc, after.ssrc);
            assert_eq!(after.sequence, before.sequence.wrapping_add(1), "{pair:?}");
            let ticks = after.timestamp.wrapping_sub(before.timestamp) as i32;
            assert!(ticks > 0, "{pair:?}");
        }
    }
}

fn packet(number: u8, (sequence, timestamp): (u16, u32), payload: &[u8]) -> Vec<u8> {
    [
        &[0x80, number][..],
        &sequence.to_be_bytes(),
        &timestamp.to_be_bytes(),
        &77u32.to_be_bytes(),
        payload,
    ]
    .concat()
}

#[test]
fn a_minute_is_a_minute_however_the_thread_wakes() {
    let mut line = Line::new();
    line.play(SECOND, Until::Stopped, Talk::Silenced);
    let mut late = 0u64;
    while line.now_us + 24_000 < 61_000_000 {
        // 1 to 23 ms after the last time: never by the grid.
        late = (late * 7 + 3) % 23;
        line.wake(line.now_us + 1_000 + late * 1_000);
    }
    line.wake(61_000_000);
    assert_eq!(line.left.len(), 3_001, "one each 20 ms, both ends included");
    line.assert_one_stream();
    for (at, left) in line.left.iter().enumerate() {
        let due_us = 1_000_000 + at as u64 * 20_000;
        assert!((due_us..due_us + 24_000).contains(&left.at_us), "{at}");
        let ticks = left.timestamp.wrapping_sub(line.left[0].timestamp);
        assert_eq!(ticks, at as u32 * 160);
        assert_eq!(left.marker, at == 0);
    }
}

#[test]
fn a_thread_that_was_held_up_sends_no_flood() {
    let mut line = Line::new();
    line.play(SECOND, Until::Stopped, Talk::Silenced);
    line.run(2_000_000);
    let before = line.left.len();
    line.wake(7_000_000);
    assert_eq!(line.left.len() - before, 1, "what is past is left out");
    let (last, next) = (&line.left[before - 1], &line.left[before]);
    assert!(next.marker);
    let passed = next.timestamp.wrapping_sub(last.timestamp);
    assert!(passed.abs_diff(40_000) <= 160, "its time goes on: {passed}");
    line.run(8_000_000);
    assert!((before + 51..=before + 52).contains(&line.left.len()));
}

#[test]
fn every_codec_carries_a_tone_once() {
    for format in Format::ALL {
        let mut line = Line::new();
        line.play_in(SECOND, Until::End, Talk::Silenced, (96, format));
        line.run(5_000_000);
        assert_eq!(line.left.len(), 50, "{format:?}: a second");
        assert_eq!(line.converter.take_played(), Some(PlayEnd::Ended));
        assert_eq!(line.converter.due_us(), None);
        assert!(line.left.iter().all(|left| left.number == 96));
        let (mut decoder, mut pcm) = (Decoder::new(format), Vec::new());
        for left in &line.left {
            decoder.decode(&left.payload, &mut pcm);
        }
        let middle = &pcm[pcm.len() / 4..pcm.len() / 4 * 3];
        let crossings = middle.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0);
        let hertz = crossings.count() as u32 * 2;
        assert!((980..=1_020).contains(&hertz), "{format:?}: {hertz} Hz");
    }
}

#[test]
fn a_beep_takes_its_place_in_the_talk_and_leaves_one_stream() {
    let mut line = Line::new();
    line.talk(65_500, 10);
    line.play(Tone::RECORDED, Until::Stopped, Talk::Silenced);
    line.talk(65_510, 1_600);
    line.assert_one_stream();
    let made = line.made();
    assert_eq!(made.len(), 3 * 25, "half a second, at 0, 15 and 30 s");
    assert_eq!(made.iter().filter(|left| left.marker).count(), 3);
    let spoken = line.left.len() - made.len();
    assert!((1_610 - 78..=1_610 - 74).contains(&spoken), "{spoken}");
}

#[test]
fn music_gives_way_to_whoever_sends_his_own() {
    let mut line = Line::new();
    line.play(SECOND, Until::Stopped, Talk::First);
    line.talk(1, 50);
    assert_eq!(line.made().len(), 0, "its own music passes");
    line.run(line.now_us + 1_000_000);
    let heard = line.made().len();
    assert!(
        (28..=33).contains(&heard),
        "after 400 ms of silence: {heard}"
    );
    line.assert_one_stream();
    line.talk(51, 50);
    assert_eq!(line.made().len(), heard);
}

#[test]
fn a_phone_whose_clock_stood_still_on_hold_is_heard_after_it() {
    let mut line = Line::new();
    line.talk(1, 10);
    line.play(SECOND, Until::Stopped, Talk::First);
    line.run(line.now_us + 60_000_000);
    line.converter.stop_sound();
    // Its numbers go on where they stopped a minute ago.
    line.talk(11, 10);
    line.assert_one_stream();
    assert_eq!(line.left.last().unwrap().payload, [0x55; 160]);
}

#[test]
fn a_source_that_changes_meanwhile_begins_a_stream_of_its_own() {
    let mut line = Line::new();
    line.play(SECOND, Until::Stopped, Talk::Silenced);
    line.run(1_500_000);
    line.say(500);
    line.run(2_000_000);
    let own = line.left.iter().filter(|left| left.ssrc == 77);
    let own: Vec<_> = own.collect();
    assert!(own[0].marker && own[0].sequence == 500, "{:?}", own[0]);
    assert!(own[0].timestamp.wrapping_sub(80_000) <= 320);
}

#[test]
fn a_key_of_the_far_side_ends_what_waits_for_one() {
    let press = packet(EVENT, (9, 9), &[5, 10, 3, 32]);
    for (until, ends) in [(Until::Digit, true), (Until::End, false)] {
        let mut line = Line::new();
        line.play(SECOND, until, Talk::Silenced);
        line.run(1_200_000);
        line.converter.far_sent(&packet(PCMU, (8, 8), &[0x55; 160]));
        assert_eq!(line.converter.take_played(), None, "talk ends nothing");
        line.converter.far_sent(&press);
        let end = line.converter.take_played();
        let digit = Digit::new('5', 100).unwrap();
        assert_eq!(end, ends.then_some(PlayEnd::Digit(digit)));
        assert_eq!(line.converter.due_us().is_none(), ends);
    }
    let mut line = Line::new();
    line.play(SECOND, Until::Digit, Talk::Silenced);
    line.converter.far_pressed(Digit::new('#', 100).unwrap());
    assert!(matches!(line.converter.take_played(), Some(PlayEnd::Digit(key)) if key.key() == '#'));
}

#[test]
fn a_file_is_waited_for_and_its_fault_told() {
    let mut line = Line::new();
    let place = tandem_media::sounds::Place::default();
    let wanted = |line: &mut Line| {
        let order = order(SECOND, Until::End, Talk::Silenced, (PCMU, Format::Pcmu));
        let source = Source::File(place.clone());
        line.converter.play_sound(order, source, line.now_us);
    };
    wanted(&mut line);
    line.run(line.now_us + 1_000_000);
    assert_eq!(line.converter.take_played(), None);
    place.set(Err("a.wav: is no file".into())).unwrap();
    line.run(line.now_us + 100_000);
    let Some(PlayEnd::Failed(reason)) = line.converter.take_played() else {
        panic!("told");
    };
    assert_eq!(reason, "a.wav: is no file");
    let mut line = Line::new();
    let order = order(SECOND, Until::End, Talk::Silenced, (PCMU, Format::Pcmu));
    let never = Source::File(tandem_media::sounds::Place::default());
    line.converter.play_sound(order, never, line.now_us);
    line.run(line.now_us + 6_000_000);
    assert!(
        matches!(line.converter.take_played(), Some(PlayEnd::Failed(_))),
        "in the end"
    );
}
