-- Whether SRTP keys travel in the descriptions of a peer: off, accepted, offered, required.
ALTER TABLE gateway ADD COLUMN srtp TEXT NOT NULL DEFAULT 'accepted';
ALTER TABLE account ADD COLUMN srtp TEXT NOT NULL DEFAULT 'accepted';
