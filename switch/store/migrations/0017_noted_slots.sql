-- Slots that are written over, instead of rows that come and go: one page is written, and none is freed or taken.
-- What the last version left noted stays so.
ALTER TABLE noted_batch RENAME TO noted_batch_before;

-- Journal batches that are durable before their rows are: those with a number above heartbeat.last_seq. The next
-- commit puts them into their rows.
CREATE TABLE noted_batch (
    slot     INTEGER PRIMARY KEY,
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

INSERT INTO noted_batch (slot, seq, at, document)
SELECT row_number() OVER (ORDER BY seq) - 1, seq, at, document FROM noted_batch_before;

DROP TABLE noted_batch_before;
