CREATE INDEX sb_sync_session_offered ON sb_sync_session (offered_by, changed_ms, user_id)
