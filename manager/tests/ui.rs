//! The whole program on a fake switch, by accessible label.

mod kit;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use kit::{click, fill, log_in, online, open, refill, start};
use serde_json::json;
use tandem_manager::{testing::PASSWORD, transport::Told};
use tandem_protocol::{ErrorCode, RpcError};

#[test]
fn first_use_shows_the_fingerprint_before_anything_is_sent() {
    let (mut harness, fake) = start(3, egui::Theme::Dark);
    fill(&mut harness, "Address", "switch.example");
    fill(&mut harness, "Login", "admin");
    fill(&mut harness, "Password", PASSWORD);
    click(&mut harness, "🔌 Connect");
    harness.get_by_label_contains("6A:1F:00");
    assert!(
        fake.with(|world| world.calls.is_empty()),
        "nothing was sent"
    );
    click(&mut harness, "✔ Trust this switch");
    assert_eq!(
        fake.last("session.login"),
        Some(json!({ "login": "admin", "password": PASSWORD }))
    );
    harness.get_by_label_contains("Connected to switch.example as admin");
}

#[test]
fn a_changed_certificate_is_refused_loudly() {
    let (mut harness, fake) = online(3);
    click(&mut harness, "File");
    harness.get_by_label_contains("Log out").click();
    harness.run_steps(4);
    fake.with(|world| {
        world.certificate_changed = true;
        world.calls.clear();
    });
    fill(&mut harness, "Password", PASSWORD);
    click(&mut harness, "🔌 Connect");
    harness.get_by_label_contains("ANOTHER CERTIFICATE");
    assert!(fake.last("session.login").is_none());
}

#[test]
fn a_wrong_password_and_a_dead_address_say_so() {
    let (mut harness, _) = start(3, egui::Theme::Dark);
    fill(&mut harness, "Address", "unreachable");
    fill(&mut harness, "Login", "admin");
    fill(&mut harness, "Password", "nonsense");
    click(&mut harness, "🔌 Connect");
    harness.get_by_label_contains("cannot reach unreachable");
    refill(&mut harness, "Address", "switch.example");
    click(&mut harness, "🔌 Connect");
    click(&mut harness, "✔ Trust this switch");
    harness.get_by_label_contains("wrong login or password");
}

#[test]
fn live_calls_can_be_filtered_and_frozen() {
    let (mut harness, fake) = online(40);
    harness.get_by_label("40 of 40 calls");
    fill(&mut harness, "Filter:", "nordlink");
    harness.get_by_label("7 of 40 calls");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::P);
    harness.run_steps(3);
    harness.get_by_label("⏸ frozen");
    fake.advance();
    harness.run_steps(3);
    harness.get_by_label("7 of 40 calls");
}

#[test]
fn hanging_up_asks_first_and_names_the_call() {
    let (mut harness, fake) = online(5);
    assert!(
        harness
            .get_by_label("📵 Hang up")
            .accesskit_node()
            .is_disabled()
    );
    click(&mut harness, "4930200101");
    click(&mut harness, "📵 Hang up");
    harness.get_by_label("Hang up this call?");
    harness.get_by_label_contains("4930200101 ➡ 4472079460001");
    harness.key_press(Key::Escape);
    harness.run_steps(4);
    assert!(fake.last("live.hangup").is_none(), "Esc is no");
    click(&mut harness, "📵 Hang up");
    click(&mut harness, "Hang up now");
    assert_eq!(fake.last("live.hangup"), Some(json!({ "call": 2 })));
}

#[test]
fn an_account_is_edited_with_a_mistake_and_then_saved() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "all accounts");
    click(&mut harness, "nordlink");
    harness.key_press(Key::F2);
    harness.run_steps(4);
    refill(&mut harness, "Credit limit", "12x");
    harness.get_by_label_contains("an amount such as 12.50");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(3);
    assert!(
        fake.last("account.update").is_none(),
        "a mistake is not sent"
    );
    refill(&mut harness, "Credit limit", "250.5");
    harness.get_by_label("• changed");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(5);
    let sent = fake.last("account.update").expect("saved");
    assert_eq!(
        (&sent["edit"]["credit_limit"], &sent["revision"]),
        (&json!(250_500_000), &json!("r2"))
    );
    assert_eq!(
        sent["edit"]["numbers"]["caller_id"],
        json!({ "mode": "pass" })
    );
    assert!(harness.query_by_label("• changed").is_none());
}

