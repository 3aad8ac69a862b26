//! Sounds through the relay's own sockets: files and tones reach the phone they are for, and their end is told.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod rig;

use std::path::Path;

use rig::{Call, PATIENCE, config, local};
use tandem_media::RelayConfig;
use tandem_media::{gate::Channel, srtp::Receiver};
use tandem_sdp::{
    PlayEnd, PlayOrder, Protection, RelayCommand, RelayId, RelayReport, Side, Sound, Tone,
    convert::Format,
    play::{Talk, Until},
    relay::SdesKeys,
    sdes::{SrtpKey, SrtpSuite},
};

const EVENT: u8 = 101;

fn call(folder: &Path) -> Call {
    Call::new(RelayConfig {
        sounds: Some(folder.to_owned()),
        ..config(1)
    })
}

impl Call {
    fn play(&self, side: Side, sound: Sound, until: Until) {
        let order = PlayOrder {
            sound,
            until,
            talk: Talk::Silenced,
            codec: (0, Format::Pcmu),
            events: vec![EVENT],
        };
        self.rig.relay.send(RelayCommand::Play {
            id: RelayId(1),
            side,
            order: Box::new(order),
        });
    }

    fn ended(&self) -> (Side, PlayEnd) {
        loop {
            match self.rig.reports.recv_timeout(PATIENCE).unwrap() {
                RelayReport::Played { side, how, .. } => return (side, how),
                RelayReport::Started { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next packet at a phone.
    fn hear(&self, phone: usize) -> Vec<u8> {
        let mut buffer = [0; 400];
        let length = self.phones[phone].rtp.recv(&mut buffer).unwrap();
        buffer[..length].to_vec()
    }
}

fn write(path: &Path, samples: usize) {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).unwrap();
    (0..2 * samples).for_each(|_| file.write_sample(8_000i16).unwrap());
    file.finalize().unwrap();
}

#[test]
fn a_file_is_played_once_to_its_side() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("prompt.wav"), 16_000 / 5);
    let call = call(folder.path());
    call.play(Side::A, Sound::File("prompt.wav".into()), Until::End);
    let packets: Vec<_> = (0..20).map(|_| call.hear(0)).collect();
    assert_eq!(call.ended(), (Side::A, PlayEnd::Ended));
    call.phones[0].hears_nothing_more();
    call.phones[1].hears_nothing_more();
    assert_eq!(packets[0][1], 0x80, "a marker at the beginning");
    let silent = |packet: &&Vec<u8>| packet[12..].iter().all(|code| matches!(code, 0x7f | 0xff));
    assert_eq!(
        packets.iter().take_while(silent).count(),
        10,
        "200 ms to open"
    );
    // 8000 in mu-law, to the nearest code.
    assert!(
        packets
            .iter()
            .skip(12)
            .take(7)
            .all(|packet| packet[100] == 0xa0),
        "{packets:?}"
    );
}

#[test]
fn a_file_that_is_not_there_is_told_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let call = call(folder.path());
    call.play(Side::B, Sound::File("none.wav".into()), Until::Stopped);
    let (side, PlayEnd::Failed(reason)) = call.ended() else {
        panic!("it failed");
    };
    assert_eq!(side, Side::B);
    assert!(reason.contains(folder.path().to_str().unwrap()), "{reason}");
}

#[test]
fn a_key_ends_what_waits_for_one_and_the_talk_is_heard_again() {
    let folder = tempfile::tempdir().unwrap();
    let call = call(folder.path());
    call.play(Side::A, Sound::Tone(Tone::RINGING_EUROPE), Until::Digit);
    call.hear(0);
    call.phones[1].say(1, 0x11, (local(), call.ports[1]));
    let mut press = vec![0x80, EVENT, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5];
    press.extend([7, 10, 3, 32]);
    let to = (local(), call.ports[0]);
    call.phones[0].rtp.send_to(&press, to).unwrap();
    let (side, PlayEnd::Digit(digit)) = call.ended() else {
        panic!("the key ended it");
    };
    assert_eq!((side, digit.key()), (Side::A, '7'));
    assert_eq!(call.hear(1), press, "the key itself goes on");
    call.phones[1].say(2, 0x22, (local(), call.ports[1]));
    while call.hear(0)[12] != 0x22 {}
}

#[test]
fn a_call_that_ends_ends_its_music() {
    let folder = tempfile::tempdir().unwrap();
    let call = call(folder.path());
    call.play(Side::A, Sound::Tone(Tone::RINGING_EUROPE), Until::Stopped);
    call.hear(0);
    call.rig.relay.send(RelayCommand::StopPlaying {
        id: RelayId(1),
        side: Side::A,
    });
    call.play(Side::B, Sound::Tone(Tone::RINGING_AMERICA), Until::Stopped);
    call.hear(1);
    call.rig.close(1);
}

#[test]
fn a_side_with_keys_is_played_to_under_them() {
    let folder = tempfile::tempdir().unwrap();
    let call = call(folder.path());
    let suite = SrtpSuite::Aes128Sha80;
    let key = |fill| SrtpKey::new(suite, vec![fill; suite.key_bytes() + suite.salt_bytes()]);
    let (ours, theirs) = (key(1).unwrap(), key(2).unwrap());
    call.rig.relay.send(RelayCommand::SetTransport {
        id: RelayId(1),
        side: Side::A,
        protection: Protection::Sdes(Box::new(SdesKeys {
            ours: ours.clone(),
            theirs,
        })),
        rtcp_mux: false,
    });
    call.play(Side::A, Sound::Tone(Tone::RINGING_EUROPE), Until::Stopped);
    let mut receiver = Receiver::new(ours);
    for at in 0..10u64 {
        let mut packet = call.hear(0);
        let sealed = packet.len();
        assert!(sealed > 172, "a tag behind the audio");
        let length = receiver.open(Channel::Rtp, &mut packet, sealed, at * 20_000);
        assert_eq!(length, Some(172), "packet {at}");
    }
}
