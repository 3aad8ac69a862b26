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

#[test]
fn numbers_are_added_as_a_range_and_one_of_them_sent_on() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "dids");
    harness.get_by_label("4930200100");
    harness.get_by_label("442079460000");
    harness.get_by_label("480 Temporarily Unavailable");
    harness.get_by_label("in stock");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::N);
    harness.run_steps(4);
    refill(&mut harness, "Number *", "4940555000");
    refill(&mut harness, "Up to", "4940555019");
    refill(&mut harness, "Note", "block of twenty");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(6);
    let sent = fake.last("did.add_range").expect("added");
    assert_eq!(sent["last"], "4940555019");
    let edit = json!({
        "number": "4940555000", "enabled": true, "source": { "gateway": null, "upstream": null }, "account": null,
        "target": { "to": "phones" }, "tariff": null, "max_calls": 0, "note": "block of twenty",
    });
    assert_eq!(sent["edit"], edit);
    assert!(fake.last("did.create").is_none());
    harness.get_by_label("4940555019");
    open(&mut harness, "notifications");
    harness.get_by_label_contains("Added 20 numbers");
    open(&mut harness, "notifications");
    // One alone, and one that is there already, which is no range.
    harness.key_press_modifiers(Modifiers::COMMAND, Key::N);
    harness.run_steps(4);
    refill(&mut harness, "Number *", "4940556000");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(6);
    let sent = fake.last("did.create").expect("saved");
    assert_eq!(sent["edit"]["number"], "4940556000");
    click(&mut harness, "4930200101");
    harness.key_press(Key::F2);
    harness.run_steps(4);
    assert!(harness.query_by_label("Up to").is_none());
    // Two boxes are called so: whose number it is, and where its calls go.
    harness.get_by_label("As the account would dial it, at its price");
    refill(&mut harness, "Note", "moved");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(6);
    let sent = fake.last("did.update").expect("saved");
    assert_eq!(
        sent["edit"]["target"],
        json!({ "to": "forward", "number": "442079460000" })
    );
}
