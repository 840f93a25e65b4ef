CREATE INDEX sb_opt_out_client ON sb_opt_out (client_id, number, person)
