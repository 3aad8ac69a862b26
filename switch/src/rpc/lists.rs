//! Lists and edits of every resource the same way: the client's paging, filters and sort keys go to the store's
//! reader, its edits to the store's writer, both through the resource's table and with the caller's scope.

use super::{
    Api, Caller,
    columns::{self, Map},
    fault,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map as Object, Value};
use std::sync::Arc;
use tandem_protocol::{
    ErrorCode, ListParams, Op, Page, Revision, RpcError,
    list::{MAX_FILTERS, MAX_LIMIT},
};
use tandem_store::{Change, Edit, ListQuery, query};

/// Sort keys of one list call.
const MAX_SORT: usize = 4;

/// A list call as the store's query.
///
/// # Errors
/// `invalid` names the filter, sort key or page that does not fit.
pub fn query(map: &Map, caller: &Caller, params: &ListParams) -> Result<ListQuery, RpcError> {
    if params.limit == 0 || params.limit > MAX_LIMIT {
        return Err(RpcError::invalid(
            "limit",
            format!("limit {} is not 1 to {MAX_LIMIT}", params.limit),
        ));
    }
    if params.filter.len() > MAX_FILTERS || params.sort.len() > MAX_SORT {
        let reason = format!("at most {MAX_FILTERS} filters and {MAX_SORT} sort keys");
        return Err(RpcError::invalid("filter", reason));
    }
    let mut query = ListQuery::all(caller.scope()).page(params.offset, u64::from(params.limit));
    query.search.clone_from(&params.search);
    for filter in &params.filter {
        let (column, how) = known(map, "filter", &filter.field)?;
        let value = match &filter.value {
            Value::Array(values) => values
                .iter()
                .map(|v| columns::inward(how, v.clone()))
                .collect(),
            value => columns::inward(how, value.clone()),
        };
        query = match (filter.op, value) {
            (Op::Eq, Value::Null) => query.filter(column, query::Op::IsNull, Value::Null),
            (Op::Ne, Value::Null) => query.filter(column, query::Op::NotNull, Value::Null),
            (op, value) => query.filter(column, operator(op), value),
        };
    }
    for key in &params.sort {
        let (column, how) = known(map, "sort", &key.field)?;
        let descending = key.descending != (how == columns::How::Not);
        let order = if descending {
            query::Order::Descending
        } else {
            query::Order::Ascending
        };
        query = query.sort(column, order);
    }
    Ok(query)
}

fn known(
    map: &Map,
    parameter: &str,
    field: &str,
) -> Result<(&'static str, columns::How), RpcError> {
    map.column(field)
        .ok_or_else(|| RpcError::invalid(parameter, format!("{} has no field {field:?}", map.name)))
}

fn operator(op: Op) -> query::Op {
    match op {
        Op::Eq => query::Op::Eq,
        Op::Ne => query::Op::Ne,
        Op::Lt => query::Op::Lt,
        Op::Le => query::Op::Le,
        Op::Gt => query::Op::Gt,
        Op::Ge => query::Op::Ge,
        Op::Contains => query::Op::Contains,
        Op::StartsWith => query::Op::StartsWith,
        Op::In => query::Op::In,
    }
}

/// A row as the protocol's type.
///
/// # Errors
/// If table and type disagree: a fault of ours.
pub fn typed<T: DeserializeOwned>(map: &Map, row: Object<String, Value>) -> Result<T, RpcError> {
    serde_json::from_value(map.to_wire(row)).map_err(|e| fault::internal(map.name, e))
}

/// One page of a resource.
///
/// # Errors
/// Bad parameters, or the store failed.
pub async fn list<T>(
    api: &Arc<Api>,
    map: &'static Map,
    caller: &Caller,
    params: ListParams,
) -> Result<Page<T>, RpcError>
where
    T: DeserializeOwned + Send + 'static,
{
    let query = query(map, caller, &params)?;
    let reader = api.reader.clone();
    let page = api
        .blocking(move || reader.list(map.list, &query))
        .await?
        .map_err(|e| fault::query(map, e))?;
    let rows: Result<Vec<T>, RpcError> = page.rows.into_iter().map(|row| typed(map, row)).collect();
    let rows = rows?;
    Ok(Page {
        total: page.total.unwrap_or(rows.len() as u64),
        rows,
        offset: params.offset,
    })
}

