//! What 20 ms of one direction cost, codec pair by codec pair, and what a packet costs that is only renumbered.
//!
//! A transcoded call takes both directions, 50 packets a second each: 100 times the mean of a pair and its reverse.
#![allow(clippy::unwrap_used, missing_docs)] // a bench fails by panicking; divan's entry points are generated

use divan::Bencher;
use tandem_media::convert::{Converter, Packets, codec::Encoder};
use tandem_sdp::convert::{Conversion, DigitsTo, Format};

fn main() {
    divan::main();
}

fn plan() -> Conversion {
    Conversion {
        passes: Vec::new(),
        decodes: Vec::new(),
        encodes: None,
        events: Vec::new(),
        listens: Vec::new(),
        digits: DigitsTo::Nowhere,
    }
}

/// Two seconds of something like speech: a gliding tone with a second one above it, rising and falling.
fn speech(format: Format) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(format);
    let rate = encoder.rate() as f32;
    let pcm: Vec<i16> = (0..encoder.frame() * 100)
        .map(|at| {
            let t = at as f32 / rate;
            let (low, high) = ((900.0 * t + 300.0 * t * t).sin(), (5_200.0 * t).sin());
            ((6_000.0 * low + 2_500.0 * high) * (0.6 + 0.4 * (12.0 * t).sin())) as i16
        })
        .collect();
    let frames = pcm.chunks(encoder.frame());
    frames.map(|frame| encoder.encode(frame).unwrap()).collect()
}

fn run(bencher: Bencher, plan: Conversion, number: u8, (payloads, ticks): (Vec<Vec<u8>>, u32)) {
    let mut converter = Converter::new(plan, 1);
    let mut out = Packets::new();
    let mut at = 0u32;
    bencher.bench_local(|| {
        at += 1;
        let payload = &payloads[at as usize % payloads.len()];
        let [.., high, low] = at.to_be_bytes();
        let packet = [
            &[0x80, number, high, low][..],
            &(at * ticks).to_be_bytes(),
            &[0, 0, 0, 1],
            payload,
        ]
        .concat();
        out.clear();
        converter.take(divan::black_box(&packet), u64::from(at) * 20_000, &mut out);
        out.len()
    });
}

fn pair(bencher: Bencher, from: Format, to: Format) {
    let plan = Conversion {
        decodes: vec![(96, from)],
        encodes: Some((97, to)),
        ..plan()
    };
    run(bencher, plan, 96, (speech(from), from.clock_rate() / 50));
}

macro_rules! pairs {
    ($($name:ident: $from:ident to $to:ident;)*) => {
        $(#[divan::bench]
        fn $name(bencher: Bencher) {
            pair(bencher, Format::$from, Format::$to);
        })*
    };
}

pairs! {
    pcma_to_pcmu: Pcma to Pcmu;
    pcma_to_g722: Pcma to G722;
    g722_to_pcma: G722 to Pcma;
    pcma_to_g729: Pcma to G729;
    g729_to_pcma: G729 to Pcma;
    pcma_to_opus: Pcma to Opus;
    opus_to_pcma: Opus to Pcma;
    g722_to_opus: G722 to Opus;
    opus_to_g722: Opus to G722;
    g729_to_opus: G729 to Opus;
    opus_to_g729: Opus to G729;
}

#[divan::bench]
fn renumbered(bencher: Bencher) {
    let plan = Conversion {
        passes: vec![(8, 97)],
        ..plan()
    };
    run(bencher, plan, 8, (speech(Format::Pcma), 160));
}

#[divan::bench]
fn listened_to(bencher: Bencher) {
    let plan = Conversion {
        passes: vec![(8, 8)],
        listens: vec![(8, Format::Pcma)],
        digits: DigitsTo::Core,
        ..plan()
    };
    run(bencher, plan, 8, (speech(Format::Pcma), 160));
}
