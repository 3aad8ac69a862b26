-- The codec of the called side's leg: another one than the caller's where the switch coded the audio anew.
ALTER TABLE cdr ADD COLUMN codec_b TEXT;
