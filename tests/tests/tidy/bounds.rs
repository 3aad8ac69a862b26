//! Everything that the network can fill, with its end and the test that fills it beyond. Who adds a table that a peer
//! can make grow adds its row here; the table itself is read: constants and tests that are gone are faults.

use super::Source;

/// What can grow; the file and the name of its bound; the test that goes beyond it.
const BOUNDS: &[(&str, &str, &str, &str)] = &[
    // What a connection and a message may be.
    (
        "connections",
        "switch/src/config/mod.rs",
        "max_connections",
        "one_source_has_its_share_of_connections_and_no_more",
    ),
    (
        "TLS handshakes a second",
        "switch/src/engine/sources.rs",
        "HANDSHAKES_PER_S",
        "a_flood_of_handshakes_is_paced_by_source_and_in_all",
    ),
    (
        "sources without a connection",
        "switch/src/engine/sources.rs",
        "MAX_REMEMBERED",
        "sources_without_connections_are_forgotten_in_time",
    ),
    (
        "bytes a slow peer leaves unread",
        "switch/src/engine/connection.rs",
        "MAX_UNSENT",
        "a_peer_that_asks_and_does_not_listen_is_closed",
    ),
    (
        "bytes of a message being received",
        "switch/sip/src/framing.rs",
        "MAX_BUFFER",
        "the_buffer_is_bounded",
    ),
    (
        "headers of a message",
        "switch/sip/src/message/limits.rs",
        "MAX_HEADERS",
        "limits_hold",
    ),
    // What the core keeps.
    (
        "transactions",
        "switch/src/config/mod.rs",
        "max_transactions",
        "beyond_the_limit_new_requests_are_told_to_come_later",
    ),
    (
        "transactions of one source",
        "switch/src/config/mod.rs",
        "max_transactions",
        "one_source_cannot_take_the_last_quarter",
    ),
    (
        "calls",
        "switch/src/config/mod.rs",
        "max_calls",
        "the_table_of_calls_has_an_end",
    ),
    (
        "messages (MESSAGE) under way",
        "switch/call/src/page.rs",
        "MAX_PAGES",
        "messages_under_way_have_an_end",
    ),
    (
        "calls given up",
        "switch/call/src/switch/index.rs",
        "STRAY_US",
        "strays_are_forgotten_in_time",
    ),
    (
        "nonces with counts",
        "switch/sip/src/digest/server.rs",
        "MAX_NONCES",
        "a_full_table_forgets_the_oldest_and_refuses_it",
    ),
    (
        "registered users and their phones",
        "switch/call/src/switch/state.rs",
        "MAX_REGISTERED_USERS",
        "users_are_bounded",
    ),
    // What the guard keeps of strangers.
    (
        "sources with points",
        "switch/call/src/guard/mod.rs",
        "MAX_SOURCES",
        "sources_and_slowed_ones_have_an_end",
    ),
    (
        "user names that fail",
        "switch/call/src/guard/mod.rs",
        "MAX_NAMES",
        "names_at_a_proved_source_have_an_end",
    ),
    (
        "user names that fail anywhere",
        "switch/call/src/guard/mod.rs",
        "MAX_NAMES",
        "names_that_fail_anywhere_have_an_end_and_the_guessed_one_stays",
    ),
    (
        "sources that proved themselves",
        "switch/call/src/guard/proofs.rs",
        "MAX_PROVED",
        "proved_sources_have_an_end_and_the_oldest_go",
    ),
    (
        "sources one name proved itself at",
        "switch/call/src/guard/proofs.rs",
        "MAX_PLACES",
        "one_name_takes_so_many_places_and_no_more",
    ),
    (
        "nonces that failed",
        "switch/sip/src/digest/server.rs",
        "MAX_FAILED",
        "a_nonce_holds_for_a_few_wrong_secrets_and_their_number_has_an_end",
    ),
    (
        "blocks",
        "switch/call/src/guard/mod.rs",
        "MAX_BLOCKED",
        "blocks_have_an_end_and_the_one_that_ends_first_gives_way",
    ),
    (
        "new blocks and alerts of them a second",
        "switch/call/src/guard/mod.rs",
        "BLOCKS",
        "a_flood_from_forged_addresses_fills_nothing",
    ),
    // What calls take with them.
    (
        "relays and their ports",
        "switch/media/src/ports.rs",
        "PortPool",
        "ports_run_out_and_come_back_and_strange_orders_do_no_harm",
    ),
    (
        "orders that wait for a relay thread",
        "switch/media/src/inbox.rs",
        "MAX_WAITING",
        "beyond_the_bound_no_relay_is_opened_and_open_ones_are_still_served",
    ),
    (
        "streams of a relay that are decrypted",
        "switch/media/src/srtp.rs",
        "MAX_STREAMS",
        "streams_are_bounded",
    ),
    (
        "transfers of a call",
        "switch/call/src/transfer/refer.rs",
        "MAX_DEPTH",
        "a_transferred_call_can_be_transferred_and_not_for_ever",
    ),
    // What registrars can make us do.
    (
        "challenges of a registrar that are answered",
        "switch/call/src/upstream/answer.rs",
        "MAX_CHALLENGES",
        "no_answer_of_a_registrar_makes_a_storm",
    ),
    (
        "upstream registrations made anew",
        "switch/call/src/upstream.rs",
        "HURRIED",
        "a_connection_that_breaks_again_and_again_makes_no_storm_either",
    ),
    // What operators keep of it.
    (
        "SIP traces",
        "switch/src/trace/mod.rs",
        "MAX_TRACES",
        "traces_have_an_end_in_number_and_size",
    ),
    (
        "bytes of a SIP trace",
        "switch/src/trace/ring.rs",
        "OVERHEAD",
        "time_and_size_are_bounds",
    ),
    (
        "calls a SIP trace knows",
        "switch/src/trace/ring.rs",
        "MEMORY",
        "memory_is_bounded",
    ),
    // What the store keeps.
    (
        "records of refusals",
        "switch/call/src/bill/refused.rs",
        "EACH",
        "a_flood_of_refusals_leaves_few_records_that_count_them_all",
    ),
    (
        "rows of blocks",
        "switch/store/src/journal/record.rs",
        "MOST_BLOCKS",
        "blocks_are_forgotten_in_time_and_never_more_than_so_many",
    ),
    (
        "rows of alerts",
        "switch/store/src/journal/record.rs",
        "MOST_ALERTS",
        "alerts_are_kept_up_to_so_many",
    ),
];

/// Rows whose bound or test is not there.
pub fn faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for (what, file, bound, test) in BOUNDS {
        let product = sources.iter().find(|source| source.path == *file);
        let bounded = product.is_some_and(|source| {
            let lines = source.product_lines();
            let uses = lines.iter().filter(|line| line.contains(bound)).count();
            // Said once and used at least once, or a field of the configuration.
            uses >= 2
                || (file.contains("/config/") || *file == "switch/sip/src/message/limits.rs")
                    && uses >= 1
        });
        if !bounded {
            faults.push(format!("{what}: no {bound} in {file}"));
        }
        let name = format!("fn {test}(");
        if !sources.iter().any(|source| source.text.contains(&name)) {
            faults.push(format!("{what}: no test {test}"));
        }
    }
    faults
}
