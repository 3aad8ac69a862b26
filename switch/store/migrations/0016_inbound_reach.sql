-- Where calls in by an upstream registration may go: their number is whatever the far side says.
ALTER TABLE upstream ADD COLUMN inbound_reach TEXT NOT NULL DEFAULT 'number' CHECK (inbound_reach IN ('number', 'phones', 'anywhere'));
UPDATE upstream SET inbound_reach = 'phones' WHERE inbound_number IS NULL;
