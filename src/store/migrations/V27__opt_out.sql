-- people who want no texts from a number of ours; the id is that of the lane between them
CREATE TABLE sb_opt_out (
    id VARCHAR(32) NOT NULL PRIMARY KEY,
    number VARCHAR(16) NOT NULL,
    person VARCHAR(16) NOT NULL,
    is_out INT NOT NULL,
    reason VARCHAR(32) NOT NULL,
    changed_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
