CREATE INDEX sb_sync_attempt_at ON sb_sync_attempt (at_ms)
