CREATE INDEX sb_opt_out_number ON sb_opt_out (number, person)
