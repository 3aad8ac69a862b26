//! The columns of every resource: what a list may show, filter and sort by, and who may see it.

use super::Resource;

/// How a column's value turns into JSON and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Whole number: ids, micro-units, milliseconds, counts.
    Int,
    /// 0 or 1.
    Bool,
    /// Text, decimals and enum names included.
    Text,
    /// A decimal kept as text; sorted and compared as a number.
    Decimal,
    /// A JSON document kept as text; cannot be sorted by.
    Json,
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the column of its name.
    Column,
    /// An expression over the row `t`; never written.
    Computed(&'static str),
    /// An input that is stored in another form, or never shown.
    Secret,
}

/// Who may see a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone who may see the row.
    All,
    /// Operators; it is left out of what a reseller sees, who can neither filter nor sort by it.
    Operator,
    /// Operators, and a reseller on rows that fit this SQL condition.
    When(&'static str),
}

/// One column of a list.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in JSON, and in SQL if it is a column.
    pub name: &'static str,
    /// How it is converted.
    pub kind: FieldKind,
    /// Where it is.
    pub source: Source,
    /// Who may see it.
    pub audience: Audience,
}

impl Field {
    const fn new(name: &'static str, kind: FieldKind) -> Self {
        Self {
            name,
            kind,
            source: Source::Column,
            audience: Audience::All,
        }
    }
    /// The value is this SQL expression.
    pub(crate) const fn is(mut self, expression: &'static str) -> Self {
        self.source = Source::Computed(expression);
        self
    }
    /// Hidden from resellers on rows that do not fit.
    pub(crate) const fn when(mut self, condition: &'static str) -> Self {
        self.audience = Audience::When(condition);
        self
    }
    /// Hidden from resellers.
    pub(crate) const fn operator(mut self) -> Self {
        self.audience = Audience::Operator;
        self
    }
}

const OWN_TARIFF: &str = "t.owner_id IN branch";

/// A whole number.
pub(crate) const fn int(name: &'static str) -> Field {
    Field::new(name, FieldKind::Int)
}
/// A flag.
pub(crate) const fn flag(name: &'static str) -> Field {
    Field::new(name, FieldKind::Bool)
}
/// A text.
pub(crate) const fn text(name: &'static str) -> Field {
    Field::new(name, FieldKind::Text)
}
/// An exact decimal.
pub(crate) const fn decimal(name: &'static str) -> Field {
    Field::new(name, FieldKind::Decimal)
}
/// A document.
pub(crate) const fn json(name: &'static str) -> Field {
    Field::new(name, FieldKind::Json)
}
/// An input only.
pub(crate) const fn secret(name: &'static str) -> Field {
    Field {
        source: Source::Secret,
        ..Field::new(name, FieldKind::Text)
    }
}

/// A list: where its rows come from, what they hold, and which of them a reseller sees.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The table, and the resource's name.
    pub table: &'static str,
    /// What is read: FROM clause in which the row is `t`.
    pub from: &'static str,
    /// What each row has.
    pub fields: &'static [Field],
    /// SQL over the row `t` and the set `branch` of account ids; None: resellers see no row.
    pub branch: Option<&'static str>,
    /// Fields the free-text search looks in.
    pub search: &'static [&'static str],
    /// The key that makes an order total.
    pub key: &'static str,
}

impl View {
    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
    /// Fields that are written.
    pub fn columns(&self) -> impl Iterator<Item = &'static Field> {
        self.fields
            .iter()
            .filter(|field| field.source == Source::Column)
    }
}

const OWN_ACCOUNT: Option<&str> = Some("t.account_id IN branch");

