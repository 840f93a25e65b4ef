-- failed passwords; the id is a keyed hash of user and address, or of the user alone
CREATE TABLE sb_lockout (
    id BINARY(32) NOT NULL PRIMARY KEY,
    failures INT NOT NULL,
    last_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
