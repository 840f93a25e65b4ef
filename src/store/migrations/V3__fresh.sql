-- addresses of messages that are not yet in a run
CREATE TABLE sb_fresh (
    id BINARY(16) NOT NULL PRIMARY KEY,
    from_address VARCHAR(255) NOT NULL,
    to_address VARCHAR(255) NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
