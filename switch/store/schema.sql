-- Money is INTEGER micro-units, time INTEGER UTC milliseconds, prices exact decimals as TEXT, lists JSON TEXT.

CREATE TABLE account (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    revision            INTEGER NOT NULL,
    login               TEXT NOT NULL UNIQUE,
    kind                TEXT NOT NULL,
    status              TEXT NOT NULL CHECK (status IN ('active', 'blocked', 'expired', 'closed')),
    currency            TEXT NOT NULL CHECK (length(currency) = 3),
    payment_mode        TEXT NOT NULL CHECK (payment_mode IN ('prepaid', 'postpaid')),
    credit_limit        INTEGER NOT NULL CHECK (credit_limit >= 0),
    reseller_id         INTEGER REFERENCES account (id),
    tariff_id           INTEGER REFERENCES tariff (id),
    routing_group_id    INTEGER REFERENCES routing_group (id),
    expires_at          INTEGER,
    rules               TEXT NOT NULL,
    caller_id_mode      TEXT NOT NULL,
    caller_ids          TEXT NOT NULL,
    allowed_prefixes    TEXT NOT NULL,
    blocked_prefixes    TEXT NOT NULL,
    max_calls           INTEGER NOT NULL,
    max_cps             INTEGER NOT NULL,
    max_duration_s      INTEGER NOT NULL,
    max_rate_per_minute INTEGER,
    daily_spend_limit   INTEGER,
    codecs              TEXT NOT NULL,
    media               TEXT NOT NULL,
    loss_policy         TEXT NOT NULL,
    name                TEXT NOT NULL,
    company             TEXT NOT NULL,
    address             TEXT NOT NULL,
    city                TEXT NOT NULL,
    zip                 TEXT NOT NULL,
    state               TEXT NOT NULL,
    country             TEXT NOT NULL,
    email               TEXT NOT NULL,
    phone               TEXT NOT NULL,
    tax_id              TEXT NOT NULL,
    language            TEXT NOT NULL,
    time_zone           TEXT NOT NULL,
    notes               TEXT NOT NULL,
    low_balance_at      INTEGER,
    low_balance_mail    TEXT NOT NULL,
    lot                 TEXT,
    created_at          INTEGER NOT NULL
, srtp TEXT NOT NULL DEFAULT 'accepted', signalling TEXT NOT NULL DEFAULT '{}') STRICT;
CREATE INDEX account_reseller ON account (reseller_id);
CREATE INDEX account_tariff ON account (tariff_id);
CREATE INDEX account_routing_group ON account (routing_group_id);
CREATE INDEX account_lot ON account (lot) WHERE lot IS NOT NULL;

