-- what happened, as it is told; the id stays the same however often it is posted
CREATE TABLE sb_event (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    type VARCHAR(64) NOT NULL,
    payload MEDIUMTEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    message_id BINARY(16) NULL,
    sequence BIGINT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
