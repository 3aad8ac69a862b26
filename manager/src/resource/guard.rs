//! Whose messages are heard: blocks that the guard made, rules of operators.

use super::{
    Choice, Input, Kind, Methods, Resource, Section, choice, col, default, field, same, toned,
};
use crate::theme::Tone;
use tandem_protocol::guard::SourceRuleEdit;

const VERDICTS: [Choice; 2] = [
    toned("block", "Block", Tone::Bad),
    toned("allow", "Allow", Tone::Good),
];

const ORIGINS: [Choice; 2] = [
    choice("guard", "The switch"),
    choice("operator", "An operator"),
];

pub static SOURCE_RULES: Resource = Resource {
    singular: "address rule",
    icon: "🛡",
    key: "id",
    name: "edit.network",
    methods: Methods {
        list: "source_rule.list",
        get: Some("source_rule.get"),
        create: Some("source_rule.create"),
        update: Some("source_rule.update"),
        delete: Some("source_rule.delete"),
    },
    columns: &[
        col("edit.network", "Addresses", 22, Kind::Text),
        col("edit.verdict", "Does", 10, Kind::Choice(&VERDICTS)),
        col("origin", "Made by", 12, Kind::Choice(&ORIGINS)),
        col("made_at", "Since", 19, Kind::Time),
        col("edit.expires_at", "Until", 19, Kind::Time),
        col("repeats", "In a row", 9, Kind::Limit),
        col("edit.reason", "Reason", 50, Kind::Text),
    ],
    order: "made_at",
    sort: Some(("made_at", true)),
    sections: &[Section {
        title: "Address rule",
        fields: &[
            field("network", "Addresses", Input::Text).required().hint(
                "One, or a range such as 203.0.113.0/24; of several rules the narrowest holds",
            ),
            field("verdict", "Does", Input::Choice(&VERDICTS))
                .hint("Block: nothing from there is read. Allow: never slowed or blocked"),
            field("expires_at", "Until", Input::OptionalTime)
                .hint("Empty: until it is deleted. Deleting a block lifts it at once"),
            field("reason", "Reason", Input::Text),
        ],
    }],
    links: &[],
    blank: default::<SourceRuleEdit>,
    to_form: same,
    to_wire: same,
};
