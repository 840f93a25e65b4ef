-- runs: the addresses of some ten thousand messages each, sorted and written at once
-- touched_ms: when it was last written to; is_done: 0 while it is written, 1 when it is read, 2 while it is removed
CREATE TABLE sb_run (
    run BIGINT NOT NULL PRIMARY KEY,
    first_id BINARY(16) NOT NULL,
    last_id BINARY(16) NOT NULL,
    is_done INT NOT NULL,
    touched_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
