CREATE INDEX sb_session_unique_name ON sb_session (client_id, unique_name)
