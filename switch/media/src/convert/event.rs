//! Telephone-events as they arrive (RFC 4733 section 2): each key once, when it is let go.

use tandem_sdp::relay::Digit;

use crate::Micros;

/// An event whose end never came counts as over after this.
const PATIENCE_US: Micros = 250_000;

/// The events of one stream.
#[derive(Debug, Default)]
pub(super) struct Events {
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    code: u8,
    /// Of its first packet: what tells it from others.
    timestamp: u32,
    /// Of the current part of an event longer than its field.
    part: u32,
    ticks: u32,
    clock_rate: u32,
    heard_us: Micros,
    over: bool,
}

impl Last {
    fn digit(&self) -> Option<Digit> {
        let before = self.part.wrapping_sub(self.timestamp);
        let ticks = u64::from(before) + u64::from(self.ticks);
        let ms = ticks * 1_000 / u64::from(self.clock_rate.max(1));
        Digit::of_event(self.code, u32::try_from(ms).unwrap_or(u32::MAX))
    }
}

impl Events {
    /// A packet of events: its time stamp, payload and clock. What was let go goes to `pressed`.
    pub(super) fn take(
        &mut self,
        (timestamp, payload, clock_rate): (u32, &[u8], u32),
        now_us: Micros,
        pressed: &mut Vec<Digit>,
    ) {
        let &[code, flags, d1, d2, ..] = payload else {
            return;
        };
        let ticks = u32::from(u16::from_be_bytes([d1, d2]));
        let ends = flags & 0x80 != 0;
        let known = self.last.as_mut().filter(|last| {
            let goes_on = timestamp == last.part.wrapping_add(0xffff) && !last.over;
            last.code == code && (timestamp == last.part || goes_on)
        });
        if let Some(last) = known {
            if last.over {
                return;
            }
            if last.part != timestamp {
                last.part = timestamp;
                last.ticks = 0;
            }
            last.ticks = last.ticks.max(ticks);
            last.heard_us = now_us;
            last.over = ends;
            if ends {
                pressed.extend(last.digit());
            }
            return;
        }
        let is_old = |last: &Last| timestamp.wrapping_sub(last.part) as i32 <= 0;
        if self.last.as_ref().is_some_and(is_old) {
            return;
        }
        self.give_up(pressed);
        let last = Last {
            code,
            timestamp,
            part: timestamp,
            ticks,
            clock_rate,
            heard_us: now_us,
            over: ends,
        };
        if ends {
            pressed.extend(last.digit());
        }
        self.last = Some(last);
    }

    /// Another stream begins: its time stamps are no older ones.
    pub(super) fn forget(&mut self, pressed: &mut Vec<Digit>) {
        self.give_up(pressed);
        self.last = None;
    }

    fn give_up(&mut self, pressed: &mut Vec<Digit>) {
        if let Some(last) = self.last.as_mut().filter(|last| !last.over) {
            last.over = true;
            pressed.extend(last.digit());
        }
    }

    /// When the end of an event counts as lost.
    pub(super) fn due_us(&self) -> Option<Micros> {
        let last = self.last.as_ref().filter(|last| !last.over)?;
        Some(last.heard_us + PATIENCE_US)
    }

    pub(super) fn tick(&mut self, now_us: Micros, pressed: &mut Vec<Digit>) {
        if self.due_us().is_some_and(|due_us| due_us <= now_us) {
            self.give_up(pressed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(packets: &[(u32, u8, bool, u16)]) -> Vec<(char, u32)> {
        let mut events = Events::default();
        let mut pressed = Vec::new();
        for (timestamp, code, ends, ticks) in packets {
            let [high, low] = ticks.to_be_bytes();
            let payload = [*code, if *ends { 0x8a } else { 10 }, high, low];
            events.take((*timestamp, &payload, 8_000), 0, &mut pressed);
        }
        events.tick(PATIENCE_US, &mut pressed);
        let told = |digit: &Digit| (digit.key(), digit.duration_ms());
        pressed.iter().map(told).collect()
    }

    #[test]
    fn each_key_once_in_order_with_its_duration() {
        assert_eq!(
            told(&[
                (800, 5, false, 160),
                (800, 5, false, 800),
                (800, 5, true, 960),
                (800, 5, true, 960),
                (800, 5, true, 960),
                (4_000, 5, false, 160),
                (4_000, 5, true, 640),
                (800, 5, true, 960),
                (4_000, 5, true, 640),
                (8_000, 11, true, 480),
            ]),
            [('5', 120), ('5', 80), ('#', 60)]
        );
    }

    #[test]
    fn lost_ends_and_long_presses() {
        assert_eq!(
            told(&[(800, 1, false, 800), (9_000, 2, false, 400)]),
            [('1', 100), ('2', 50)],
            "the next event, or the wait, ends one whose end was lost"
        );
        let long = [
            (100, 3, false, 0xffff),
            (100 + 0xffff, 3, false, 160),
            (100 + 0xffff, 3, true, 320),
        ];
        assert_eq!(told(&long), [('3', 8_000)], "one press in two parts");
        assert_eq!(told(&[(5, 16, true, 160)]), [], "flash is no key");
    }

    #[test]
    fn cut_payloads() {
        let mut pressed = Vec::new();
        let mut events = Events::default();
        for payload in [&[][..], &[1], &[1, 0x80, 0]] {
            events.take((1, payload, 8_000), 0, &mut pressed);
        }
        assert_eq!((pressed.len(), events.due_us()), (0, None));
    }
}
