-- How gateways and accounts are spoken to and what they are trusted with: a JSON document each.
ALTER TABLE gateway ADD COLUMN signalling TEXT NOT NULL DEFAULT '{}';
ALTER TABLE account ADD COLUMN signalling TEXT NOT NULL DEFAULT '{}';
-- Who was sent identities before stays in the circle of trust.
UPDATE gateway SET signalling = '{"trust":"trusted"}' WHERE send_pai = 1;
