//! Which calls are recorded, and what the relay is told of it. Recording begins with the answer, never before.

use crate::{
    call::{Call, Stage},
    decide::Step,
    directory::signalling::Recorded,
    switch::state::Core,
};
use jiff::{Timestamp, tz::TimeZone};
use tandem_billing::{CallId, UtcMs};
use tandem_sdp::{RecordingOrder, RelayCommand, RelayId, Side, convert::Format};

use super::Relay;

/// The recording of one call.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    state: State,
    /// The first file, for the CDR.
    name: Option<String>,
    /// Files so far: an audio relay that is replaced begins another one.
    files: u16,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Off,
    /// Into this relay's file.
    On { id: RelayId, order: RecordingOrder },
}

impl Recording {
    /// The file of the whole call, or of its first part.
    pub(crate) fn name(&self) -> Option<String> {
        self.name.clone()
    }

    pub(crate) fn is_on(&self) -> bool {
        self.state != State::Off
    }
}

/// Whether a party's account has all its calls recorded.
pub(crate) fn is_wanted(call: &Call, callee: Option<tandem_billing::AccountId>) -> bool {
    let of_callee = callee.and_then(|account| call.directory.accounts.get(&account));
    [Some(&call.who.account), of_callee]
        .into_iter()
        .flatten()
        .any(|account| account.signalling.recording == Recorded::On)
}

/// The call was answered.
pub(crate) fn answered(core: &mut Core, call: &mut Call) {
    let callee = call.callee.as_ref().and_then(|leg| leg.account);
    if is_wanted(call, callee) {
        // What stands in the way is in the trace.
        let _ = begin(core, call);
    }
}

/// Begins, or goes on.
///
/// # Errors
/// Why not, for the operator.
pub(crate) fn begin(core: &mut Core, call: &mut Call) -> Result<(), &'static str> {
    if call.stage != Stage::Talking {
        return Err("the call is not answered");
    }
    if call.media.direct {
        return Err("its audio does not pass through the switch");
    }
    let Relay::Open { id, .. } = call.media.relay else {
        return Err("its audio does not pass through the switch");
    };
    if call.media.recording.is_on() {
        return Ok(());
    }
    order(core, call, id);
    Ok(())
}

/// No longer; what was recorded stays.
pub(crate) fn end(core: &mut Core, call: &mut Call) {
    if let State::On { id, .. } = std::mem::take(&mut call.media.recording.state) {
        core.relay(RelayCommand::SetRecording {
            id,
            recording: None,
        });
    }
}

/// The legs agreed anew, or have another relay: the recording goes on.
pub(super) fn follow(core: &mut Core, call: &mut Call) {
    let Relay::Open { id, .. } = call.media.relay else {
        return;
    };
    if call.media.recording.is_on() && !call.media.direct {
        order(core, call, id);
    }
}

fn order(core: &mut Core, call: &mut Call, id: RelayId) {
    let spoken = &call.media.spoken;
    let formats = |side: Side| -> Vec<(u8, Format)> {
        let ours = spoken.of(side).ours.iter();
        ours.filter_map(|codec| Some((codec.payload_type, Format::of(codec)?)))
            .collect()
    };
    let (a, b) = (formats(Side::A), formats(Side::B));
    let recording = &mut call.media.recording;
    let name = match &recording.state {
        State::On { id: before, order } if *before == id => order.name.clone(),
        State::On { .. } | State::Off => {
            recording.files += 1;
            file_name(call.id, call.began.utc, recording.files)
        }
    };
    let order = RecordingOrder { name, a, b };
    let state = State::On { id, order };
    if recording.state == state {
        return;
    }
    let State::On { order, .. } = &state else {
        return;
    };
    if recording.name.is_none() {
        recording.name = Some(order.name.clone());
    }
    core.relay(RelayCommand::SetRecording {
        id,
        recording: Some(Box::new(order.clone())),
    });
    recording.state = state;
}

/// The recorder could not go on.
pub(crate) fn failed(call: &mut Call, reason: &str) {
    call.media.recording.state = State::Off;
    call.trace.steps.push(Step::Unrecorded {
        reason: reason.to_owned(),
    });
}

/// By the day the call began, UTC.
fn file_name(call: CallId, began: UtcMs, file: u16) -> String {
    let day = Timestamp::from_millisecond(began.0)
        .unwrap_or_default()
        .to_zoned(TimeZone::UTC)
        .date();
    match file {
        1 => format!("{day}/{}.wav", call.0),
        _ => format!("{day}/{}-{file}.wav", call.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_day_and_call() {
        let name = |file| file_name(CallId(77), UtcMs(1_772_323_200_000), file);
        assert_eq!(name(1), "2026-03-01/77.wav");
        assert_eq!(name(2), "2026-03-01/77-2.wav");
    }
}
