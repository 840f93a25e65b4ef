CREATE INDEX sb_guard_verified_prefix ON sb_guard_verified (client_id, prefix, at_ms)
