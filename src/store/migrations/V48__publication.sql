-- texts of paired phones on their way to their platform's sink; sealed until the sink has them, then empty
-- id: also the message id that the sink is told; text_hash: the same text of the same phone is published once a day
CREATE TABLE sb_publication (
    id BINARY(16) NOT NULL PRIMARY KEY,
    text_hash BINARY(32) NOT NULL UNIQUE,
    user_id VARCHAR(128) NOT NULL,
    platform VARCHAR(64) NOT NULL,
    phone_hash VARCHAR(128) NOT NULL,
    sealed BLOB NOT NULL,
    owner BINARY(8) NULL,
    ready_ms BIGINT NULL,
    tries BIGINT NOT NULL,
    state VARCHAR(12) NOT NULL,
    last_reason VARCHAR(255) NULL,
    received_ms BIGINT NOT NULL,
    set_ms BIGINT NOT NULL DEFAULT 0
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
