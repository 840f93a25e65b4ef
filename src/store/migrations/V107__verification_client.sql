CREATE INDEX sb_verification_client ON sb_verification (client_id, id)
