-- hash keys, sealed under the master key
CREATE TABLE sb_secret (
    name VARCHAR(64) NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL,
    created_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
