CREATE INDEX sb_session_open ON sb_session (client_id, door, closed_ms, id)
