//! DIDs.

use super::{How, Map, col, how, untouched};
use tandem_store::{List, record::Resource};

/// DIDs. A reseller does not see where their calls come from.
pub const DID: Map = Map {
    list: List::Of(Resource::Did),
    name: "DID",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("account_login", "account_login"),
        col("tariff_name", "tariff_name"),
        col("source_gateway_name", "source_gateway_name"),
        col("source_upstream_name", "source_upstream_name"),
        col("edit.number", "number"),
        how("edit.enabled", "disabled", How::Not),
        col("edit.source.gateway", "source_gateway_id"),
        col("edit.source.upstream", "source_upstream_id"),
        col("edit.account", "account_id"),
        col("edit.target.to", "target"),
        col("edit.target.number", "forward_to"),
        col("edit.target.status", "refuse_status"),
        col("edit.target.reason", "refuse_reason"),
        col("edit.tariff", "tariff_id"),
        col("edit.max_calls", "max_calls"),
        col("edit.note", "note"),
    ],
    finish: untouched,
    prepare: untouched,
};

#[cfg(test)]
mod tests {
    use super::DID;
    use tandem_protocol::did::{DidEdit, DidTarget};

    #[test]
    fn targets_survive() {
        let forward = DidTarget::Forward {
            number: "44207".into(),
        };
        let refuse = DidTarget::Refuse {
            status: 486,
            reason: "Busy Here".into(),
        };
        for target in [DidTarget::Phones, forward, refuse] {
            let edit = DidEdit {
                target,
                ..DidEdit::default()
            };
            let row = DID.to_row(serde_json::to_value(&edit).expect("writes"));
            let wire = DID.to_wire(row);
            let back = serde_json::from_value(wire["edit"].clone());
            assert_eq!(back.ok(), Some(edit));
        }
    }
}
