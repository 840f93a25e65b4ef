CREATE INDEX sb_pair_number ON sb_pair (number_id)
