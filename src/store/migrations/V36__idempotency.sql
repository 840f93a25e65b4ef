-- replies kept for requests that come again
CREATE TABLE sb_idempotency (
    id BINARY(32) NOT NULL PRIMARY KEY,
    request_hash BINARY(32) NOT NULL,
    reply TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    message_id BINARY(16) NULL,
    balance BIGINT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
