//! Reports between two phones whose audio is coded anew: each speaks of the streams its reader knows.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod rig;

use rig::{Phone, Rig, config, local};
use tandem_sdp::{
    Latch, RelayCommand, RelayId, Side,
    convert::{Conversion, DigitsTo, Format},
};

const TAG: u8 = 7;
const NTP: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn coding(from: (u8, Format), to: (u8, Format)) -> Option<Box<Conversion>> {
    Some(Box::new(Conversion {
        passes: Vec::new(),
        decodes: vec![from],
        encodes: Some(to),
        events: Vec::new(),
        listens: Vec::new(),
        digits: DigitsTo::Nowhere,
    }))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

#[test]
fn reports_are_restated_on_their_way() {
    let rig = Rig::new(config(1));
    let (a_port, b_port) = rig.open(1, local());
    let (near, far) = (Phone::new(local()), Phone::new(local()));
    for (side, phone) in [(Side::A, &near), (Side::B, &far)] {
        rig.target(1, side, phone.address(), Latch::FirstPacket);
    }
    let (narrow, wide) = ((0, Format::Pcmu), (106, Format::Opus));
    for (side, conversion) in [
        (Side::A, coding(narrow, wide)),
        (Side::B, coding(wide, narrow)),
    ] {
        rig.relay.send(RelayCommand::SetConversion {
            id: RelayId(1),
            side,
            conversion,
        });
    }
    rig.settled(1);
    let mut heard = Vec::new();
    for sequence in 1..=20 {
        near.say(sequence, TAG, (local(), a_port));
        let mut buffer = [0; 1_500];
        let length = far.rtp.recv(&mut buffer).unwrap();
        heard.push(buffer[..length].to_vec());
    }
    let last = heard.last().unwrap();
    assert_eq!(last[1] & 0x7f, 106);

    // A sender report of the moment the next packet would have been sent at.
    let mut report = vec![0x80, 200, 0, 6, 0, 0, 0, TAG];
    report.extend(NTP);
    for number in [21 * 160, 20, 20 * 160] {
        report.extend(u32::to_be_bytes(number));
    }
    near.rtcp.send_to(&report, (local(), a_port + 1)).unwrap();
    let mut told = [0; 1_500];
    assert_eq!(far.rtcp.recv(&mut told).unwrap(), report.len());
    assert_eq!(told[..16], report[..16], "name and time stay");
    assert_eq!(word(&told, 16), word(last, 4).wrapping_add(960));
    assert_eq!(word(&told, 20), 20);
    let octets: usize = heard.iter().map(|packet| packet.len() - 12).sum();
    assert_eq!(word(&told, 24) as usize, octets);

    // The far side's word on what it was sent: its clock is six times as fast.
    let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 99, 0, 0, 0, TAG];
    for number in [5, 20, 960, 0x0304_0506, 0] {
        report.extend(u32::to_be_bytes(number));
    }
    far.rtcp.send_to(&report, (local(), b_port + 1)).unwrap();
    assert_eq!(near.rtcp.recv(&mut told).unwrap(), report.len());
    assert_eq!(word(&told, 12), 5, "losses stay");
    assert_eq!(word(&told, 16), 20, "the highest number that came");
    assert_eq!(word(&told, 20), 160, "jitter in its own clock");
    let (a, _) = rig.close(1);
    assert_eq!(a.packets, 20);
}
