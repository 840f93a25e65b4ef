CREATE INDEX sb_lockout_last ON sb_lockout (last_ms)
