-- over what they want nothing; NULL: texts. Each channel has an entry of its own, as it has a lane
ALTER TABLE sb_opt_out ADD COLUMN channel VARCHAR(8) NULL