const ACCOUNT: View = View {
    table: "account",
    from: "account t",
    fields: &[
        int("id"), int("revision"), text("login"), text("kind"), text("status"), text("currency"),
        text("payment_mode"), int("credit_limit"), int("reseller_id"), int("tariff_id"),
        int("routing_group_id"), int("expires_at"), text("rules"), text("caller_id_mode"),
        json("caller_ids"), json("allowed_prefixes"), json("blocked_prefixes"), int("max_calls"),
        int("max_cps"), int("max_duration_s"), int("max_rate_per_minute"), int("daily_spend_limit"),
        json("codecs"), text("media"), text("srtp"), text("loss_policy"), json("signalling").operator(), text("name"), text("company"),
        text("address"), text("city"), text("zip"), text("state"), text("country"), text("email"),
        text("phone"), text("tax_id"), text("language"), text("time_zone"), text("notes").when("t.id <> :root"),
        int("low_balance_at"), text("low_balance_mail"), text("lot"), int("created_at"),
        json("granted_tariffs").is("(SELECT json_group_array(tariff_id) FROM reseller_tariff WHERE account_id = t.id)"),
        json("granted_groups").is("(SELECT json_group_array(routing_group_id) FROM reseller_group WHERE account_id = t.id)"),
        int("balance").is("coalesce((SELECT amount FROM balance WHERE account_id = t.id), 0)"),
        int("held").is("coalesce((SELECT sum(amount) FROM hold WHERE account_id = t.id), 0)"),
        text("tariff_name").is("(SELECT name FROM tariff WHERE id = t.tariff_id)"),
        text("routing_group_name").is("(SELECT name FROM routing_group WHERE id = t.routing_group_id)"),
        text("reseller_login").is("(SELECT login FROM account WHERE id = t.reseller_id)"),
    ],
    branch: Some("t.id IN branch"),
    search: &["login", "name", "company", "email", "lot"],
    key: "id",
};

const DEVICE: View = View {
    table: "device",
    from: "device t",
    fields: &[
        int("id"),
        int("revision"),
        int("account_id"),
        text("username"),
        text("extension"),
        text("description"),
        flag("disabled"),
        secret("password"),
        text("account_login").is("(SELECT login FROM account WHERE id = t.account_id)"),
        int("registrations").is("(SELECT count(*) FROM registration WHERE username = t.username)"),
    ],
    branch: OWN_ACCOUNT,
    search: &["username", "extension", "description"],
    key: "id",
};

const SOURCE_ADDRESS: View = View {
    table: "source_address",
    from: "source_address t",
    fields: &[
        int("id"),
        int("revision"),
        int("account_id"),
        text("network"),
        int("port"),
        text("transport"),
        text("tech_prefix"),
        text("account_login").is("(SELECT login FROM account WHERE id = t.account_id)"),
    ],
    branch: OWN_ACCOUNT,
    search: &["network", "tech_prefix"],
    key: "id",
};

const LOGIN: View = View {
    table: "login",
    from: "login t",
    fields: &[
        int("id"),
        int("revision"),
        text("name"),
        text("role"),
        int("account_id"),
        json("rights"),
        flag("disabled"),
        text("email"),
        secret("password"),
        int("failures").is("t.failures"),
        int("locked_until").is("NULLIF(t.locked_until, 0)"),
        int("last_login_at").is("t.last_login_at"),
    ],
    branch: OWN_ACCOUNT,
    search: &["name", "email"],
    key: "id",
};

const GATEWAY: View = View {
    table: "gateway",
    from: "gateway t",
    fields: &[
        int("id"),
        int("revision"),
        text("name"),
        flag("disabled"),
        json("hosts").is(
            "(SELECT json_group_array(json_object('host', host, 'port', port, \
            'priority', priority, 'weight', weight, 'transport', transport) ORDER BY priority, position) \
            FROM gateway_host WHERE gateway_id = t.id)",
        ),
        text("transport"),
        text("tls_trust"),
        text("tls_name"),
        text("tls_fingerprint"),
        text("auth_username"),
        secret("auth_password"),
        text("rules"),
        json("codecs"),
        int("max_calls"),
        int("max_cps"),
        int("cost_tariff_id"),
        text("currency"),
        text("hunt_codes"),
        int("no_response_s"),
        int("ring_timeout_s"),
        text("from_domain"),
        flag("send_pai"),
        json("health"),
        json("hours"),
        int("inbound_account_id"),
        text("inbound_number"),
        text("inbound_reach"),
        json("signalling"),
        text("media"),
        text("srtp"),
        text("notes"),
        text("cost_tariff_name").is("(SELECT name FROM tariff WHERE id = t.cost_tariff_id)"),
        text("inbound_account_login")
            .is("(SELECT login FROM account WHERE id = t.inbound_account_id)"),
    ],
    branch: None,
    search: &["name", "notes"],
    key: "id",
};

