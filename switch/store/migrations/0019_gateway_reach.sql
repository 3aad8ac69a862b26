-- Where calls in from a gateway's hosts may go. Those that could go anywhere before still can.
ALTER TABLE gateway ADD COLUMN inbound_number TEXT;
ALTER TABLE gateway ADD COLUMN inbound_reach TEXT NOT NULL DEFAULT 'number' CHECK (inbound_reach IN ('number', 'phones', 'anywhere'));
UPDATE gateway SET inbound_reach = 'anywhere' WHERE inbound_account_id IS NOT NULL;
