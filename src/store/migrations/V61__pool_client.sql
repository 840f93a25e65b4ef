CREATE INDEX sb_pool_client ON sb_pool (client_id, id)
