CREATE UNIQUE INDEX sb_guard_safe_value ON sb_guard_safe (client_id, kind, value)
