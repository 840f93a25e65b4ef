-- phones to be proved; code: sealed, and nothing once it is over; person: a hash of client and number, for whom wrong
-- codes are counted
CREATE TABLE sb_verification (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    service_id BINARY(16) NULL,
    address VARCHAR(20) NOT NULL,
    channel VARCHAR(8) NOT NULL,
    status VARCHAR(24) NOT NULL,
    code VARBINARY(255) NULL,
    code_length BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    max_tries BIGINT NOT NULL,
    sends BIGINT NOT NULL,
    max_sends BIGINT NOT NULL,
    door VARCHAR(8) NOT NULL,
    auth_id VARCHAR(120) NULL,
    person BINARY(32) NOT NULL,
    extra TEXT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    ended_ms BIGINT NULL,
    sequence BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
