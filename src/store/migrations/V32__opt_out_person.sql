CREATE INDEX sb_opt_out_person ON sb_opt_out (person, number)
