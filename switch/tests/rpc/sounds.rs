//! Settings that name sound files: a name is taken only for a file that can be played.

use crate::office;
use serde_json::json;
use tandem_protocol::ErrorCode;

/// A fiftieth of a second of silence, 16 bits, mono.
fn wav(rate: u32) -> Vec<u8> {
    let samples = vec![0u8; rate as usize / 50 * 2];
    let length = u32::try_from(samples.len()).expect("short");
    let format = [
        &16u32.to_le_bytes()[..],
        &1u16.to_le_bytes(),
        &1u16.to_le_bytes(),
        &rate.to_le_bytes(),
        &(2 * rate).to_le_bytes(),
        &2u16.to_le_bytes(),
        &16u16.to_le_bytes(),
    ];
    [
        &b"RIFF"[..],
        &(36 + length).to_le_bytes(),
        b"WAVEfmt ",
        &format.concat(),
        b"data",
        &length.to_le_bytes(),
        &samples,
    ]
    .concat()
}

#[test]
fn a_sound_is_named_only_when_its_file_can_be_played() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let folder = office.folder.path().join("sounds");
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("good.wav"), wav(16_000)).expect("written");
        std::fs::write(folder.join("odd.wav"), wav(22_050)).expect("written");
        for (key, value, taken) in [
            ("music_on_hold", json!("good.wav"), true),
            ("music_on_hold", json!("odd.wav"), false),
            ("music_on_hold", json!("none.wav"), false),
            ("music_on_hold", json!(""), true),
            ("announcements", json!(["refused.no_money=good.wav"]), true),
            ("announcements", json!(["failed.busy=good.wav"]), true),
            ("announcements", json!(["refused.no_money=none.wav"]), false),
            (
                "announcements",
                json!(["refused.no_monkey=good.wav"]),
                false,
            ),
            ("waiting_tone", json!("mars"), false),
        ] {
            let set = json!({ "key": key, "value": value });
            if taken {
                assert_eq!(admin.call("setting.set", set).await["value"], value);
            } else {
                let refused = admin.refused("setting.set", set).await;
                assert_eq!(refused, ErrorCode::Invalid, "{key} {value}");
            }
        }
        let sample = crate::edits::fill(&admin).await;
        for (music, taken) in [("none", true), ("good.wav", true), ("none.wav", false)] {
            let edit = json!({
                "login": format!("music-{music}"), "kind": "retail", "currency": "EUR", "tariff": sample.tariff,
                "routing_group": sample.group, "signalling": { "music": music, "recording_tone": "beep" },
            });
            if taken {
                let id = admin.create("account.create", edit).await;
                let account = admin.call("account.get", json!({ "id": id })).await;
                assert_eq!(account["edit"]["signalling"]["music"], music, "{account}");
            } else {
                let refused = admin
                    .refused("account.create", json!({ "edit": edit }))
                    .await;
                assert_eq!(refused, ErrorCode::Invalid);
            }
        }
        let gateway = json!({
            "name": "carrier-2", "hosts": [{ "host": "192.0.2.1" }], "currency": "EUR",
            "signalling": { "music": "good.wav" },
        });
        let refused = admin
            .refused("gateway.create", json!({ "edit": gateway }))
            .await;
        assert_eq!(refused, ErrorCode::Invalid, "music is an account's");
    });
}
