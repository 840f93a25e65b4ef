-- which messages of a run are from or to a number
CREATE TABLE sb_run_message (
    run BIGINT NOT NULL,
    number VARCHAR(255) NOT NULL,
    id BINARY(16) NOT NULL,
    PRIMARY KEY (run, number, id)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
