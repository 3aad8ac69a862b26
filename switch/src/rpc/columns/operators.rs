//! Logins. The store keeps three roles and, for operators, rights by area; the protocol has a fourth role,
//! the viewer: an operator who may only see.

use super::{How, Map, col, get, how, put, take, untouched};
use serde_json::{Map as Object, Value, json};
use tandem_protocol::{Area, Grant, Right, Role};
use tandem_store::{List, record::Resource};

/// Logins.
pub const LOGIN: Map = Map {
    list: List::Of(Resource::Login),
    name: "login",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("failures", "failures"),
        col("locked_until", "locked_until"),
        col("last_login_at", "last_login_at"),
        col("edit.name", "name"),
        how("edit.password", "password", How::Secret),
        col("edit.role", "role"),
        col("edit.grants", "rights"),
        col("edit.account", "account_id"),
        how("edit.enabled", "disabled", How::Not),
        col("edit.email", "email"),
    ],
    finish,
    prepare,
};

const ROLE: &str = "edit.role";
const GRANTS: &str = "edit.grants";

fn finish(wire: &mut Value) {
    let stored = take(wire, GRANTS).unwrap_or_default();
    let grants = grants_of(&stored);
    let role = get(wire, ROLE)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let (role, grants) = role_of(&role, grants);
    put(wire, ROLE, json!(role));
    put(wire, GRANTS, json!(grants));
}

fn prepare(wire: &mut Value) {
    let role = get(wire, ROLE).and_then(|role| serde_json::from_value(role.clone()).ok());
    let grants: Option<Vec<Grant>> =
        get(wire, GRANTS).and_then(|grants| serde_json::from_value(grants.clone()).ok());
    let Some(role) = role else {
        return;
    };
    let (role, rights) = stored(role, grants);
    put(wire, ROLE, json!(role));
    put(wire, GRANTS, rights);
}

/// The protocol's role and grants of what the store keeps; no grants where it has all of the role.
#[must_use]
pub fn role_of(stored: &str, grants: Vec<Grant>) -> (Role, Option<Vec<Grant>>) {
    let role = match stored {
        "admin" => return (Role::Admin, None),
        "reseller" => Role::Reseller,
        _ if !grants.is_empty() && grants.iter().all(|g| g.right == Right::See) => Role::Viewer,
        _ => Role::Operator,
    };
    let is_whole = grants == whole(role) || (role == Role::Reseller && grants.is_empty());
    (role, (!is_whole).then_some(grants))
}

/// The store's rights object as grants, in the order of the areas; unknown areas are left out.
#[must_use]
pub fn grants_of(rights: &Value) -> Vec<Grant> {
    let grant = |area: Area| {
        let name = json!(area);
        let right = rights.get(name.as_str()?)?;
        let right = serde_json::from_value(right.clone()).ok()?;
        Some(Grant { area, right })
    };
    Area::ALL.into_iter().filter_map(grant).collect()
}

/// What the store keeps of a role and its grants: for operators and viewers every right is written out, since an
/// area left out is hidden. Admins and resellers cannot be narrowed: the store refuses grants of theirs.
fn stored(role: Role, grants: Option<Vec<Grant>>) -> (&'static str, Value) {
    let name = match role {
        Role::Admin => "admin",
        Role::Reseller => "reseller",
        Role::Operator | Role::Viewer => "operator",
    };
    let grants = match (role, grants) {
        (Role::Admin | Role::Reseller, grants) => grants.unwrap_or_default(),
        (Role::Operator | Role::Viewer, None) => whole(role),
        (Role::Operator | Role::Viewer, Some(grants)) => narrowed(role, &grants),
    };
    let rights = grants
        .iter()
        .filter_map(|g| Some((json!(g.area).as_str()?.to_owned(), json!(g.right))));
    (name, Value::Object(Object::from_iter(rights)))
}

fn whole(role: Role) -> Vec<Grant> {
    let all = Area::ALL.into_iter();
    all.filter_map(|area| role.ceiling(area).map(|right| Grant { area, right }))
        .collect()
}

fn narrowed(role: Role, grants: &[Grant]) -> Vec<Grant> {
    if grants.is_empty() {
        return Vec::new();
    }
    let all = Area::ALL.into_iter();
    all.filter_map(|area| {
        role.effective(grants, area)
            .map(|right| Grant { area, right })
    })
    .collect()
}

/// Rules about source addresses.
pub const SOURCE_RULE: Map = Map {
    list: List::Of(Resource::SourceRule),
    name: "source rule",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("origin", "origin"),
        col("made_at", "made_at"),
        col("repeats", "repeats"),
        col("edit.network", "network"),
        col("edit.verdict", "verdict"),
        col("edit.expires_at", "expires_at"),
        col("edit.reason", "reason"),
    ],
    finish: untouched,
    prepare: untouched,
};

#[cfg(test)]
mod tests {
    use super::{LOGIN, whole};
    use tandem_protocol::{AccountId, Area, Grant, Right, Role, login::LoginEdit};

    fn round(role: Role, grants: Option<Vec<Grant>>) -> LoginEdit {
        let edit = LoginEdit {
            name: "ann".into(),
            password: None,
            role,
            grants,
            account: (role == Role::Reseller).then_some(AccountId(4)),
            enabled: true,
            email: String::new(),
        };
        let row = LOGIN.to_row(serde_json::to_value(edit).expect("writes"));
        let back = LOGIN.to_wire(row).get("edit").cloned().unwrap_or_default();
        serde_json::from_value(back).expect("a login")
    }

    #[test]
    fn roles_survive_the_stores_three() {
        for role in Role::ALL {
            let back = round(role, None);
            assert_eq!((back.role, back.grants), (role, None));
        }
        let see = Some(vec![Grant {
            area: Area::Cdrs,
            right: Right::See,
        }]);
        assert_eq!(round(Role::Viewer, see.clone()).grants, see);
    }

    #[test]
    fn no_rights_stay_none() {
        let bare = round(Role::Operator, Some(Vec::new()));
        assert_eq!((bare.role, bare.grants), (Role::Operator, Some(Vec::new())));
        let above = vec![Grant {
            area: Area::Logins,
            right: Right::Change,
        }];
        assert_eq!(
            round(Role::Operator, Some(above)).grants,
            Some(Vec::new()),
            "the role has none of it"
        );
    }

    #[test]
    fn an_operator_who_may_only_see_is_a_viewer() {
        let see = vec![Grant {
            area: Area::Cdrs,
            right: Right::See,
        }];
        assert_eq!(round(Role::Operator, Some(see)).role, Role::Viewer);
        let change = Some(vec![Grant {
            area: Area::Cdrs,
            right: Right::Change,
        }]);
        assert_eq!(round(Role::Operator, change.clone()).grants, change);
    }

    #[test]
    fn nothing_is_stored_above_the_role() {
        let all = whole(Role::Admin);
        assert_eq!(
            round(Role::Viewer, Some(all.clone())).grants,
            None,
            "all that a viewer has"
        );
        let operator = round(Role::Operator, Some(all));
        assert_eq!((operator.role, operator.grants), (Role::Operator, None));
    }
}