const UPSTREAM: View = View {
    table: "upstream",
    from: "upstream t",
    fields: &[
        int("id"),
        int("revision"),
        text("name"),
        flag("disabled"),
        int("gateway_id"),
        text("registrar"),
        text("username"),
        text("auth_username"),
        secret("auth_password"),
        text("realm"),
        int("expires_s"),
        int("keep_alive_s"),
        secret("contact_user"),
        int("inbound_account_id"),
        text("inbound_number"),
        text("inbound_reach"),
        text("notes"),
        text("gateway_name").is("(SELECT name FROM gateway WHERE id = t.gateway_id)"),
        text("inbound_account_login")
            .is("(SELECT login FROM account WHERE id = t.inbound_account_id)"),
    ],
    branch: None,
    search: &["name", "username", "registrar", "notes"],
    key: "id",
};

const ROUTING_GROUP: View = View {
    table: "routing_group",
    from: "routing_group t",
    fields: &[
        int("id"),
        int("revision"),
        text("name"),
        int("inherits_id").operator(),
        text("policy").operator(),
        text("notes").operator(),
        int("routes")
            .is("(SELECT count(*) FROM route WHERE routing_group_id = t.id)")
            .operator(),
    ],
    branch: Some(
        "(t.id IN (SELECT routing_group_id FROM reseller_group WHERE account_id IN branch) \
         OR t.id IN (SELECT routing_group_id FROM account WHERE id IN branch))",
    ),
    search: &["name"],
    key: "id",
};

const ROUTE: View = View {
    table: "route",
    from: "route t",
    fields: &[
        int("id"),
        int("revision"),
        int("routing_group_id"),
        text("prefix"),
        int("priority"),
        text("target"),
        int("gateway_id"),
        int("account_id"),
        int("upstream_id"),
        int("reject_status"),
        text("reject_reason"),
        int("share"),
        int("from_day"),
        int("to_day"),
        int("from_minute"),
        int("to_minute"),
        flag("holiday"),
        text("time_zone"),
        text("rules"),
        int("max_calls"),
        int("max_cps"),
        flag("disabled"),
        text("routing_group_name")
            .is("(SELECT name FROM routing_group WHERE id = t.routing_group_id)"),
        text("gateway_name").is("(SELECT name FROM gateway WHERE id = t.gateway_id)"),
        text("upstream_name").is("(SELECT name FROM upstream WHERE id = t.upstream_id)"),
        text("account_login").is("(SELECT login FROM account WHERE id = t.account_id)"),
    ],
    branch: None,
    search: &["prefix"],
    key: "id",
};

const TARIFF: View = View {
    table: "tariff",
    from: "tariff t",
    fields: &[
        int("id"),
        int("revision"),
        text("name"),
        text("currency"),
        int("owner_id"),
        text("time_zone"),
        int("decimals"),
        text("band_policy"),
        int("base_tariff_id").when(OWN_TARIFF),
        decimal("base_percent").when(OWN_TARIFF),
        decimal("base_addition").when(OWN_TARIFF),
        json("holidays"),
        decimal("post_call_surcharge_pct"),
        decimal("min_charge"),
        decimal("max_charge"),
        json("defaults"),
        text("notes").when(OWN_TARIFF),
        int("rates")
            .is("(SELECT count(*) FROM rate WHERE tariff_id = t.id AND generation = t.generation)"),
        text("owner_login").is("(SELECT login FROM account WHERE id = t.owner_id)"),
    ],
    branch: Some(
        "(t.owner_id IN branch \
         OR t.id IN (SELECT tariff_id FROM reseller_tariff WHERE account_id IN branch) \
         OR t.id IN (SELECT tariff_id FROM account WHERE id IN branch))",
    ),
    search: &["name"],
    key: "id",
};

const RATE: View = View {
    table: "rate",
    // Rows being written or removed are not in force and not seen.
    from: "tariff g JOIN rate t ON t.tariff_id = g.id AND t.generation = g.generation",
    fields: &[
        int("id"),
        int("revision"),
        int("tariff_id"),
        text("prefix"),
        text("description"),
        decimal("price"),
        int("initial"),
        int("increment"),
        int("grace_period"),
        int("free_seconds"),
        decimal("multiplier"),
        decimal("addition"),
        decimal("connect_fee"),
        int("surcharge_time"),
        decimal("surcharge_amount"),
        decimal("post_call_surcharge_pct"),
        decimal("min_charge"),
        decimal("max_charge"),
        int("from_day"),
        int("to_day"),
        int("from_minute"),
        int("to_minute"),
        flag("holiday"),
        json("steps"),
        int("effective_from"),
        int("effective_to"),
        flag("blocked"),
        flag("free_to_call"),
    ],
    branch: Some(
        "(t.tariff_id IN (SELECT id FROM tariff WHERE owner_id IN branch) \
         OR t.tariff_id IN (SELECT tariff_id FROM reseller_tariff WHERE account_id IN branch) \
         OR t.tariff_id IN (SELECT tariff_id FROM account WHERE id IN branch))",
    ),
    search: &["prefix", "description"],
    key: "id",
};

