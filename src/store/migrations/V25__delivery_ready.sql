-- the target too: what waits for a place that is busy is passed over inside the index
CREATE INDEX sb_delivery_ready ON sb_delivery (ready_ms, target_id)