#[test]
fn a_changed_form_is_not_left_by_accident() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "all accounts");
    click(&mut harness, "nordlink");
    harness.key_press(Key::F2);
    harness.run_steps(4);
    refill(&mut harness, "Login *", "nordlink-2");
    open(&mut harness, "dial plan");
    harness.get_by_label("Unsaved changes");
    click(&mut harness, "↩ Stay");
    harness.get_by_label("• changed");
    open(&mut harness, "dial plan");
    harness
        .get_all_by_label("💾 Save")
        .last()
        .expect("the question's")
        .click();
    harness.run_steps(6);
    assert_eq!(
        fake.last("account.update").expect("saved")["edit"]["login"],
        "nordlink-2"
    );
    harness.get_by_label("Goes to");
}

#[test]
fn another_edit_in_between_is_shown_and_can_be_overruled() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "all accounts");
    click(&mut harness, "nordlink");
    harness.key_press(Key::F2);
    harness.run_steps(4);
    refill(&mut harness, "Login *", "mine");
    fake.with(|world| {
        world.fail_next = Some((
            "account.update",
            RpcError::new(ErrorCode::Conflict, "changed").at("revision"),
        ))
    });
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(6);
    harness.get_by_label("⚠ Another edit came first");
    click(&mut harness, "💾 Keep mine");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(6);
    assert_eq!(
        fake.last("account.update").expect("saved")["edit"]["login"],
        "mine"
    );
}

#[test]
fn a_field_that_the_switch_refuses_is_marked() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "all accounts");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::N);
    harness.run_steps(4);
    fill(&mut harness, "Login *", "acme-telecom");
    fill(&mut harness, "Currency *", "EUR");
    let taken =
        RpcError::new(ErrorCode::Conflict, "the name acme-telecom is taken").at("edit.login");
    fake.with(|world| world.fail_next = Some(("account.create", taken)));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(6);
    harness.get_by_label("⚠ the name acme-telecom is taken");
    assert_eq!(
        fake.last("account.create").expect("sent")["edit"]["kind"],
        "retail"
    );
}

#[test]
fn deleting_asks_with_the_name() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "all accounts");
    click(&mut harness, "callback-usa");
    click(&mut harness, "🗑 Delete");
    harness.get_by_label_contains("“callback-usa” will be deleted");
    click(&mut harness, "Delete callback-usa");
    assert_eq!(fake.last("account.delete"), Some(json!({ "id": 8 })));
}

#[test]
fn lists_are_sorted_and_filtered_by_the_switch() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "cdrs");
    harness.get_by_label_contains("1–200 of 460 rows");
    click(&mut harness, "Duration");
    fill(&mut harness, "Filter:", "dialled:9460 charge:>0.01 anna");
    harness.run_steps(4);
    let asked = fake.last("cdr.list").expect("asked");
    assert_eq!(
        asked["sort"],
        json!([{ "field": "times.duration_ms", "descending": false }])
    );
    assert_eq!(asked["search"], "anna");
    assert_eq!(
        asked["filter"],
        json!([
            { "field": "numbers.dialled", "op": "contains", "value": "9460" },
            { "field": "money.charge", "op": "gt", "value": 10_000 },
        ])
    );
}

#[test]
fn a_cdr_says_why() {
    let (mut harness, _) = online(3);
    open(&mut harness, "cdrs");
    click(&mut harness, "4930200100");
    harness.get_by_label("Why this route and price");
    harness.get_by_label("Cost: carrier-a");
    harness.get_by_label_contains("dearer than the sale");
    harness.get_by_label_contains("Margin ");
}

