-- verifications whose text has failed at its carrier, to go on another channel; a row is its own job
CREATE TABLE sb_verification_fallback (
    verification_id BINARY(16) NOT NULL PRIMARY KEY,
    due_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
