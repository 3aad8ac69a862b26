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

/// Why a call cannot be recorded.
const ELSEWHERE: &str = "its audio does not pass through the switch";

/// The recording of one call.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    is_on: bool,
    /// The last order, and to which relay.
    ordered: Option<(RelayId, RecordingOrder)>,
    /// The first file, for the CDR.
    name: Option<String>,
    /// Files so far: an audio relay that is replaced begins another one.
    files: u16,
}

impl Recording {
    /// The file of the whole call, or of its first part.
    pub(crate) fn name(&self) -> Option<String> {
        self.name.clone()
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

/// The answer is about to be journalled: after a crash the CDR names the file.
pub(crate) fn announce(call: &mut Call) {
    if is_due(call) {
        call.media.recording.name = Some(file_name(call.id, call.began.utc, 1));
    }
}

/// The call was answered.
pub(crate) fn answered(core: &mut Core, call: &mut Call) {
    if is_due(call) && begin(core, call).is_err() {
        call.media.recording.name = None;
    }
}

fn is_due(call: &Call) -> bool {
    is_wanted(call, call.callee.as_ref().and_then(|leg| leg.account))
}

/// Begins, or goes on.
///
/// # Errors
/// Why not, for the operator.
pub(crate) fn begin(core: &mut Core, call: &mut Call) -> Result<(), &'static str> {
    if call.stage != Stage::Talking {
        return Err("the call is not answered");
    }
    let Relay::Open { id, .. } = call.media.relay else {
        return Err(ELSEWHERE);
    };
    if call.media.direct {
        return Err(ELSEWHERE);
    }
    if !call.media.recording.is_on {
        order(core, call, id);
    }
    Ok(())
}

/// No longer; what was recorded stays.
pub(crate) fn end(core: &mut Core, call: &mut Call) {
    let recording = &mut call.media.recording;
    if std::mem::take(&mut recording.is_on)
        && let Some((id, _)) = recording.ordered
    {
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
    if call.media.recording.is_on && !call.media.direct {
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
    let name = match &recording.ordered {
        Some((before, order)) if *before == id => order.name.clone(),
        Some(_) | None => {
            recording.files += 1;
            file_name(call.id, call.began.utc, recording.files)
        }
    };
    let ordered = (id, RecordingOrder { name, a, b });
    if recording.is_on && recording.ordered.as_ref() == Some(&ordered) {
        return;
    }
    recording.is_on = true;
    recording.name.get_or_insert_with(|| ordered.1.name.clone());
    core.relay(RelayCommand::SetRecording {
        id,
        recording: Some(Box::new(ordered.1.clone())),
    });
    recording.ordered = Some(ordered);
}

/// The recorder could not go on.
pub(crate) fn failed(core: &mut Core, call: &mut Call, reason: &str) {
    end(core, call);
    call.trace.note(Step::Unrecorded {
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
