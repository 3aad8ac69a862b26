-- Refusals alike that came too fast for a row each are one row with their number.
ALTER TABLE cdr ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;
