-- what verifications of one purpose have in common
CREATE TABLE sb_verification_service (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    name VARCHAR(64) NOT NULL,
    settings TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    deleted_ms BIGINT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
