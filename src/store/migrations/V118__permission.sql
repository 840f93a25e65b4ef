-- whom a client may send to, as JSON; the operator's row holds for all
CREATE TABLE sb_permission (
    client_id BINARY(16) NOT NULL PRIMARY KEY,
    rules MEDIUMTEXT NOT NULL,
    changed_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
