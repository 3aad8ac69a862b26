-- How gateways are watched and when they are used (JSON documents), whose calls from them are, which of their
-- answers end a hunt (patterns instead of a list), and hosts with a transport of their own.
ALTER TABLE gateway ADD COLUMN health TEXT NOT NULL DEFAULT '{}';
ALTER TABLE gateway ADD COLUMN hours TEXT NOT NULL DEFAULT '{}';
ALTER TABLE gateway ADD COLUMN inbound_account_id INTEGER REFERENCES account (id);
ALTER TABLE gateway ADD COLUMN hunt_codes TEXT NOT NULL DEFAULT '';
-- Whatever was not in the list went on.
UPDATE gateway SET hunt_codes = 'xxx' || (SELECT ifnull(group_concat(',!' || value, ''), '') FROM json_each(stop_codes));
ALTER TABLE gateway DROP COLUMN stop_codes;
CREATE INDEX gateway_inbound_account ON gateway (inbound_account_id);
ALTER TABLE gateway_host ADD COLUMN transport TEXT;
