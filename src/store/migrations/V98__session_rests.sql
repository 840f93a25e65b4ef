-- rests_ms: when it rests as things are; of one that rests, or is over, nothing
ALTER TABLE sb_session ADD COLUMN rests_ms BIGINT NULL
