ALTER TABLE sb_idempotency ADD COLUMN balance BIGINT NULL
