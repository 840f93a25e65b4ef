-- attempts to pair; a row is written at the first valid handshake
-- attempts: the last bodies posted to it, so that a repeat gets the same answer and counts once
-- offered_by: which address took the first of two steps, as a keyed hash; NULL once the second is done
CREATE TABLE sb_sync_session (
    id BINARY(16) NOT NULL PRIMARY KEY,
    user_id VARCHAR(128) NOT NULL,
    state VARCHAR(16) NOT NULL,
    public_key TEXT NULL,
    failures INT NOT NULL,
    attempts TEXT NOT NULL,
    version BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    offered_by BINARY(32) NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
