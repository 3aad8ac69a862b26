-- Registrations held elsewhere, and routes that lead to them.
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
) STRICT;
CREATE INDEX upstream_gateway ON upstream (gateway_id);
CREATE INDEX upstream_inbound_account ON upstream (inbound_account_id);
ALTER TABLE route RENAME TO route_before;
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
INSERT INTO route (id, revision, routing_group_id, prefix, priority, target, gateway_id, account_id, reject_status, reject_reason, share, from_day, to_day, from_minute, to_minute, holiday, time_zone, rules, max_calls, max_cps, disabled)
    SELECT id, revision, routing_group_id, prefix, priority, target, gateway_id, account_id, reject_status, reject_reason, share, from_day, to_day, from_minute, to_minute, holiday, time_zone, rules, max_calls, max_cps, disabled FROM route_before;
-- CDRs name routes by their ids: none is given twice.
INSERT INTO sqlite_sequence (name, seq) SELECT 'route', 0
    WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'route');
UPDATE sqlite_sequence SET seq = max(seq, ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'route_before'), 0))
    WHERE name = 'route';
DROP TABLE route_before;
CREATE INDEX route_group ON route (routing_group_id, prefix);
CREATE INDEX route_gateway ON route (gateway_id);
CREATE INDEX route_account ON route (account_id);
CREATE INDEX route_upstream ON route (upstream_id);
