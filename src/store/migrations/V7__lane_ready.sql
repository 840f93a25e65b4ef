CREATE INDEX sb_lane_ready ON sb_lane (ready_ms)