#[test]
fn the_simulator_shows_what_was_dropped_and_why() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "call simulator");
    fill(&mut harness, "From address", "192.0.2.10:5060");
    click(&mut harness, "▶ Simulate");
    harness.get_by_label_contains("Dialled number: is needed");
    fill(&mut harness, "Dialled number *", "00442079460000");
    fill(&mut harness, "Lasting, s", "90");
    click(&mut harness, "▶ Simulate");
    assert_eq!(fake.last("decide").expect("asked")["duration_s"], 90);
    harness.get_by_label_contains("✔ Admitted: 2 routes");
    harness.get_by_label_contains("dearer than the sale: costs 0.0110, sells 0.00905");
    harness.get_by_label_contains("00442079460000 ➡ 442079460000");
}

#[test]
fn a_refused_simulation_names_cause_and_remedy() {
    let (mut harness, _) = online(3);
    open(&mut harness, "call simulator");
    fill(&mut harness, "From address", "192.0.2.10:5060");
    fill(&mut harness, "Dialled number *", "0053");
    click(&mut harness, "▶ Simulate");
    harness.get_by_label_contains("The destination is blocked in the tariff");
    harness.get_by_label_contains("Unblock the rate");
}

#[test]
fn the_theme_can_be_switched() {
    let (mut harness, _) = online(3);
    assert!(harness.ctx.theme() == egui::Theme::Dark);
    click(&mut harness, "Light theme");
    assert!(harness.ctx.theme() == egui::Theme::Light);
    click(&mut harness, "Dark theme");
    assert!(harness.ctx.theme() == egui::Theme::Dark);
}

#[test]
fn a_table_is_exported_as_csv() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "all accounts");
    click(&mut harness, "Export CSV");
    let (name, contents) = fake.with(|world| world.saved_files.pop()).expect("saved");
    let text = String::from_utf8(contents).expect("text");
    assert_eq!(name, "all-accounts.csv");
    assert!(text.starts_with("Login,Kind,Status,Balance"), "{text}");
    assert!(
        text.contains("acme-telecom,Wholesale,Active,1250.430000"),
        "{text}"
    );
}

#[test]
fn a_lost_line_is_said_and_tried_again() {
    let (mut harness, fake) = online(3);
    fake.tell(Told::Lost {
        reason: "the switch closed the connection".into(),
    });
    harness.run_steps(3);
    harness.get_by_label_contains("Trying again in 1 s");
    fake.with(|world| {
        world.calls.clear();
        world.now_ms += 2_000;
    });
    harness.run_steps(5);
    assert!(fake.last("session.login").is_some() && fake.last("live.subscribe").is_some());
    harness.get_by_label_contains("Connected to switch.example");
}

#[test]
fn a_payment_is_booked_once_per_form() {
    let (mut harness, fake) = online(3);
    open(&mut harness, "payments");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::N);
    harness.run_steps(4);
    harness.get_by_label("Account *").click();
    harness.run_steps(3);
    harness.run_steps(3);
    harness
        .get_by_role_and_label(Role::Button, "nordlink")
        .click();
    harness.run_steps(4);
    refill(&mut harness, "Amount *", "75");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_steps(6);
    let sent = fake.last("payment.create").expect("booked");
    assert_eq!(
        (&sent["account"], &sent["amount"]),
        (&json!(2), &json!(75_000_000))
    );
    assert!(sent["request_id"].as_str().expect("named").len() >= 8);
    assert!(
        harness.query_by_label("New payment").is_none(),
        "the form is done"
    );
}

/// Every screen in both themes: a missing glyph or an input without a name fails the harness.
#[test]
fn every_screen_draws_in_both_themes() {
    for theme in [egui::Theme::Dark, egui::Theme::Light] {
        let (mut harness, _) = start(60, theme);
        log_in(&mut harness);
        for words in [
            "live calls",
            "registrations",
            "gateway status",
            "counters",
            "all accounts",
            "wholesale",
            "retail",
            "calling cards",
            "callback",
            "call shops",
            "common",
            "resellers",
            "sip phones",
            "source addresses",
            "dids",
            "payments",
            "gateways",
            "routing groups",
            "dial plan",
            "block and allow lists",
            "exchange ratios",
            "tariffs",
            "rates",
            "cdrs",
            "ledger",
            "audit log",
            "call simulator",
            "rate a call",
            "number rules",
            "settings",
            "logins",
            "server",
        ] {
            open(&mut harness, words);
        }
    }
}

