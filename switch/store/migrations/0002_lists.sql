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
INSERT INTO list_entry (id, revision, account_id, side, verdict, prefix, note)
    SELECT id, revision, NULL, list, 'block', prefix, note FROM block_entry;
DROP TABLE block_entry;
