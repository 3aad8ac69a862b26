//! G.711: companding by ITU-T's tables, A-law with even bits inverted.

use std::sync::OnceLock;

const ULAW_BIAS: i32 = 0x84;
const ULAW_MAX: i32 = 32_635;
const ALAW_MAX: i32 = 32_767;

/// A linear sample of each mu-law code.
pub(super) fn ulaw_table() -> &'static [i16; 256] {
    static TABLE: OnceLock<[i16; 256]> = OnceLock::new();
    TABLE.get_or_init(|| std::array::from_fn(|code| of_ulaw(code as u8)))
}

/// A linear sample of each A-law code.
pub(super) fn alaw_table() -> &'static [i16; 256] {
    static TABLE: OnceLock<[i16; 256]> = OnceLock::new();
    TABLE.get_or_init(|| std::array::from_fn(|code| of_alaw(code as u8)))
}

fn of_ulaw(code: u8) -> i16 {
    let code = !code;
    let magnitude = ((i32::from(code & 0x0f) << 3) + ULAW_BIAS) << ((code & 0x70) >> 4);
    let sample = magnitude - ULAW_BIAS;
    (if code & 0x80 == 0 { sample } else { -sample }) as i16
}

fn of_alaw(code: u8) -> i16 {
    let code = code ^ 0x55;
    let step = i32::from(code & 0x0f) << 4;
    let sample = match (code & 0x70) >> 4 {
        0 => step + 8,
        segment => (step + 0x108) << (segment - 1),
    };
    (if code & 0x80 == 0 { -sample } else { sample }) as i16
}

/// The nearest mu-law code.
pub(super) fn to_ulaw(sample: i16) -> u8 {
    let linear = i32::from(sample);
    let magnitude = linear.abs().min(ULAW_MAX) + ULAW_BIAS;
    let segment = (magnitude.ilog2() - 7).min(7);
    let step = (magnitude >> (segment + 3)) & 0x0f;
    let sign = if linear < 0 { 0x80 } else { 0 };
    !(sign | (segment << 4) as u8 | step as u8)
}

/// The nearest A-law code.
pub(super) fn to_alaw(sample: i16) -> u8 {
    let linear = i32::from(sample);
    // Negative values are one's complements, as in the standard's tables: -1 is the mirror of 0.
    let (magnitude, sign) = if linear >= 0 {
        (linear, 0x80)
    } else {
        (-linear - 1, 0)
    };
    let magnitude = magnitude.min(ALAW_MAX);
    let code = if magnitude < 256 {
        magnitude >> 4
    } else {
        let segment = magnitude.ilog2() - 7;
        ((segment << 4) as i32) | (magnitude >> (segment + 3)) & 0x0f
    };
    (sign | code as u8) ^ 0x55
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_codes() {
        for (code, sample) in [(0xff, 0), (0x80, 32_124), (0x00, -32_124), (0xf0, 120)] {
            assert_eq!(of_ulaw(code), sample, "mu-law {code:#x}");
        }
        for (code, sample) in [(0xd5, 8), (0x55, -8), (0xaa, 32_256), (0x2a, -32_256)] {
            assert_eq!(of_alaw(code), sample, "A-law {code:#x}");
        }
        assert_eq!((to_ulaw(0), to_alaw(0)), (0xff, 0xd5));
    }

    #[test]
    fn every_code_comes_back() {
        for code in 0..=255u8 {
            assert_eq!(to_alaw(of_alaw(code)), code, "A-law {code:#x}");
            let back = to_ulaw(of_ulaw(code));
            assert!(
                back == code || (code, back) == (0x7f, 0xff),
                "mu-law {code:#x}: {back:#x}"
            );
        }
    }

    #[test]
    fn the_nearest_code() {
        for sample in (i16::MIN..=i16::MAX).step_by(7) {
            let error = |back: i16| (i32::from(back) - i32::from(sample)).abs();
            let most = i32::from(sample).abs() / 16 + 16;
            assert!(error(of_alaw(to_alaw(sample))) <= most, "A-law of {sample}");
            assert!(
                error(of_ulaw(to_ulaw(sample))) <= most,
                "mu-law of {sample}"
            );
        }
    }
}
