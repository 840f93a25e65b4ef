CREATE INDEX sb_idempotency_created ON sb_idempotency (created_ms)
