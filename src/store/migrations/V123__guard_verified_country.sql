CREATE INDEX sb_guard_verified_country ON sb_guard_verified (client_id, country, at_ms, day)
