ALTER TABLE sb_message ADD COLUMN refunded_ms BIGINT NULL
