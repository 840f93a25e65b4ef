-- each body posted to a session, so that a repeat gets the same answer and counts once
CREATE TABLE sb_sync_attempt (
    session_id VARCHAR(32) NOT NULL,
    body_hash VARCHAR(64) NOT NULL,
    outcome VARCHAR(16) NOT NULL,
    device_id VARCHAR(32) NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (session_id, body_hash)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