/// Every form, as a new object and as an existing one.
#[test]
fn every_form_draws() {
    let (mut harness, _) = online(3);
    for words in [
        "all accounts",
        "resellers",
        "sip phones",
        "source addresses",
        "gateways",
        "routing groups",
        "dial plan",
        "tariffs",
        "rates",
        "logins",
        "payments",
    ] {
        open(&mut harness, words);
        harness.key_press(Key::ArrowDown);
        harness.run_steps(2);
        harness.key_press(Key::F2);
        harness.run_steps(3);
        harness.key_press_modifiers(Modifiers::COMMAND, Key::N);
        harness.run_steps(3);
        harness.get_by_label("💾 Save");
        harness.key_press_modifiers(Modifiers::COMMAND, Key::W);
        harness.run_steps(3);
    }
}

#[test]
fn a_call_is_followed_and_its_messages_are_read_and_saved() {
    let (mut harness, fake) = online(5);
    click(&mut harness, "4930200101");
    click(&mut harness, "👣 Follow SIP");
    assert_eq!(
        fake.last("sip_trace.start").expect("begun")["subject"],
        json!({ "call": 2 })
    );
    harness.run_steps(4);
    harness.get_by_label("11 of 11 messages");
    fill(&mut harness, "Filter:", "503");
    harness.get_by_label("1 of 11 messages");
    click(&mut harness, "SIP/2.0 503 Service Unavailable");
    harness.get_by_label_contains("Proxy-Authorization: Digest");
    click(&mut harness, "💾 Save for Wireshark");
    let saved = fake.with(|world| world.saved_files.clone());
    assert_eq!(
        saved,
        [("trace-1.pcap".to_owned(), b"the pcap of it".to_vec())]
    );
    click(&mut harness, "⏹ Stop");
    assert_eq!(fake.last("sip_trace.stop"), Some(json!({ "id": 1 })));
    click(&mut harness, "🗑 Delete trace");
    fake.with(|world| world.now_ms += 1_000);
    harness.run_steps(4);
    harness.get_by_label_contains("No traces.");
}

#[test]
fn a_trace_of_an_address_says_what_is_wrong_with_it() {
    let (mut harness, fake) = online(1);
    open(&mut harness, "SIP traces");
    click(&mut harness, "👣 Begin trace");
    harness.get_by_label_contains("Account: is needed");
    assert!(fake.last("sip_trace.start").is_none());
}

#[test]
fn a_recording_is_fetched_piece_by_piece_and_saved() {
    let (mut harness, fake) = online(1);
    open(&mut harness, "CDRs");
    click(&mut harness, "00442079460000");
    click(&mut harness, "💾 Save recording");
    harness.run_steps(4);
    let saved = fake.with(|world| world.saved_files.clone());
    assert_eq!(saved.len(), 1);
    assert_eq!(saved[0].0, "2026-03-01-1.wav");
    assert_eq!(saved[0].1.len(), 600_000, "two pieces");
}

#[test]
fn an_open_call_is_recorded_and_no_longer() {
    let (mut harness, fake) = online(5);
    click(&mut harness, "4930200101");
    open(&mut harness, "Record");
    assert_eq!(
        fake.last("live.record"),
        Some(json!({ "call": 2, "recording": "on" }))
    );
    open(&mut harness, "Stop recording");
    assert_eq!(
        fake.last("live.record"),
        Some(json!({ "call": 2, "recording": "off" }))
    );
}

#[test]
fn a_gateway_is_asked_and_an_upstream_registered_at_a_click() {
    let (mut harness, fake) = online(3);
    for (screen, name, method) in [
        ("gateway status", "carrier-a", "gateway.probe"),
        ("upstream status", "Spare line", "upstream.register"),
    ] {
        open(&mut harness, screen);
        let button = harness.get_by_label("📡 Ask now");
        assert!(button.accesskit_node().is_disabled(), "nothing is chosen");
        click(&mut harness, name);
        click(&mut harness, "📡 Ask now");
        let id = if name == "carrier-a" { 1 } else { 2 };
        assert_eq!(fake.last(method), Some(json!({ "id": id })));
    }
    open(&mut harness, "notifications");
    assert_eq!(harness.get_all_by_label("Asked").count(), 2);
}
