-- verifications with a send that has failed: what they fall back to is due; a row is its own job, and gone with it
CREATE TABLE sb_verification_fallback (
    verification_id BINARY(16) NOT NULL PRIMARY KEY,
    due_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
