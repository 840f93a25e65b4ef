CREATE INDEX sb_sync_session_changed ON sb_sync_session (changed_ms)
