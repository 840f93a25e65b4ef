-- whose number it was when this was said: nobody else sees the entry, nor lifts it
ALTER TABLE sb_opt_out ADD COLUMN client_id VARCHAR(32) NULL
