CREATE INDEX sb_verification_send_client ON sb_verification_send (client_id, message_id)
