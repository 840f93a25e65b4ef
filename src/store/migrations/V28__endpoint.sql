-- where events are posted; secrets sealed, the previous one good until previous_until_ms
-- state: enabled, disabled (reason says why, where we did it)
-- failing_since_ms: when it first failed since it last took something
-- ordered: whether it is told of one object's events one after the other
CREATE TABLE sb_endpoint (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    url VARCHAR(2048) NOT NULL,
    description VARCHAR(255) NOT NULL,
    event_types VARCHAR(1024) NOT NULL,
    secret BLOB NOT NULL,
    previous_secret BLOB NULL,
    previous_until_ms BIGINT NULL,
    state VARCHAR(12) NOT NULL,
    reason VARCHAR(255) NULL,
    failing_since_ms BIGINT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    ordered INT NOT NULL DEFAULT 0
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
