-- rest_after_ms: it rests so long after what was said last
ALTER TABLE sb_session ADD COLUMN rest_after_ms BIGINT NULL
