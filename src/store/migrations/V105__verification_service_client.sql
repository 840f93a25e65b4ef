CREATE INDEX sb_verification_service_client ON sb_verification_service (client_id, id)
