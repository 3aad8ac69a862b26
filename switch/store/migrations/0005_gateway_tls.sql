-- What is asked of a gateway's certificate, and hosts whose port is found by SRV records (port 0).
ALTER TABLE gateway ADD COLUMN tls_trust TEXT NOT NULL DEFAULT 'authority' CHECK (tls_trust IN ('authority', 'fingerprint', 'any'));
ALTER TABLE gateway ADD COLUMN tls_name TEXT;
ALTER TABLE gateway ADD COLUMN tls_fingerprint TEXT;
ALTER TABLE gateway_host RENAME TO gateway_host_before;
CREATE TABLE gateway_host (
    gateway_id INTEGER NOT NULL REFERENCES gateway (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    host       TEXT NOT NULL,
    port       INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
    priority   INTEGER NOT NULL,
    weight     INTEGER NOT NULL,
    PRIMARY KEY (gateway_id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO gateway_host SELECT gateway_id, position, host, port, priority, weight FROM gateway_host_before;
DROP TABLE gateway_host_before;
