-- wrong codes for a person, each within a day of the one before; last_ms: of the last that was looked at
CREATE TABLE sb_verification_failure (
    person BINARY(32) NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
