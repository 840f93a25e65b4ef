-- paired phones; the shared key is sealed, and emptied on revocation
CREATE TABLE sb_device (
    id BINARY(16) NOT NULL PRIMARY KEY,
    user_id VARCHAR(128) NOT NULL,
    shared_key BLOB NOT NULL,
    fingerprint VARCHAR(16) NOT NULL,
    phone_hash VARCHAR(128) NOT NULL,
    flavour VARCHAR(8) NOT NULL,
    sync_session_id BINARY(16) NOT NULL,
    paired_ms BIGINT NOT NULL,
    revoked_ms BIGINT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
