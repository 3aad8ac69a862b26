//! Recordings: what two phones say through the relay's own sockets is in the file, each on its channel.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod rig;

use std::path::Path;

use rig::{Call, config, local};
use tandem_media::RelayConfig;
use tandem_sdp::convert::Format;
use tandem_sdp::relay::Left;
use tandem_sdp::{RecordingOrder, RelayCommand, RelayId, RelayReport, Stream};

const PCMU: u8 = 0;
const PCMA: u8 = 8;
const RTP_HEADER_BYTES: usize = 12;

/// 20 ms of one G.711 code.
fn audio(payload_type: u8, sequence: u16, code: u8) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(u32::from(payload_type).to_be_bytes());
    packet.extend([code; 160]);
    packet
}

fn call(folder: &Path) -> Call {
    Call::new(RelayConfig {
        recordings: Some(folder.to_owned()),
        ..config(1)
    })
}

impl Call {
    fn record(&self, name: &str) {
        self.rig.relay.send(RelayCommand::SetRecording {
            id: RelayId(1),
            recording: Some(Box::new(RecordingOrder {
                name: name.to_owned(),
                a: vec![(PCMU, Format::Pcmu)],
                b: vec![(PCMA, Format::Pcma)],
            })),
        });
    }

    /// A packet from a phone, once it has come out at the other one.
    fn pass(&self, from: usize, packet: &[u8]) {
        let to = (local(), self.ports[from]);
        self.phones[from].rtp.send_to(packet, to).unwrap();
        let mut buffer = [0; 400];
        let length = self.phones[1 - from].rtp.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], packet, "the call itself is untouched");
    }
}

#[test]
fn the_caller_is_left_and_the_called_side_right() {
    let folder = tempfile::tempdir().unwrap();
    let call = call(folder.path());
    call.pass(0, &audio(PCMU, 1, 0x80)); // before the order: not recorded
    call.record("2026-03-01/7.wav");
    for sequence in 2..12 {
        call.pass(0, &audio(PCMU, sequence, 0x80));
        call.pass(1, &audio(PCMA, sequence, 0xaa));
    }
    call.rig.close(1);
    drop(call);

    let path = folder.path().join("2026-03-01/7.wav");
    let mode = std::os::unix::fs::MetadataExt::mode(&path.metadata().unwrap());
    assert_eq!(mode & 0o777, 0o600, "for nobody else");
    let mut file = hound::WavReader::open(path).unwrap();
    let spec = file.spec();
    assert_eq!((spec.channels, spec.sample_rate), (2, 8_000));
    let samples: Vec<i16> = file.samples::<i16>().map(Result::unwrap).collect();
    let loudest = |channel| samples.iter().skip(channel).step_by(2).max().copied();
    // The loudest positive codes of both laws.
    assert_eq!((loudest(0), loudest(1)), (Some(32_124), Some(32_256)));
    let spoken = |channel| {
        let side = samples.iter().skip(channel).step_by(2);
        side.filter(|sample| **sample > 0).count()
    };
    assert_eq!((spoken(0), spoken(1)), (1_600, 1_600));
}

/// Many rounds, because an order and the packet after it race to the relay's thread.
#[test]
fn padding_is_not_heard() {
    let folder = tempfile::tempdir().unwrap();
    let call = call(folder.path());
    call.record("7.wav");
    let mut padded = audio(PCMU, 1, 0x80);
    padded[0] |= 0x20;
    padded.extend([0x80, 0x80, 0x80, 4]);
    call.pass(0, &padded);
    call.rig.close(1);
    drop(call);
    let mut file = hound::WavReader::open(folder.path().join("7.wav")).unwrap();
    let samples = file.samples::<i16>().map(Result::unwrap);
    let spoken = samples.step_by(2).filter(|sample| *sample > 0).count();
    assert_eq!(spoken, 160, "one packet, without its padding");
}

