-- Journal batches that are durable and not in their rows yet; the next commit puts them there.
CREATE TABLE noted_batch (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
