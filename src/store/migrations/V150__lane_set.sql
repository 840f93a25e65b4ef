-- by our clock, when ready_ms was last set: one that lies in the future was set by a clock that has gone back
ALTER TABLE sb_lane ADD COLUMN set_ms BIGINT NOT NULL DEFAULT 0