/// One row of a resource by its id.
///
/// # Errors
/// `not_found` also for rows outside the caller's branch.
pub async fn row(
    api: &Arc<Api>,
    map: &'static Map,
    caller: &Caller,
    id: i64,
) -> Result<Object<String, Value>, RpcError> {
    let (reader, scope) = (api.reader.clone(), caller.scope());
    let found = api
        .blocking(move || reader.get_row(map.list, id, scope))
        .await?;
    found
        .map_err(|e| fault::query(map, e))?
        .ok_or_else(|| fault::not_found(map.name, id))
}

/// One object of a resource by its id.
///
/// # Errors
/// As [`row`].
pub async fn get<T: DeserializeOwned>(
    api: &Arc<Api>,
    map: &'static Map,
    caller: &Caller,
    id: i64,
) -> Result<T, RpcError> {
    typed(map, row(api, map, caller, id).await?)
}

/// Makes an object and gives it back as stored.
///
/// # Errors
/// What is wrong with it, field by field.
pub async fn create<T, E>(
    api: &Arc<Api>,
    map: &'static Map,
    caller: &Caller,
    edit: &E,
) -> Result<T, RpcError>
where
    T: DeserializeOwned,
    E: Serialize,
{
    let value = map.to_row(json(map, edit)?);
    let resource = map.resource()?;
    let id = write(api, map, caller, vec![Change::Create { resource, value }]).await?;
    get(api, map, caller, id).await
}

/// Changes an object and gives it back as stored.
///
/// # Errors
/// What is wrong with it, or that another edit came first.
pub async fn update<T, E>(
    api: &Arc<Api>,
    map: &'static Map,
    caller: &Caller,
    (id, revision): (i64, Option<Revision>),
    edit: &E,
) -> Result<T, RpcError>
where
    T: DeserializeOwned,
    E: Serialize,
{
    let change = change(api, map, caller, (id, revision), edit).await?;
    write(api, map, caller, vec![change]).await?;
    get(api, map, caller, id).await
}

/// The change of an update: the row as it shall be, on the revision it was made on.
///
/// # Errors
/// `not_found`, or a malformed revision.
pub async fn change<E: Serialize>(
    api: &Arc<Api>,
    map: &'static Map,
    caller: &Caller,
    (id, revision): (i64, Option<Revision>),
    edit: &E,
) -> Result<Change, RpcError> {
    let stored = row(api, map, caller, id).await?;
    let mut value = map.to_row(json(map, edit)?);
    let revision = match revision {
        Some(Revision(text)) => Value::from(number(&text)?),
        None => stored.get("revision").cloned().unwrap_or_default(),
    };
    value.insert("id".into(), Value::from(id));
    value.insert("revision".into(), revision);
    let resource = map.resource()?;
    Ok(Change::Update { resource, value })
}

/// Deletes an object.
///
/// # Errors
/// `not_found`, or what still refers to it.
pub async fn delete(
    api: &Arc<Api>,
    map: &'static Map,
    caller: &Caller,
    id: i64,
) -> Result<(), RpcError> {
    let stored = row(api, map, caller, id).await?;
    let revision = stored
        .get("revision")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let resource = map.resource()?;
    write(
        api,
        map,
        caller,
        vec![Change::Delete {
            resource,
            id,
            revision,
        }],
    )
    .await?;
    Ok(())
}

/// Makes changes in one transaction, all or none; the id of the first one's row comes back.
///
/// # Errors
/// Why none was made.
pub async fn write(
    api: &Arc<Api>,
    map: &'static Map,
    caller: &Caller,
    changes: Vec<Change>,
) -> Result<i64, RpcError> {
    let (writer, actor, at) = (api.writer.clone(), caller.actor(), api.clock.now());
    let edit = |change| Edit {
        actor: actor.clone(),
        at,
        change,
    };
    let edits: Vec<Edit> = changes.into_iter().map(edit).collect();
    let edited = api
        .blocking(move || writer.edit_all(edits))
        .await?
        .map_err(|e| fault::edit(map, e))?;
    edited
        .first()
        .map(|first| first.id)
        .ok_or_else(|| fault::internal(map.name, "no result"))
}

/// As JSON.
///
/// # Errors
/// Never for the protocol's types.
pub fn json(map: &Map, edit: &impl Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(edit).map_err(|e| fault::internal(map.name, e))
}

fn number(text: &str) -> Result<i64, RpcError> {
    text.parse().map_err(|_| {
        RpcError::new(
            ErrorCode::Conflict,
            format!("revision {text:?} is none of this switch"),
        )
        .at("revision")
    })
}
