CREATE INDEX sb_session_expires ON sb_session (expires_ms)
