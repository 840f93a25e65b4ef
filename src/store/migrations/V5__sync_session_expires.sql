CREATE INDEX sb_sync_session_expires ON sb_sync_session (expires_ms)
