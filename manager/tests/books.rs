//! What is kept beside accounts and routes: lists of numbers, ratios of currencies.

// Each test program uses its part of the kit.
#[allow(dead_code)]
mod kit;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use kit::{click, online, open, refill};
use serde_json::json;

#[test]
fn a_number_is_blocked_for_every_call() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "block and allow lists");
    harness.get_by_label("25261");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::N);
    harness.run_steps(4);
    refill(&mut harness, "Begins with", "8835");
    refill(&mut harness, "Note", "fraud");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(6);
    let sent = fake.last("list_entry.create").expect("saved");
    assert_eq!(
        sent["edit"],
        json!({ "account": null, "side": "dialled", "verdict": "block", "prefix": "8835", "note": "fraud" })
    );
}

#[test]
fn a_ratio_is_entered_from_now_on_and_corrected() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "exchange ratios");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::N);
    harness.run_steps(4);
    refill(&mut harness, "Currency *", "CHF");
    refill(&mut harness, "Worth *", "1.0x");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(6);
    assert!(
        fake.last("exchange_ratio.create").is_none(),
        "that is no number"
    );
    refill(&mut harness, "Worth *", "1.05");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(6);
    let sent = fake.last("exchange_ratio.create").expect("saved");
    assert_eq!(
        sent["edit"],
        json!({ "currency": "CHF", "ratio": "1.05", "valid_from": null })
    );
    click(&mut harness, "0.9187");
    harness.key_press(Key::F2);
    harness.run_steps(4);
    refill(&mut harness, "Worth *", "0.92");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(6);
    let sent = fake.last("exchange_ratio.update").expect("saved");
    assert_eq!(
        (&sent["id"], &sent["edit"]["ratio"]),
        (&json!(2), &json!("0.92"))
    );
}

#[test]
fn a_block_is_lifted_and_an_address_allowed_with_its_reason() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "blocked addresses");
    harness.get_by_label("14 wrong credentials of 9 user names");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::N);
    harness.run_steps(4);
    refill(&mut harness, "Addresses *", "192.0.2.77");
    refill(&mut harness, "Reason", "customer's new line");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(6);
    let sent = fake.last("source_rule.create").expect("saved");
    assert_eq!(
        sent["edit"],
        json!({
            "network": "192.0.2.77", "verdict": "block", "expires_at": null, "reason": "customer's new line"
        })
    );
    click(&mut harness, "203.0.113.66/32");
    click(&mut harness, "🗑 Delete");
    click(&mut harness, "Delete 203.0.113.66/32");
    harness.run_steps(6);
    let sent = fake.last("source_rule.delete").expect("deleted");
    assert_eq!(sent["id"], json!(1));
}
