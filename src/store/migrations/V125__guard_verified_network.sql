CREATE INDEX sb_guard_verified_network ON sb_guard_verified (client_id, network, at_ms)
