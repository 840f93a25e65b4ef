CREATE INDEX sb_idempotency_message ON sb_idempotency (message_id)
