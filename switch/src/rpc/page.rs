//! Pages of rows that are in memory: the same filters, sort keys and limits as the store's lists.

use serde::Serialize;
use serde_json::Value;
use std::cmp::Ordering;
use tandem_protocol::{
    Filter, ListParams, Op, Page, RpcError,
    list::{MAX_FILTERS, MAX_LIMIT},
};

/// The page asked for. `search` names the fields that free text is looked for in.
///
/// # Errors
/// `invalid` names the filter or limit that does not fit.
pub fn page<T: Serialize>(
    rows: Vec<T>,
    params: &ListParams,
    search: &[&str],
) -> Result<Page<T>, RpcError> {
    if params.limit == 0 || params.limit > MAX_LIMIT {
        return Err(RpcError::invalid(
            "limit",
            format!("limit {} is not 1 to {MAX_LIMIT}", params.limit),
        ));
    }
    if params.filter.len() > MAX_FILTERS {
        return Err(RpcError::invalid(
            "filter",
            format!("more than {MAX_FILTERS} filters"),
        ));
    }
    let mut kept: Vec<(Value, T)> = Vec::new();
    for row in rows {
        let json = serde_json::to_value(&row).unwrap_or_default();
        let fits = params.filter.iter().try_fold(true, |all, filter| {
            fits(&json, filter).map(|fit| all && fit)
        })?;
        if fits && found(&json, search, &params.search) {
            kept.push((json, row));
        }
    }
    for key in params.sort.iter().rev() {
        kept.sort_by(|(a, _), (b, _)| {
            let order = compare(&a[key.field.as_str()], &b[key.field.as_str()]);
            if key.descending {
                order.reverse()
            } else {
                order
            }
        });
    }
    let total = kept.len() as u64;
    let offset = usize::try_from(params.offset).unwrap_or(usize::MAX);
    let limit = usize::try_from(params.limit).unwrap_or(usize::MAX);
    let rows = kept
        .into_iter()
        .skip(offset)
        .take(limit)
        .map(|(_, row)| row)
        .collect();
    Ok(Page {
        rows,
        total,
        offset: params.offset,
    })
}

fn fits(row: &Value, filter: &Filter) -> Result<bool, RpcError> {
    let Some(value) = row.get(filter.field.as_str()) else {
        return Err(RpcError::invalid(
            "filter",
            format!("there is no field {:?}", filter.field),
        ));
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    Ok(match filter.op {
        Op::Eq => *value == filter.value,
        Op::Ne => *value != filter.value,
        Op::Lt => compare(value, &filter.value).is_lt(),
        Op::Le => compare(value, &filter.value).is_le(),
        Op::Gt => compare(value, &filter.value).is_gt(),
        Op::Ge => compare(value, &filter.value).is_ge(),
        Op::Contains => text(value).contains(&text(&filter.value)),
        Op::StartsWith => text(value).starts_with(&text(&filter.value)),
        Op::In => filter
            .value
            .as_array()
            .is_some_and(|all| all.contains(value)),
    })
}

fn found(row: &Value, fields: &[&str], search: &str) -> bool {
    let search = search.to_lowercase();
    search.is_empty()
        || fields
            .iter()
            .any(|field| row[*field].to_string().to_lowercase().contains(&search))
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_i64().cmp(&b.as_i64()),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => a.to_string().cmp(&b.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::page;
    use serde::Serialize;
    use tandem_protocol::{ListParams, Op};

    #[derive(Clone, Debug, PartialEq, Serialize)]
    struct Row {
        name: &'static str,
        age: i64,
    }

    const ROWS: [Row; 4] = [
        Row {
            name: "dora",
            age: 9,
        },
        Row {
            name: "Ann",
            age: 10,
        },
        Row {
            name: "bob",
            age: 10,
        },
        Row {
            name: "cid",
            age: -1,
        },
    ];

    fn names(params: ListParams) -> Vec<&'static str> {
        let page = page(ROWS.to_vec(), &params, &["name"]).expect("a page");
        page.rows.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn rows_are_filtered_sorted_and_paged() {
        let all = ListParams::default;
        assert_eq!(
            names(all().sorted("age", true).sorted("name", false)),
            ["Ann", "bob", "dora", "cid"]
        );
        assert_eq!(
            names(all().with("age", Op::Ge, 9).sorted("name", true)),
            ["dora", "bob", "Ann"]
        );
        assert_eq!(names(all().with("name", Op::Contains, "AN")), ["Ann"]);
        assert_eq!(
            names(all().with("name", Op::In, vec!["bob", "cid"])),
            ["bob", "cid"]
        );
        assert_eq!(
            names(ListParams {
                search: "OR".into(),
                ..all()
            }),
            ["dora"]
        );
        assert_eq!(
            names(ListParams {
                offset: 1,
                limit: 2,
                ..all()
            }),
            ["Ann", "bob"]
        );
        assert!(page(ROWS.to_vec(), &all().with("size", Op::Eq, 1), &[]).is_err());
        assert!(page(ROWS.to_vec(), &ListParams { limit: 0, ..all() }, &[]).is_err());
    }
}