#[test]
fn fax_is_not_heard_whatever_it_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    let call = call(folder.path());
    call.record("7.wav");
    call.pass(0, &audio(PCMU, 1, 0x80));
    call.rig.relay.send(RelayCommand::SetStream {
        id: RelayId(1),
        stream: Stream::Fax,
    });
    call.pass(0, &audio(PCMU, 2, 0x80));
    call.rig.close(1);
    drop(call);
    let mut file = hound::WavReader::open(folder.path().join("7.wav")).unwrap();
    let samples = file.samples::<i16>().map(Result::unwrap);
    let spoken = samples.step_by(2).filter(|sample| *sample > 0).count();
    assert_eq!(spoken, 160, "one packet of audio");
}

#[test]
fn a_recording_that_is_ordered_again_goes_on_in_its_file() {
    const ROUNDS: u16 = 200;
    /// A millisecond, so that all rounds are less than what a stream may be adrift.
    const SAMPLES: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let call = call(folder.path());
    for round in 0..ROUNDS {
        let mut packet = audio(PCMU, round, 0x80);
        packet.truncate(RTP_HEADER_BYTES + SAMPLES);
        packet[4..8].copy_from_slice(&(u32::from(round) * SAMPLES as u32).to_be_bytes());
        call.record("7.wav");
        call.pass(0, &packet);
        call.rig.relay.send(RelayCommand::SetRecording {
            id: RelayId(1),
            recording: None,
        });
        call.pass(0, &audio(PCMU, round, 0x80)); // paused: not recorded
    }
    call.rig.close(1);
    drop(call);
    let mut file = hound::WavReader::open(folder.path().join("7.wav")).unwrap();
    let samples = file.samples::<i16>().map(Result::unwrap);
    let spoken = samples.step_by(2).filter(|sample| *sample > 0).count();
    assert_eq!(spoken, usize::from(ROUNDS) * SAMPLES);
}

#[test]
fn a_recording_that_failed_begins_again_in_another_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("7.wav"), "of another call").unwrap();
    let call = call(folder.path());
    call.record("7.wav");
    let RelayReport::RecordingFailed { name, left, .. } = call.rig.next() else {
        panic!("another call's file was taken");
    };
    assert_eq!((name.as_str(), left), ("7.wav", Left::Nothing));
    call.pass(0, &audio(PCMU, 1, 0x80)); // nothing is open
    call.record("7-2.wav");
    call.pass(0, &audio(PCMU, 2, 0x80));
    // And an order for a third file closes the second.
    call.record("7-3.wav");
    call.pass(0, &audio(PCMU, 3, 0x80));
    call.pass(0, &audio(PCMU, 4, 0x80));
    call.rig.close(1);
    drop(call);
    for (name, packets) in [("7-2.wav", 1), ("7-3.wav", 2)] {
        let mut file = hound::WavReader::open(folder.path().join(name)).unwrap();
        let samples = file.samples::<i16>().map(Result::unwrap);
        let spoken = samples.step_by(2).filter(|sample| *sample > 0).count();
        assert_eq!(spoken, packets * 160, "{name}");
    }
}

#[test]
fn a_name_that_leaves_the_folder_or_exists_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("old.wav"), "kept").unwrap();
    let call = call(&folder.path().join("inner"));
    for name in ["../old.wav", "/tmp/old.wav", "a/../../old.wav"] {
        call.record(name);
        let RelayReport::RecordingFailed { reason, .. } = call.rig.next() else {
            panic!("{name} was taken");
        };
        assert!(reason.contains("leaves its folder"), "{reason}");
    }
    call.record("new.wav");
    call.rig.close(1);
    drop(call);
    let inner = folder.path().join("inner/new.wav");
    assert!(inner.exists());
    let call = self::call(&folder.path().join("inner"));
    call.record("new.wav");
    assert!(matches!(
        call.rig.next(),
        RelayReport::RecordingFailed { .. }
    ));
    call.rig.close(1);
    drop(call);
    let old = std::fs::read_to_string(folder.path().join("old.wav")).unwrap();
    assert_eq!(old, "kept");
}
