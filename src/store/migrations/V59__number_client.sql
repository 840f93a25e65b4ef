CREATE INDEX sb_number_client ON sb_number (client_id, id)
