-- devices revoked lately: how other nodes learn of it; a few rows, swept after an hour
CREATE TABLE sb_revocation (
    device_id BINARY(16) NOT NULL PRIMARY KEY,
    user_id VARCHAR(128) NOT NULL,
    at_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
