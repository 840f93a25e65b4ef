-- masked conversations; expires_ms: when it ends as things are; tell_ms: its end texts are still to be sent, due then
CREATE TABLE sb_session (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    pool_id BINARY(16) NULL,
    name VARCHAR(256) NULL,
    unique_name VARCHAR(191) NULL,
    mode VARCHAR(8) NOT NULL,
    state VARCHAR(12) NOT NULL,
    reason VARCHAR(64) NULL,
    door VARCHAR(16) NOT NULL,
    settings TEXT NOT NULL,
    metadata TEXT NULL,
    ttl_ms BIGINT NULL,
    ends_ms BIGINT NULL,
    last_ms BIGINT NULL,
    expires_ms BIGINT NULL,
    tell_ms BIGINT NULL,
    sequence BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    closed_ms BIGINT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
