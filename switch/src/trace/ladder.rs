//! A trace as text: a ladder with a column for each peer, then every message as it travelled.

use super::{Direction, Kept};
use std::{fmt::Write, net::SocketAddr};

/// Peers with a column of their own; others share the last.
const COLUMNS: usize = 6;
const WIDTH: usize = 30;
/// Room for time and transport before the first column.
const MARGIN: usize = 32;

/// All of it, oldest first.
pub(super) fn write(messages: &[Kept]) -> String {
    let peers = peers(messages);
    let mut text = String::new();
    let column = |name: &str| format!("{name:^WIDTH$}");
    let mut heads: Vec<String> = peers.iter().map(|peer| column(&peer.to_string())).collect();
    heads.insert(heads.len().min(1), column("switch"));
    let heads = heads.concat();
    line(&mut text, &format!("{:MARGIN$}{}", "", heads.trim_end()));
    for message in messages {
        line(&mut text, &rung(message, &peers));
    }
    for message in messages {
        let (from, to) = ends(message);
        line(
            &mut text,
            &format!(
                "\n---- {} {} {} {from} -> {to} ({} bytes)\n",
                message.number,
                time(message),
                message.transport.via_name(),
                message.bytes.len()
            ),
        );
        line(&mut text, &String::from_utf8_lossy(&message.bytes));
    }
    text
}

fn line(text: &mut String, content: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}

fn peers(messages: &[Kept]) -> Vec<SocketAddr> {
    let mut peers = Vec::new();
    for message in messages {
        if peers.len() < COLUMNS && !peers.contains(&message.remote) {
            peers.push(message.remote);
        }
    }
    peers
}

fn ends(message: &Kept) -> (SocketAddr, SocketAddr) {
    match message.direction {
        Direction::In => (message.remote, message.local),
        Direction::Out => (message.local, message.remote),
    }
}

fn time(message: &Kept) -> String {
    let at = jiff::Timestamp::from_millisecond(message.at.0);
    at.map_or_else(
        |_| message.at.0.to_string(),
        |at| at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    )
}

/// The switch has the second column: the first peer stands left of it, all others right.
fn rung(message: &Kept, peers: &[SocketAddr]) -> String {
    let place = peers.iter().position(|peer| *peer == message.remote);
    let column = match place.unwrap_or(peers.len().saturating_sub(1)) {
        0 => 0,
        right => right + 1,
    };
    let centre = |column: usize| column * WIDTH + WIDTH / 2;
    let (left, right) = (centre(column.min(1)), centre(column.max(1)));
    let to_right = (column == 0) == (message.direction == Direction::In);
    let room = right.saturating_sub(left + 2);
    let label: String = label(message)
        .chars()
        .take(room.saturating_sub(2))
        .collect();
    let shaft = format!("{label:-^room$}");
    let arrow = if to_right {
        format!("|{shaft}>")
    } else {
        format!("<{shaft}|")
    };
    let head = format!("{} {}", time(message), message.transport.via_name());
    format!("{head:MARGIN$}{:left$}{arrow}", "")
}

/// `INVITE`, `200 OK`.
fn label(message: &Kept) -> String {
    let summary = message.summary();
    match summary.strip_prefix("SIP/2.0 ") {
        Some(status) => format!(" {status} "),
        None => format!(" {} ", summary.split(' ').next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_billing::UtcMs;
    use tandem_sip::Transport;

    #[test]
    fn arrows_lead_from_peer_to_peer() {
        let kept = |number, direction, port, text: &str| Kept {
            number,
            at: UtcMs(1_767_225_600_123),
            direction,
            transport: Transport::Udp,
            local: ([192, 0, 2, 1], 5060).into(),
            remote: ([192, 0, 2, 9], port).into(),
            call: None,
            bytes: text.as_bytes().to_vec().into(),
        };
        let text = write(&[
            kept(1, Direction::In, 7, "INVITE sip:1@x SIP/2.0\r\n\r\n"),
            kept(2, Direction::Out, 8, "INVITE sip:1@y SIP/2.0\r\n\r\n"),
            kept(3, Direction::In, 8, "SIP/2.0 200 OK\r\n\r\n"),
            kept(4, Direction::Out, 7, "SIP/2.0 200 OK\r\n\r\n"),
        ]);
        let rungs: Vec<&str> = text
            .lines()
            .skip(1)
            .take(4)
            .map(|rung| rung[MARGIN..].trim())
            .collect();
        assert_eq!(
            rungs,
            [
                "|---------- INVITE ---------->",
                "|---------- INVITE ---------->",
                "<---------- 200 OK ----------|",
                "<---------- 200 OK ----------|",
            ]
        );
        assert!(text.starts_with(&" ".repeat(MARGIN)));
        assert!(text.contains("2026-01-01T00:00:00.123Z UDP"));
        assert!(text.contains(
            "---- 2 2026-01-01T00:00:00.123Z UDP 192.0.2.1:5060 -> 192.0.2.9:8 (26 bytes)"
        ));
    }
}
