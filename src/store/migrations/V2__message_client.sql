CREATE INDEX sb_message_client ON sb_message (client_id, id)
