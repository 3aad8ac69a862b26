//! Recordings are read file by file and piece by piece, by who sees the call.

use crate::{
    branch::{branches, minute},
    office,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tandem_protocol::ErrorCode;

fn text(part: &Value) -> String {
    let base64 = part["base64"].as_str().expect("a piece");
    let bytes = BASE64_STANDARD.decode(base64).expect("of bytes");
    String::from_utf8(bytes).expect("as written")
}

#[test]
fn every_file_of_a_call_is_found() {
    office::open(|office| async move {
        let (b, desk) = branches(&office).await;
        let admin = office.admin().await;
        let mut cdr = minute(1, b.sample.gateway, Vec::new());
        cdr.recording = Some("2026-03-01/1.wav 2026-03-01/1-2.wav 2026-03-01/1-3.wav".into());
        office.core.end_call(cdr).await;
        office
            .core
            .end_call(minute(2, b.sample.gateway, Vec::new()))
            .await;
        let day = office.folder.path().join("recordings/2026-03-01");
        std::fs::create_dir_all(&day).expect("made");
        for (name, said) in [("1.wav", "first"), ("1-2.wav", "second")] {
            std::fs::write(day.join(name), said).expect("written");
        }
        for (params, said, name) in [
            (json!({ "call": 1 }), "first", "2026-03-01-1.wav"),
            (json!({ "call": 1, "file": 1 }), "first", "2026-03-01-1.wav"),
            (
                json!({ "call": 1, "file": 2 }),
                "second",
                "2026-03-01-1-2.wav",
            ),
            (
                json!({ "call": 1, "file": 2, "offset": 4, "limit": 1 }),
                "n",
                "2026-03-01-1-2.wav",
            ),
        ] {
            let part = admin.call("recording.read", params).await;
            assert_eq!((text(&part).as_str(), &part["name"]), (said, &json!(name)));
            assert_eq!(part["files"], 3);
        }
        for (params, code) in [
            (json!({ "call": 1, "file": 0 }), ErrorCode::Invalid),
            (json!({ "call": 1, "file": 4 }), ErrorCode::Invalid),
            (json!({ "call": 1, "file": 3 }), ErrorCode::NotFound),
            (json!({ "call": 2 }), ErrorCode::NotFound),
            (json!({ "call": 3 }), ErrorCode::NotFound),
        ] {
            let refused = admin.refused("recording.read", params.clone()).await;
            assert_eq!(refused, code, "{params}");
        }
        let refused = desk.refused("recording.read", json!({ "call": 1 })).await;
        assert!(matches!(
            refused,
            ErrorCode::Forbidden | ErrorCode::NotFound
        ));
    });
}
