CREATE INDEX sb_key_client ON sb_key (client_id, id)