-- What a reseller was given, and so may give on.
CREATE TABLE reseller_tariff (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    tariff_id  INTEGER NOT NULL REFERENCES tariff (id),
    PRIMARY KEY (account_id, tariff_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reseller_tariff_tariff ON reseller_tariff (tariff_id);
CREATE TABLE reseller_group (
    account_id       INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    routing_group_id INTEGER NOT NULL REFERENCES routing_group (id),
    PRIMARY KEY (account_id, routing_group_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reseller_group_group ON reseller_group (routing_group_id);

-- Only hashes of the password, under the realm in force when it was set.
CREATE TABLE device (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    revision    INTEGER NOT NULL,
    account_id  INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    username    TEXT NOT NULL UNIQUE,
    extension   TEXT UNIQUE,
    description TEXT NOT NULL,
    disabled    INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    ha1_md5     TEXT NOT NULL CHECK (length(ha1_md5) = 32),
    ha1_sha256  TEXT NOT NULL CHECK (length(ha1_sha256) = 64)
) STRICT;
CREATE INDEX device_account ON device (account_id);

CREATE TABLE source_address (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    revision    INTEGER NOT NULL,
    account_id  INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    network     TEXT NOT NULL,
    port        INTEGER CHECK (port BETWEEN 1 AND 65535),
    transport   TEXT,
    tech_prefix TEXT NOT NULL
) STRICT;
CREATE INDEX source_address_account ON source_address (account_id);
CREATE UNIQUE INDEX source_address_source
    ON source_address (network, coalesce(port, 0), coalesce(transport, ''), tech_prefix);

CREATE TABLE login (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    revision      INTEGER NOT NULL,
    name          TEXT NOT NULL UNIQUE,
    role          TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'reseller')),
    account_id    INTEGER REFERENCES account (id) ON DELETE CASCADE,
    rights        TEXT NOT NULL,
    disabled      INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    email         TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    failures      INTEGER NOT NULL DEFAULT 0,
    locked_until  INTEGER NOT NULL DEFAULT 0,
    last_login_at INTEGER,
    CHECK ((role = 'reseller') = (account_id IS NOT NULL))
) STRICT;
CREATE INDEX login_account ON login (account_id);

CREATE TABLE gateway (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    revision       INTEGER NOT NULL,
    name           TEXT NOT NULL UNIQUE,
    disabled       INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    transport      TEXT NOT NULL,
    auth_username  TEXT,
    auth_password  TEXT,
    rules          TEXT NOT NULL,
    codecs         TEXT NOT NULL,
    max_calls      INTEGER NOT NULL,
    max_cps        INTEGER NOT NULL,
    cost_tariff_id INTEGER REFERENCES tariff (id),
    currency       TEXT NOT NULL CHECK (length(currency) = 3),
    no_response_s  INTEGER NOT NULL,
    ring_timeout_s INTEGER NOT NULL,
    from_domain    TEXT,
    send_pai       INTEGER NOT NULL CHECK (send_pai IN (0, 1)),
    media          TEXT NOT NULL,
    notes          TEXT NOT NULL
, srtp TEXT NOT NULL DEFAULT 'accepted', tls_trust TEXT NOT NULL DEFAULT 'authority' CHECK (tls_trust IN ('authority', 'fingerprint', 'any')), tls_name TEXT, tls_fingerprint TEXT, signalling TEXT NOT NULL DEFAULT '{}', health TEXT NOT NULL DEFAULT '{}', hours TEXT NOT NULL DEFAULT '{}', inbound_account_id INTEGER REFERENCES account (id), hunt_codes TEXT NOT NULL DEFAULT '', inbound_number TEXT, inbound_reach TEXT NOT NULL DEFAULT 'number' CHECK (inbound_reach IN ('number', 'phones', 'anywhere'))) STRICT;
CREATE INDEX gateway_inbound_account ON gateway (inbound_account_id);
CREATE INDEX gateway_cost_tariff ON gateway (cost_tariff_id);
CREATE TABLE gateway_host (
    gateway_id INTEGER NOT NULL REFERENCES gateway (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    host       TEXT NOT NULL,
    port       INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
    priority   INTEGER NOT NULL,
    weight     INTEGER NOT NULL, transport TEXT,
    PRIMARY KEY (gateway_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE routing_group (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    revision    INTEGER NOT NULL,
    name        TEXT NOT NULL UNIQUE,
    inherits_id INTEGER REFERENCES routing_group (id),
    policy      TEXT NOT NULL,
    notes       TEXT NOT NULL
) STRICT;
CREATE INDEX routing_group_inherits ON routing_group (inherits_id);

CREATE TABLE upstream (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    revision           INTEGER NOT NULL,
    name               TEXT NOT NULL UNIQUE,
    disabled           INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    gateway_id         INTEGER NOT NULL REFERENCES gateway (id),
    registrar          TEXT,
    username           TEXT NOT NULL,
    auth_username      TEXT,
    auth_password      TEXT NOT NULL,
    realm              TEXT,
    expires_s          INTEGER NOT NULL,
    keep_alive_s       INTEGER NOT NULL,
    contact_user       TEXT NOT NULL UNIQUE,
    inbound_account_id INTEGER REFERENCES account (id),
    inbound_number     TEXT,
    notes              TEXT NOT NULL
, inbound_reach TEXT NOT NULL DEFAULT 'number' CHECK (inbound_reach IN ('number', 'phones', 'anywhere'))) STRICT;
CREATE INDEX upstream_gateway ON upstream (gateway_id);
CREATE INDEX upstream_inbound_account ON upstream (inbound_account_id);

CREATE TABLE route (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    revision         INTEGER NOT NULL,
    routing_group_id INTEGER NOT NULL REFERENCES routing_group (id) ON DELETE CASCADE,
    prefix           TEXT NOT NULL,
    priority         INTEGER NOT NULL,
    target           TEXT NOT NULL CHECK (target IN ('gateway', 'account', 'local_device', 'reject', 'upstream')),
    gateway_id       INTEGER REFERENCES gateway (id),
    account_id       INTEGER REFERENCES account (id),
    upstream_id      INTEGER REFERENCES upstream (id),
    reject_status    INTEGER,
    reject_reason    TEXT NOT NULL,
    share            INTEGER NOT NULL CHECK (share BETWEEN 1 AND 100),
    from_day         INTEGER NOT NULL,
    to_day           INTEGER NOT NULL,
    from_minute      INTEGER NOT NULL,
    to_minute        INTEGER NOT NULL,
    holiday          INTEGER NOT NULL CHECK (holiday IN (0, 1)),
    time_zone        TEXT NOT NULL,
    rules            TEXT NOT NULL,
    max_calls        INTEGER NOT NULL,
    max_cps          INTEGER NOT NULL,
    disabled         INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    CHECK ((target = 'gateway') = (gateway_id IS NOT NULL)),
    CHECK ((target = 'account') = (account_id IS NOT NULL)),
    CHECK ((target = 'upstream') = (upstream_id IS NOT NULL)),
    CHECK ((target = 'reject') = (reject_status IS NOT NULL))
) STRICT;
CREATE INDEX route_group ON route (routing_group_id, prefix);
CREATE INDEX route_gateway ON route (gateway_id);
CREATE INDEX route_account ON route (account_id);
CREATE INDEX route_upstream ON route (upstream_id);

-- The rates in force are those of the tariff's generation: a whole sheet is written beside the old one in
-- short steps and goes live by one update.
CREATE TABLE tariff (
    id                      INTEGER PRIMARY KEY AUTOINCREMENT,
    revision                INTEGER NOT NULL,
    name                    TEXT NOT NULL UNIQUE,
    currency                TEXT NOT NULL CHECK (length(currency) = 3),
    owner_id                INTEGER REFERENCES account (id),
    time_zone               TEXT NOT NULL,
    decimals                INTEGER NOT NULL CHECK (decimals BETWEEN 0 AND 6),
    band_policy             TEXT NOT NULL,
    base_tariff_id          INTEGER REFERENCES tariff (id),
    base_percent            TEXT NOT NULL,
    base_addition           TEXT NOT NULL,
    holidays                TEXT NOT NULL,
    post_call_surcharge_pct TEXT NOT NULL,
    min_charge              TEXT,
    max_charge              TEXT,
    defaults                TEXT NOT NULL,
    notes                   TEXT NOT NULL,
    generation              INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX tariff_owner ON tariff (owner_id);
CREATE INDEX tariff_base ON tariff (base_tariff_id);

CREATE TABLE rate (
    id                      INTEGER PRIMARY KEY AUTOINCREMENT,
    revision                INTEGER NOT NULL,
    tariff_id               INTEGER NOT NULL,
    generation              INTEGER NOT NULL,
    prefix                  TEXT NOT NULL,
    description             TEXT NOT NULL,
    price                   TEXT NOT NULL,
    initial                 INTEGER,
    increment               INTEGER,
    grace_period            INTEGER,
    free_seconds            INTEGER,
    multiplier              TEXT,
    addition                TEXT,
    connect_fee             TEXT,
    surcharge_time          INTEGER,
    surcharge_amount        TEXT,
    post_call_surcharge_pct TEXT,
    min_charge              TEXT,
    max_charge              TEXT,
    from_day                INTEGER NOT NULL,
    to_day                  INTEGER NOT NULL,
    from_minute             INTEGER NOT NULL,
    to_minute               INTEGER NOT NULL,
    holiday                 INTEGER NOT NULL CHECK (holiday IN (0, 1)),
    steps                   TEXT NOT NULL,
    effective_from          INTEGER,
    effective_to            INTEGER,
    blocked                 INTEGER NOT NULL CHECK (blocked IN (0, 1)),
    free_to_call            INTEGER NOT NULL CHECK (free_to_call IN (0, 1))
) STRICT;
CREATE INDEX rate_tariff ON rate (tariff_id, generation, prefix);
-- Generations not in force, being written or being removed in short steps: rates of a deleted tariff outlive
-- it for a moment, which is why they have no foreign key. Ids of tariffs are never used again.
CREATE TABLE rate_sweep (
    tariff_id  INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (tariff_id, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE dnis_tariff (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    revision   INTEGER NOT NULL,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    prefix     TEXT NOT NULL,
    tariff_id  INTEGER NOT NULL REFERENCES tariff (id),
    UNIQUE (account_id, prefix)
) STRICT;
CREATE INDEX dnis_tariff_tariff ON dnis_tariff (tariff_id);
CREATE TABLE ani_tariff (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    revision   INTEGER NOT NULL,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    prefix     TEXT NOT NULL,
    tariff_id  INTEGER NOT NULL REFERENCES tariff (id),
    UNIQUE (account_id, prefix)
) STRICT;
CREATE INDEX ani_tariff_tariff ON ani_tariff (tariff_id);

CREATE TABLE setting (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    revision INTEGER NOT NULL,
    key      TEXT NOT NULL UNIQUE,
    value    TEXT NOT NULL
) STRICT;

-- Numbers at which others call in, each with the account that has it; one in stock has none.
CREATE TABLE did (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    revision           INTEGER NOT NULL,
    number             TEXT NOT NULL UNIQUE,
    disabled           INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    source_gateway_id  INTEGER REFERENCES gateway (id),
    source_upstream_id INTEGER REFERENCES upstream (id),
    account_id         INTEGER REFERENCES account (id),
    target             TEXT NOT NULL CHECK (target IN ('phones', 'forward', 'refuse')),
    forward_to         TEXT,
    refuse_status      INTEGER,
    refuse_reason      TEXT NOT NULL,
    tariff_id          INTEGER REFERENCES tariff (id),
    max_calls          INTEGER NOT NULL,
    note               TEXT NOT NULL,
    CHECK (source_gateway_id IS NULL OR source_upstream_id IS NULL),
    CHECK ((target = 'forward') = (forward_to IS NOT NULL)),
    CHECK ((target = 'refuse') = (refuse_status IS NOT NULL))
) STRICT;
CREATE INDEX did_source_gateway ON did (source_gateway_id) WHERE source_gateway_id IS NOT NULL;
CREATE INDEX did_source_upstream ON did (source_upstream_id) WHERE source_upstream_id IS NOT NULL;
CREATE INDEX did_account ON did (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX did_tariff ON did (tariff_id) WHERE tariff_id IS NOT NULL;

-- Without an account: every call's. Within one scope the longest prefix wins.
CREATE TABLE list_entry (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    revision   INTEGER NOT NULL,
    account_id INTEGER REFERENCES account (id) ON DELETE CASCADE,
    side       TEXT NOT NULL CHECK (side IN ('caller', 'dialled')),
    verdict    TEXT NOT NULL CHECK (verdict IN ('block', 'allow')),
    prefix     TEXT NOT NULL,
    note       TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX list_entry_prefix ON list_entry (coalesce(account_id, 0), side, prefix);

CREATE TABLE exchange_ratio (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    revision   INTEGER NOT NULL,
    currency   TEXT NOT NULL CHECK (length(currency) = 3),
    ratio      TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    UNIQUE (currency, valid_from)
) STRICT;

-- Append-only. A balance always equals the sum of its entries.
CREATE TABLE ledger_entry (
    id            INTEGER PRIMARY KEY,
    key           TEXT NOT NULL UNIQUE,
    account_id    INTEGER NOT NULL REFERENCES account (id),
    kind          TEXT NOT NULL,
    amount        INTEGER NOT NULL,
    balance_after INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    call_id       INTEGER,
    operator_id   INTEGER,
    note          TEXT NOT NULL
) STRICT;
-- With the amount, so that the sums of the start-up check need no other page.
CREATE INDEX ledger_entry_account ON ledger_entry (account_id, at, amount);
CREATE INDEX ledger_entry_call ON ledger_entry (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX ledger_entry_other ON ledger_entry (at) WHERE kind <> 'call_charge';
CREATE TRIGGER ledger_entry_is_not_updated BEFORE UPDATE ON ledger_entry
BEGIN
    SELECT raise(ABORT, 'ledger entries are append-only: book a correction');
END;
CREATE TRIGGER ledger_entry_is_not_deleted BEFORE DELETE ON ledger_entry
BEGIN
    SELECT raise(ABORT, 'ledger entries are append-only: book a correction');
END;

CREATE TABLE balance (
    account_id INTEGER PRIMARY KEY REFERENCES account (id),
    amount     INTEGER NOT NULL
) STRICT;

-- An admitted call not yet ended: enough to close and bill it after a crash.
CREATE TABLE open_call (
    call_id      INTEGER PRIMARY KEY,
    answered_at  INTEGER,
    paid_until_s INTEGER NOT NULL,
    document     TEXT NOT NULL
) STRICT;
-- Totals per level, client first.
CREATE TABLE hold (
    call_id    INTEGER NOT NULL REFERENCES open_call (call_id) ON DELETE CASCADE,
    level      INTEGER NOT NULL,
    account_id INTEGER NOT NULL REFERENCES account (id),
    amount     INTEGER NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (call_id, level)
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_account ON hold (account_id);

-- One row: the last instant known to be durable while calls are open, and the last journal number.
CREATE TABLE heartbeat (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    at       INTEGER NOT NULL,
    last_seq INTEGER NOT NULL
) STRICT;

-- Journal batches that are durable before their rows are: those with a number above heartbeat.last_seq. The next
-- commit puts them into their rows.
CREATE TABLE noted_batch (
    slot     INTEGER PRIMARY KEY,
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

-- A journal batch that broke a rule of the schema: kept for people, never dropped in silence.
CREATE TABLE rejected_batch (
    id       INTEGER PRIMARY KEY,
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE cdr (
    call_id           INTEGER PRIMARY KEY,
    a_call_id         TEXT NOT NULL,
    b_call_id         TEXT,
    account_id        INTEGER REFERENCES account (id),
    source            TEXT NOT NULL,
    caller            TEXT NOT NULL,
    dialled           TEXT NOT NULL,
    sent_number       TEXT,
    rating_number     TEXT,
    started_at        INTEGER NOT NULL,
    ringing_at        INTEGER,
    answered_at       INTEGER,
    ended_at          INTEGER NOT NULL,
    duration_ms       INTEGER NOT NULL,
    pdd_ms            INTEGER,
    route_id          INTEGER,
    gateway_id        INTEGER,
    callee_account_id INTEGER,
    cause             TEXT NOT NULL,
    sip_status        INTEGER,
    codec             TEXT,
    prefix            TEXT,
    destination       TEXT,
    billed_secs       INTEGER NOT NULL,
    currency          TEXT,
    charge            INTEGER NOT NULL,
    revenue_currency  TEXT,
    revenue           INTEGER NOT NULL,
    cost_currency     TEXT,
    cost              INTEGER NOT NULL,
    margin            INTEGER,
    mos_x100          INTEGER,
    unheard           TEXT CHECK (unheard IN ('caller', 'callee', 'both')),
    codec_b           TEXT,
    attempts          INTEGER NOT NULL DEFAULT 1,
    transfer_call_id  INTEGER,
    recording         TEXT
) STRICT;
CREATE INDEX cdr_started ON cdr (started_at);
CREATE INDEX cdr_account ON cdr (account_id, started_at);
CREATE INDEX cdr_gateway ON cdr (gateway_id, started_at) WHERE gateway_id IS NOT NULL;
CREATE INDEX cdr_dialled ON cdr (dialled);
CREATE INDEX cdr_caller ON cdr (caller);

-- Rarely read and long: apart from the row that lists scan.
CREATE TABLE cdr_detail (
    call_id INTEGER PRIMARY KEY REFERENCES cdr (call_id),
    cost    TEXT,
    media_a TEXT NOT NULL,
    media_b TEXT NOT NULL,
    trace   TEXT NOT NULL,
    exchange TEXT
) STRICT;

CREATE TABLE cdr_charge (
    call_id          INTEGER NOT NULL REFERENCES cdr (call_id),
    level            INTEGER NOT NULL,
    account_id       INTEGER NOT NULL REFERENCES account (id),
    tariff_id        INTEGER NOT NULL,
    rate_id          INTEGER NOT NULL,
    prefix           TEXT NOT NULL,
    description      TEXT NOT NULL,
    currency         TEXT NOT NULL,
    price_per_minute TEXT NOT NULL,
    billed_secs      INTEGER NOT NULL,
    charge           INTEGER NOT NULL,
    PRIMARY KEY (call_id, level)
) STRICT, WITHOUT ROWID;

-- Roll-ups by the hour a call began in; 0 and '' stand for none. Filled with the CDR.
CREATE TABLE hourly (
    hour             INTEGER NOT NULL,
    account_id       INTEGER NOT NULL,
    gateway_id       INTEGER NOT NULL,
    destination      TEXT NOT NULL,
    currency         TEXT NOT NULL,
    revenue_currency TEXT NOT NULL,
    cost_currency    TEXT NOT NULL,
    attempts         INTEGER NOT NULL,
    answered         INTEGER NOT NULL,
    duration_ms      INTEGER NOT NULL,
    billed_secs      INTEGER NOT NULL,
    pdd_ms           INTEGER NOT NULL,
    pdd_count        INTEGER NOT NULL,
    charge           INTEGER NOT NULL,
    revenue          INTEGER NOT NULL,
    cost             INTEGER NOT NULL,
    PRIMARY KEY (hour, account_id, gateway_id, destination, currency, revenue_currency, cost_currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE registration (
    username      TEXT NOT NULL,
    contact       TEXT NOT NULL,
    transport     TEXT NOT NULL,
    listener      INTEGER NOT NULL,
    remote        TEXT NOT NULL,
    path          TEXT NOT NULL,
    call_id       TEXT NOT NULL,
    cseq          INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    user_agent    TEXT NOT NULL,
    q_thousandths INTEGER NOT NULL,
    instance      TEXT,
    PRIMARY KEY (username, contact)
) STRICT, WITHOUT ROWID;

-- Whose messages are read at all: an operator's word about addresses, and the blocks that the guard made.
CREATE TABLE source_rule (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    revision   INTEGER NOT NULL,
    network    TEXT NOT NULL,
    verdict    TEXT NOT NULL CHECK (verdict IN ('block', 'allow')),
    origin     TEXT NOT NULL CHECK (origin IN ('operator', 'guard')),
    made_at    INTEGER NOT NULL,
    expires_at INTEGER,
    repeats    INTEGER NOT NULL,
    reason     TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX source_rule_network ON source_rule (network);
CREATE INDEX source_rule_expiry ON source_rule (origin, expires_at);

-- What operators must hear of; the newest are kept. No foreign key: an alert must never stop the batch it is in.
CREATE TABLE alert (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    account_id INTEGER,
    call_id    INTEGER,
    text       TEXT NOT NULL
) STRICT;
CREATE INDEX alert_account ON alert (account_id) WHERE account_id IS NOT NULL;

CREATE TABLE audit_log (
    id         INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    login_id   INTEGER,
    who        TEXT NOT NULL,
    address    TEXT NOT NULL,
    action     TEXT NOT NULL,
    resource   TEXT NOT NULL,
    row_id     INTEGER NOT NULL,
    account_id INTEGER,
    old_value  TEXT,
    new_value  TEXT
) STRICT;
CREATE INDEX audit_log_at ON audit_log (at);
CREATE INDEX audit_log_row ON audit_log (resource, row_id);
CREATE INDEX audit_log_account ON audit_log (account_id) WHERE account_id IS NOT NULL;
