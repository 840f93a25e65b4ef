-- which verification is pending under a name: a hash of client, service, and number or name of the caller's
CREATE TABLE sb_verification_pending (
    pending_key BINARY(32) NOT NULL PRIMARY KEY,
    verification_id BINARY(16) NOT NULL,
    expires_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
