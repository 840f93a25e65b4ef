-- calls of a provider for a message, and what came of them
CREATE TABLE sb_attempt (
    message_id BINARY(16) NOT NULL,
    number BIGINT NOT NULL,
    account_id BINARY(16) NOT NULL,
    outcome VARCHAR(16) NOT NULL,
    provider_id VARCHAR(64) NULL,
    code BIGINT NULL,
    reason VARCHAR(255) NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL,
    PRIMARY KEY (message_id, number)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
