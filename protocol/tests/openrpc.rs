//! The OpenRPC document against the rules of its specification (spec.open-rpc.org, 1.3), and against the table.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use tandem_protocol::{
    METHODS,
    openrpc::document,
    role::{Access, Area, Right, Role},
};

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    let text = value[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} of {value}"));
    assert!(!text.trim().is_empty(), "{field} of {value}");
    text
}

/// Every reference, wherever it stands, leads somewhere inside the document.
fn resolve_all(value: &Value, document: &Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(path)) = map.get("$ref") {
                let pointer = path
                    .strip_prefix('#')
                    .unwrap_or_else(|| panic!("{path} leads outside"));
                assert!(document.pointer(pointer).is_some(), "{path} leads nowhere");
            }
            map.values().for_each(|inner| resolve_all(inner, document));
        }
        Value::Array(list) => list.iter().for_each(|inner| resolve_all(inner, document)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_schema(schema: &Value) -> bool {
    schema.is_object() || schema.is_boolean()
}

#[test]
fn the_document_keeps_the_rules_of_openrpc() {
    let document = document("1.2.3");
    assert!(text(&document, "openrpc").starts_with("1."));
    assert_eq!(text(&document["info"], "version"), "1.2.3");
    text(&document["info"], "title");
    text(&document["info"]["license"], "name");
    resolve_all(&document, &document);
    for error in document["components"]["errors"]
        .as_object()
        .expect("errors")
        .values()
    {
        assert!(error["code"].is_i64(), "{error}");
        text(error, "message");
    }
    let mut names = BTreeSet::new();
    for method in document["methods"].as_array().expect("methods") {
        let name = text(method, "name");
        assert!(names.insert(name.to_owned()), "{name} stands twice");
        assert_eq!(method["paramStructure"], "by-name");
        text(method, "summary");
        text(&method["result"], "name");
        assert!(is_schema(&method["result"]["schema"]), "{name}");
        let params = method["params"].as_array().expect("params");
        let required: Vec<bool> = params
            .iter()
            .map(|p| p["required"] == json!(true))
            .collect();
        assert!(
            required.is_sorted_by(|a, b| a >= b),
            "{name}: required ones first"
        );
        let unique: BTreeSet<&str> = params.iter().map(|p| text(p, "name")).collect();
        assert_eq!(unique.len(), params.len(), "{name}");
        assert!(params.iter().all(|p| is_schema(&p["schema"])), "{name}");
    }
    assert_eq!(names.len(), METHODS.len());
}

#[test]
fn parameters_and_rights_are_told() {
    let document = document("0");
    let methods = document["methods"].as_array().expect("methods");
    let method = |name: &str| {
        methods
            .iter()
            .find(|m| m["name"] == name)
            .unwrap_or_else(|| panic!("{name}"))
    };
    let params = |name: &str| -> Vec<String> {
        let list = method(name)["params"].as_array().expect("params");
        list.iter().map(|p| text(p, "name").to_owned()).collect()
    };
    assert_eq!(params("session.login"), ["login", "password"]);
    assert_eq!(params("account.update"), ["edit", "id", "revision"]);
    assert_eq!(
        params("account.list"),
        ["filter", "limit", "offset", "search", "sort"]
    );
    assert!(params("system.info").is_empty());
    assert_eq!(
        method("account.update")["x-access"],
        json!({ "area": "accounts", "right": "change" })
    );
    let account = &document["components"]["schemas"]["AccountEdit"]["properties"];
    assert!(
        account["login"]["description"]
            .as_str()
            .is_some_and(|doc| doc.starts_with("Unique name"))
    );
}

/// Area, then what each role may at most do there.
const CEILINGS: &str = "
    area       admin   operator viewer reseller
    accounts   change  change   see    change
    gateways   change  change   see    -
    dial_plan  change  change   see    see
    tariffs    change  change   see    change
    money      change  change   see    change
    cdrs       change  change   see    see
    recordings change  -        -      change
    live       change  change   see    change
    sip_traces change  -        -      change
    simulator  change  change   see    see
    settings   change  see      see    -
    logins     change  -        -      -
    audit      change  -        -      -
    system     change  change   see    -
";

#[test]
fn roles_reach_as_far_as_written() {
    let mut areas = Area::ALL.into_iter();
    for line in CEILINGS.trim().lines().skip(1) {
        let mut words = line.split_whitespace();
        let area = areas.next().expect("as many areas as lines");
        assert_eq!(json!(area).as_str(), words.next());
        for role in Role::ALL {
            let expected = match words.next().expect("a word for each role") {
                "change" => Some(Right::Change),
                "see" => Some(Right::See),
                _ => None,
            };
            assert_eq!(role.ceiling(area), expected, "{role:?} {area:?}");
            for right in [Right::See, Right::Change] {
                let allowed = Access::Needs(area, right).allows(role, &[]);
                assert_eq!(
                    allowed,
                    expected >= Some(right),
                    "{role:?} {area:?} {right:?}"
                );
            }
        }
    }
    assert_eq!(areas.next(), None);
}

#[test]
fn grants_narrow_and_never_widen() {
    let grant = |area, right| tandem_protocol::Grant { area, right };
    let narrowed = [
        grant(Area::Cdrs, Right::Change),
        grant(Area::Logins, Right::Change),
    ];
    for role in Role::ALL {
        for area in Area::ALL {
            let has = role.effective(&narrowed, area);
            assert!(has <= role.ceiling(area), "{role:?} {area:?}");
            let is_granted = narrowed.iter().any(|g| g.area == area);
            assert!(is_granted || has.is_none(), "{role:?} {area:?}");
        }
    }
    assert_eq!(
        Role::Viewer.effective(&narrowed, Area::Cdrs),
        Some(Right::See)
    );
}
