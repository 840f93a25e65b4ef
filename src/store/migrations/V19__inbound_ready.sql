CREATE INDEX sb_inbound_ready ON sb_inbound (ready_ms)
