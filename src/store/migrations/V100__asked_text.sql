-- texts of which a client's server is asked what becomes of them: whether they are passed on in their session, or what
-- is done with whoever sent them and is in none; a row is its own job, and gone with it
-- lane: those of one session, or of one person at one number, are asked about one after the other
CREATE TABLE sb_asked_text (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    lane BINARY(16) NOT NULL,
    session_id BINARY(16) NULL,
    participant_id BINARY(16) NULL,
    received_ms BIGINT NOT NULL,
    owner BINARY(8) NULL,
    ready_ms BIGINT NOT NULL,
    set_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
