-- since when an entry of an earlier client stays in force behind this one; NULL: none does
ALTER TABLE sb_opt_out ADD COLUMN held_ms BIGINT NULL
