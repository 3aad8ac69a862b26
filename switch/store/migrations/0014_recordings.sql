-- The file of a call's recording, below the folder of recordings.
ALTER TABLE cdr ADD COLUMN recording TEXT;
