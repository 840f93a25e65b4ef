-- one text in or out; what it is besides (media, metadata, callback) lies in extra as JSON
-- state: accepted, scheduled, queued, sending, sent, delivered, undelivered, failed, canceled, expired; received
-- addresses: carriers have senders of any shape: names, chats, agents
CREATE TABLE sb_message (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    account_id BINARY(16) NOT NULL,
    direction VARCHAR(8) NOT NULL,
    from_address VARCHAR(255) NOT NULL,
    to_address VARCHAR(255) NOT NULL,
    body TEXT NOT NULL,
    state VARCHAR(12) NOT NULL,
    encoding VARCHAR(8) NOT NULL,
    segments INT NOT NULL,
    extra TEXT NULL,
    error_code BIGINT NULL,
    error_reason VARCHAR(255) NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    expires_ms BIGINT NULL,
    redacted_ms BIGINT NULL,
    channel VARCHAR(8) NULL,
    cost BIGINT NULL,
    refunded_ms BIGINT NULL,
    deleted_ms BIGINT NULL,
    sequence BIGINT NOT NULL DEFAULT 0
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
