-- replies kept for requests that come again
CREATE TABLE sb_idempotency (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    request_hash VARCHAR(64) NOT NULL,
    reply TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    message_id VARCHAR(32) NULL,
    balance BIGINT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
