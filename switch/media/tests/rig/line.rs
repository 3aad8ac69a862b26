//! A phone and the converter behind it on virtual time.
#![allow(clippy::unwrap_used, dead_code)] // a test fails by panicking; no one of them uses all

use tandem_media::convert::Converter;
use tandem_sdp::convert::{Conversion, DigitsTo};

pub const TALK: Conversion = Conversion {
    passes: Vec::new(),
    decodes: Vec::new(),
    encodes: None,
    events: Vec::new(),
    listens: Vec::new(),
    digits: DigitsTo::Nowhere,
};

/// A packet, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rtp {
    pub number: u8,
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: Vec<u8>,
}

impl Rtp {
    pub fn read(packet: &[u8]) -> Self {
        assert_eq!(packet[0], 0x80);
        Self {
            number: packet[1] & 0x7f,
            marker: packet[1] & 0x80 != 0,
            sequence: u16::from_be_bytes([packet[2], packet[3]]),
            timestamp: u32::from_be_bytes(packet[4..8].try_into().unwrap()),
            ssrc: u32::from_be_bytes(packet[8..12].try_into().unwrap()),
            payload: packet[12..].to_vec(),
        }
    }

    pub fn print(&self) -> Vec<u8> {
        let kind = self.number | if self.marker { 0x80 } else { 0 };
        [
            &[0x80, kind][..],
            &self.sequence.to_be_bytes(),
            &self.timestamp.to_be_bytes(),
            &self.ssrc.to_be_bytes(),
            &self.payload,
        ]
        .concat()
    }
}

/// A phone that sends to a converter 20 ms after 20 ms, and the far side that hears it.
pub struct Line {
    pub converter: Converter,
    pub now_us: u64,
    pub sequence: u16,
    pub timestamp: u32,
    pub heard: Vec<Rtp>,
    pub pressed: Vec<(char, u32)>,
}

impl Line {
    pub fn new(plan: Conversion) -> Self {
        Self {
            converter: Converter::new(plan, 0x1234_5678_9abc_def0),
            now_us: 1_000_000,
            sequence: 65_530,
            timestamp: u32::MAX - 1_000,
            heard: Vec::new(),
            pressed: Vec::new(),
        }
    }

    pub fn take(&mut self, packet: &Rtp) {
        let mut out = Vec::new();
        self.converter.take(&packet.print(), self.now_us, &mut out);
        self.heard
            .extend(out.iter().map(|packet| Rtp::read(packet)));
        self.note_pressed();
    }

    pub fn note_pressed(&mut self) {
        let pressed = self.converter.take_pressed();
        let told = pressed
            .iter()
            .map(|digit| (digit.key(), digit.duration_ms()));
        self.pressed.extend(told);
    }

    pub fn packet(&self, number: u8, payload: Vec<u8>) -> Rtp {
        Rtp {
            number,
            marker: false,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: 77,
            payload,
        }
    }

    /// Time passes to the next packet; what is due on the way is done.
    pub fn step(&mut self, ticks: u32) {
        let until_us = self.now_us + 20_000;
        while let Some(due_us) = self.converter.due_us().filter(|due_us| *due_us <= until_us) {
            self.now_us = self.now_us.max(due_us);
            let mut out = Vec::new();
            self.converter.tick(self.now_us, &mut out);
            self.heard
                .extend(out.iter().map(|packet| Rtp::read(packet)));
            self.note_pressed();
        }
        self.now_us = until_us;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(ticks);
    }

    pub fn say(&mut self, number: u8, payload: Vec<u8>) {
        self.take(&self.packet(number, payload));
        self.step(160);
    }

    /// A key as events: pressed for so many packets, its end three times.
    pub fn press(&mut self, number: u8, code: u8, packets: u16) {
        let begun = self.timestamp;
        for at in 1..=packets + 3 {
            let ends = at > packets;
            let [high, low] = (at.min(packets + 1) * 160).to_be_bytes();
            let payload = vec![code, if ends { 0x8a } else { 10 }, high, low];
            let mut packet = self.packet(number, payload);
            packet.timestamp = begun;
            packet.marker = at == 1;
            self.take(&packet);
            self.step(160);
        }
    }

    pub fn pass_time(&mut self, steps: usize) {
        for _ in 0..steps {
            self.step(160);
            self.sequence = self.sequence.wrapping_sub(1);
        }
    }
}

pub fn sequences_have_no_gap(heard: &[Rtp]) {
    for pair in heard.windows(2) {
        assert_eq!(
            pair[1].sequence,
            pair[0].sequence.wrapping_add(1),
            "{pair:?}"
        );
        let ahead = pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32;
        assert!(ahead >= 0, "time goes back in {pair:?}");
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
    }
}
