-- How a call sounded, in the row that lists scan: hundredths of a mean opinion score of the worse leg, and the side
-- that was not heard while the other was.
ALTER TABLE cdr ADD COLUMN mos_x100 INTEGER;
ALTER TABLE cdr ADD COLUMN unheard TEXT CHECK (unheard IN ('caller', 'callee', 'both'));
