CREATE INDEX sb_delivery_ready ON sb_delivery (ready_ms)
