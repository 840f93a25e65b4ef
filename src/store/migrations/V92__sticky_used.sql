CREATE INDEX sb_sticky_used ON sb_sticky (person, used_ms)
