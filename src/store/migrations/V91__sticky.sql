-- which numbers people have had, by a keyed hash of who they are; ended_ms: when they were free for them again
CREATE TABLE sb_sticky (
    person BINARY(32) NOT NULL,
    number_id BINARY(16) NOT NULL,
    used_ms BIGINT NOT NULL,
    ended_ms BIGINT NULL,
    PRIMARY KEY (person, number_id)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
