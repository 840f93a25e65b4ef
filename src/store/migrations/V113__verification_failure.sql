-- wrong codes for a person, since the first of them that counts
CREATE TABLE sb_verification_failure (
    person BINARY(32) NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    since_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
