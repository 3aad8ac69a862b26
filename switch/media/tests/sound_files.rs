//! Files that are named as sounds: what cannot be played is refused with its name, what is wrong, and what is taken.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use tandem_media::sounds::check_sound;

/// A header as anybody might write it, and so many bytes behind it.
fn raw(channels: u16, rate: u32, (align, bits): (u16, u16), length: u32, held: usize) -> Vec<u8> {
    let format = [
        &16u32.to_le_bytes()[..],
        &1u16.to_le_bytes(),
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &rate.wrapping_mul(align.into()).to_le_bytes(),
        &align.to_le_bytes(),
        &bits.to_le_bytes(),
    ];
    let head = [
        &b"RIFF"[..],
        &length.wrapping_add(36).to_le_bytes(),
        b"WAVEfmt ",
        &format.concat(),
        b"data",
        &length.to_le_bytes(),
    ];
    [head.concat(), vec![5; held]].concat()
}

#[test]
fn a_file_that_says_what_it_is_not_is_refused_when_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let a_law = {
        let mut file = raw(1, 8_000, (1, 8), 1_000, 1_000);
        file[20] = 6;
        file
    };
    for (what, file, said) in [
        ("text", b"MThd".to_vec(), "a.wav"),
        ("empty", Vec::new(), "a.wav"),
        ("no rate", raw(1, 0, (2, 16), 1_000, 1_000), "0 Hz"),
        (
            "no channel",
            raw(0, 8_000, (2, 16), 1_000, 1_000),
            "zero channels",
        ),
        ("no block", raw(1, 8_000, (0, 16), 1_000, 1_000), "a.wav"),
        ("cut off", raw(1, 8_000, (2, 16), 1_000, 998), "it has 998"),
        (
            "no sound behind it",
            raw(1, 8_000, (2, 16), 1_000, 0),
            "it has 0",
        ),
        (
            "as a pipe writes it",
            raw(1, 8_000, (2, 16), u32::MAX - 36, 1_000),
            "a.wav",
        ),
        (
            "half a sample",
            raw(1, 8_000, (2, 16), 1_001, 1_001),
            "a.wav",
        ),
        (
            "wide samples",
            raw(1, 8_000, (4, 16), 1_000, 1_000),
            "a.wav",
        ),
        ("A-law", a_law, "not coded as PCM"),
    ] {
        std::fs::write(&path, &file).unwrap();
        let fault = check_sound(folder.path(), "a.wav").expect_err(what);
        assert!(fault.contains(said), "{what}: {fault}");
        assert!(fault.contains("16-bit PCM at 8000"), "{what}: {fault}");
    }
}

#[test]
fn a_huge_file_is_refused_by_its_size_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    // A chunk of two gigabytes before the sound would have to be read to be passed over.
    let mut file = raw(1, 8_000, (2, 16), 1_000, 1_000);
    file.splice(
        36..36,
        [&b"LIST"[..], &0x7f00_0000u32.to_le_bytes()].concat(),
    );
    std::fs::write(&path, &file).unwrap();
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(2 << 30)
        .unwrap();
    let fault = check_sound(folder.path(), "a.wav").unwrap_err();
    assert!(fault.contains("2147483648 bytes"), "{fault}");
}
