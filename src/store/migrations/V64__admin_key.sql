-- administrators' keys: a keyed hash to find by, a prefix to recognise
CREATE TABLE sb_admin_key (
    id BINARY(16) NOT NULL PRIMARY KEY,
    key_hash BINARY(32) NOT NULL UNIQUE,
    prefix VARCHAR(16) NOT NULL,
    name VARCHAR(128) NOT NULL,
    created_ms BIGINT NOT NULL,
    revoked_ms BIGINT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
