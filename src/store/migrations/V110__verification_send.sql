-- texts and calls that told a code, each under its message's id
CREATE TABLE sb_verification_send (
    message_id BINARY(16) NOT NULL PRIMARY KEY,
    verification_id BINARY(16) NOT NULL,
    client_id BINARY(16) NOT NULL,
    service_id BINARY(16) NULL,
    number BIGINT NOT NULL,
    channel VARCHAR(8) NOT NULL,
    address VARCHAR(20) NOT NULL,
    country VARCHAR(2) NULL,
    at_ms BIGINT NOT NULL,
    converted_ms BIGINT NULL,
    failed_ms BIGINT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
