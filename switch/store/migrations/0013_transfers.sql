-- The call with which a transfer connects one: it was placed for that one, or their parties were joined.
ALTER TABLE cdr ADD COLUMN transfer_call_id INTEGER;
