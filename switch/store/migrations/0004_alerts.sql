CREATE TABLE alert (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    account_id INTEGER,
    call_id    INTEGER,
    text       TEXT NOT NULL
) STRICT;
CREATE INDEX alert_account ON alert (account_id) WHERE account_id IS NOT NULL;
ALTER TABLE cdr_detail ADD COLUMN exchange TEXT;
ALTER TABLE registration ADD COLUMN instance TEXT;
