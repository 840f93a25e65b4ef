-- what a provider said of a message after taking it, each thing once
-- word: the provider's own word, where it is not that state; NULL: it is. What we do not know has a state that begins
-- with `?`
CREATE TABLE sb_receipt (
    message_id BINARY(16) NOT NULL,
    state VARCHAR(16) NOT NULL,
    error_code BIGINT NULL,
    at_ms BIGINT NOT NULL,
    word VARCHAR(64) NULL,
    PRIMARY KEY (message_id, state)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
