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
