CREATE INDEX sb_session_client ON sb_session (client_id, id)