const DNIS_TARIFF: View = View {
    table: "dnis_tariff",
    from: "dnis_tariff t",
    fields: &[
        int("id"),
        int("revision"),
        int("account_id"),
        text("prefix"),
        int("tariff_id"),
        text("tariff_name").is("(SELECT name FROM tariff WHERE id = t.tariff_id)"),
    ],
    branch: OWN_ACCOUNT,
    search: &["prefix"],
    key: "id",
};

const ANI_TARIFF: View = View {
    table: "ani_tariff",
    from: "ani_tariff t",
    ..DNIS_TARIFF
};

const SETTING: View = View {
    table: "setting",
    from: "setting t",
    fields: &[int("id"), int("revision"), text("key"), json("value")],
    branch: None,
    search: &["key"],
    key: "id",
};

const LIST_ENTRY: View = View {
    table: "list_entry",
    from: "list_entry t",
    fields: &[
        int("id"),
        int("revision"),
        int("account_id"),
        text("side"),
        text("verdict"),
        text("prefix"),
        text("note"),
        text("account_login").is("(SELECT login FROM account WHERE id = t.account_id)"),
    ],
    branch: OWN_ACCOUNT,
    search: &["prefix", "note"],
    key: "id",
};

const EXCHANGE_RATIO: View = View {
    table: "exchange_ratio",
    from: "exchange_ratio t",
    fields: &[
        int("id"),
        int("revision"),
        text("currency"),
        decimal("ratio"),
        int("valid_from"),
    ],
    branch: None,
    search: &["currency"],
    key: "id",
};

const SOURCE_RULE: View = View {
    table: "source_rule",
    from: "source_rule t",
    fields: &[
        int("id"),
        int("revision"),
        text("network"),
        text("verdict"),
        text("origin"),
        int("made_at"),
        int("expires_at"),
        int("repeats"),
        text("reason"),
    ],
    branch: None,
    search: &["network", "reason"],
    key: "id",
};

const DID: View = View {
    table: "did",
    from: "did t",
    fields: &[
        int("id"),
        int("revision"),
        text("number"),
        flag("disabled"),
        int("source_gateway_id").operator(),
        int("source_upstream_id").operator(),
        int("account_id"),
        text("target"),
        text("forward_to"),
        int("refuse_status"),
        text("refuse_reason"),
        int("tariff_id"),
        int("max_calls"),
        text("note"),
        text("account_login").is("(SELECT login FROM account WHERE id = t.account_id)"),
        text("tariff_name").is("(SELECT name FROM tariff WHERE id = t.tariff_id)"),
        text("source_gateway_name")
            .is("(SELECT name FROM gateway WHERE id = t.source_gateway_id)")
            .operator(),
        text("source_upstream_name")
            .is("(SELECT name FROM upstream WHERE id = t.source_upstream_id)")
            .operator(),
    ],
    branch: OWN_ACCOUNT,
    search: &["number", "forward_to", "note"],
    key: "id",
};

/// The list of a resource.
pub(crate) fn view(resource: Resource) -> &'static View {
    match resource {
        Resource::Account => &ACCOUNT,
        Resource::Device => &DEVICE,
        Resource::SourceAddress => &SOURCE_ADDRESS,
        Resource::Login => &LOGIN,
        Resource::Gateway => &GATEWAY,
        Resource::RoutingGroup => &ROUTING_GROUP,
        Resource::Route => &ROUTE,
        Resource::Tariff => &TARIFF,
        Resource::Rate => &RATE,
        Resource::DnisTariff => &DNIS_TARIFF,
        Resource::AniTariff => &ANI_TARIFF,
        Resource::Setting => &SETTING,
        Resource::ListEntry => &LIST_ENTRY,
        Resource::ExchangeRatio => &EXCHANGE_RATIO,
        Resource::SourceRule => &SOURCE_RULE,
        Resource::Upstream => &UPSTREAM,
        Resource::Did => &DID,
    }
}
