-- what a call has besides a message: how it stands at the provider, and how long it lasted
CREATE TABLE sb_call (
    message_id BINARY(16) NOT NULL PRIMARY KEY,
    status VARCHAR(16) NOT NULL,
    started_ms BIGINT NULL,
    ended_ms BIGINT NULL,
    duration BIGINT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
