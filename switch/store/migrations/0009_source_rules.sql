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
