-- messages that join their lanes later
CREATE TABLE sb_schedule (
    message_id BINARY(16) NOT NULL PRIMARY KEY,
    due_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
