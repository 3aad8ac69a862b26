//! The real manager and the real daemon on loopback: what an operator does, from the first connection on.

mod office;
mod phones;
mod traced;
mod window;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use office::{Office, PASSWORD};
use window::Window;

fn connect(window: &mut Window, office: &Office, login: &str) {
    window.fill("Address", &office.address());
    window.fill("Login", login);
    window.fill("Password", PASSWORD);
    window.click("🔌 Connect");
    let half = office.fingerprint()[..47].to_owned();
    window.see(&half);
    window.click("✔ Trust this switch");
    window.see(&format!("Connected to {} as {login}", office.address()));
}

#[test]
fn an_operator_sees_a_call_ends_it_and_finds_it_in_the_books() {
    let office = Office::open();
    let customer = office.customer("carrier");
    let mut window = Window::open();
    connect(&mut window, &office, "admin");
    window.see("No calls at the moment");

    customer.call("442079460123");
    window.see("Talking");
    window.see("442079460123");
    window.until("a running charge", |harness| {
        let zero = |node: egui_kittest::Node<'_>| node.value().is_some_and(|v| v.contains("0.00"));
        harness.query_by_label("1 of 1 calls").is_some()
            && !harness.query_all_by_label("carrier").any(zero)
    });
    window.click("442079460123");
    window.click("📵 Hang up");
    window.click("Hang up now");
    customer.is_hung_up();
    window.see("No calls at the moment");

    window.go("cdrs");
    window.see("442079460123");
    assert_eq!(office.cdrs(), 1);
    window.click("442079460123");
    window.see("Why this route and price");
    window.see("carrier");
}

#[test]
fn an_edit_is_saved_and_audited_with_old_and_new_value() {
    let office = Office::open();
    let mut window = Window::open();
    connect(&mut window, &office, "admin");
    window.go("all accounts");
    window.click("office");
    window.press(Modifiers::NONE, Key::F2);
    window.fill("Credit limit", "450.5");
    window.see("• changed");
    window.press(Modifiers::COMMAND, Key::S);
    window.until("the edit is saved", |harness| {
        harness.query_by_label("• changed").is_none()
    });
    window.go("audit log");
    window.see("credit_limit: 300.00 ➡ 450.50");
}

#[test]
fn two_managers_edit_one_account_and_the_later_one_sees_both_edits() {
    let office = Office::open();
    let (mut early, mut late) = (Window::open(), Window::open());
    for (window, limit) in [(&mut late, "1000"), (&mut early, "450.5")] {
        connect(window, &office, "admin");
        window.go("all accounts");
        window.click("office");
        window.press(Modifiers::NONE, Key::F2);
        window.fill("Credit limit", limit);
    }
    early.press(Modifiers::COMMAND, Key::S);
    early.until("the early edit is saved", |harness| {
        harness.query_by_label("• changed").is_none()
    });
    late.press(Modifiers::COMMAND, Key::S);
    late.see("Another edit came first");
    late.see("450.50");
    late.click("💾 Keep mine");
    late.press(Modifiers::COMMAND, Key::S);
    late.until("the late edit is saved", |harness| {
        harness.query_by_label("• changed").is_none()
    });
    early.go("audit log");
    early.see("credit_limit: 450.50 ➡ 1,000.00");
}

#[test]
fn a_reseller_is_shown_its_branch_and_nothing_beside_it() {
    let office = Office::open();
    let mut window = Window::open();
    connect(&mut window, &office, "north");
    window.go("all accounts");
    window.see("north-shop");
    let harness = &window.harness;
    for hidden in ["alice", "carrier"] {
        assert!(harness.query_by_label(hidden).is_none(), "{hidden}");
    }
    for dead in ["Gateways", "Settings", "Audit log"] {
        assert!(
            harness.query_by_label_contains(dead).is_none(),
            "no way to {dead}"
        );
    }
    window.press(Modifiers::COMMAND, Key::Num6);
    window.see("north-shop");
}

#[test]
fn the_switch_goes_and_comes_back_and_a_changed_certificate_stops_the_line() {
    let mut office = Office::open();
    let mut window = Window::open();
    connect(&mut window, &office, "admin");
    office.stop();
    window.see("Connection lost");
    window.see("Gateways");
    office.start();
    window.see("Connected to");

    office.stop();
    window.see("Connection lost");
    let pinned = "shows ANOTHER CERTIFICATE than before";
    office.lose_certificate();
    office.start();
    window.see(pinned);
    window.click("⚠ Forget the old fingerprint");
    let half = office.fingerprint()[..47].to_owned();
    window.see(&half);
    window.click("✔ Trust this switch");
    window.see("Connected to");
}

#[test]
fn a_wrong_password_says_so() {
    let office = Office::open();
    let mut window = Window::open();
    window.fill("Address", &office.address());
    window.fill("Login", "admin");
    window.fill("Password", "wrong");
    window.click("🔌 Connect");
    window.click("✔ Trust this switch");
    window.see("name or password is wrong");
}
