-- mode and ratios, in JSON, of a client that has its own; the operator's hold for all that have none
CREATE TABLE sb_guard_setting (
    client_id BINARY(16) NOT NULL PRIMARY KEY,
    settings TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
