-- what a provider said of a message after taking it, each thing once
CREATE TABLE sb_receipt (
    message_id VARCHAR(32) NOT NULL,
    state VARCHAR(16) NOT NULL,
    error_code BIGINT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (message_id, state)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
