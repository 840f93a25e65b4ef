CREATE INDEX sb_verification_limit_client ON sb_verification_limit (client_id, id)
