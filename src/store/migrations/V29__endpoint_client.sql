CREATE INDEX sb_endpoint_client ON sb_endpoint (client_id, id)
