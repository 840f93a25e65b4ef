ALTER TABLE sb_idempotency ADD COLUMN message_id VARCHAR(32) NULL
