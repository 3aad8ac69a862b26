//! The OpenRPC document (spec.open-rpc.org, 1.3.2), printed from the method table.

use crate::{
    error::ErrorCode,
    method::{METHODS, MethodInfo},
    role::Access,
};
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The document of all methods. `version` is the switch's.
#[must_use]
pub fn document(version: &str) -> Value {
    let settings =
        SchemaSettings::draft07().with(|s| s.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let methods: Vec<Value> = METHODS
        .iter()
        .map(|info| method(info, &mut generator))
        .collect();
    let schemas: Map<String, Value> = generator.take_definitions(true);
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "Tandem",
            "version": version,
            "description": "JSON-RPC 2.0 over one TLS WebSocket at /rpc. Log in with session.login first. \
                Amounts are integers of 0.000001 of the currency, prices are decimal strings, times are \
                milliseconds since 1970 in UTC.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "methods": methods,
        "components": { "schemas": schemas, "errors": errors() },
    })
}

fn method(info: &MethodInfo, generator: &mut SchemaGenerator) -> Value {
    let params = (info.params)(generator);
    let result = (info.result)(generator);
    let doc = info
        .doc
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" ");
    let summary = doc.split_inclusive(". ").next().unwrap_or_default().trim();
    json!({
        "name": info.name,
        "summary": summary,
        "description": format!("{doc}\n\n{}", access_text(info.access)),
        "tags": [{ "name": info.name.split('.').next().unwrap_or_default() }],
        "paramStructure": "by-name",
        "params": descriptors(&params, generator),
        "result": { "name": "result", "schema": result },
        "errors": ErrorCode::ALL.iter().map(|c| json!({ "$ref": format!("#/components/errors/{}", code_name(*c)) }))
            .collect::<Vec<_>>(),
        "x-access": access_value(info.access),
    })
}

/// The properties of the parameters object, one content descriptor each; required ones first.
fn descriptors(params: &Schema, generator: &SchemaGenerator) -> Vec<Value> {
    let resolved = resolve(params, generator);
    let required: Vec<&str> = resolved
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let Some(properties) = resolved.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut list: Vec<Value> = properties
        .iter()
        .map(|(name, schema)| json!({ "name": name, "required": required.contains(&name.as_str()), "schema": schema }))
        .collect();
    list.sort_by_key(|d| d["required"] != json!(true));
    list
}

fn resolve(schema: &Schema, generator: &SchemaGenerator) -> Value {
    let target = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| path.rsplit('/').next())
        .and_then(|name| generator.definitions().get(name));
    target.cloned().unwrap_or_else(|| schema.clone().to_value())
}

fn access_text(access: Access) -> String {
    match access {
        Access::Open => "No log-in needed.".into(),
        Access::LoggedIn => "Any log-in.".into(),
        Access::Needs(area, right) => {
            format!(
                "Needs the right to {} in the area {}.",
                name_of(&right),
                name_of(&area)
            )
        }
    }
}

fn access_value(access: Access) -> Value {
    match access {
        Access::Open => json!("open"),
        Access::LoggedIn => json!("logged_in"),
        Access::Needs(area, right) => json!({ "area": area, "right": right }),
    }
}

fn errors() -> Map<String, Value> {
    ErrorCode::ALL
        .into_iter()
        .map(|code| {
            let name = code_name(code);
            let error = json!({ "code": code.number(), "message": name.replace('_', " "), "data": { "code": name } });
            (name, error)
        })
        .collect()
}

fn code_name(code: ErrorCode) -> String {
    name_of(&code)
}

fn name_of(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}
