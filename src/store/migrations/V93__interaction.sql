-- what was said in sessions: who to whom, by which messages; status: of a copy that was accepted its message knows more
CREATE TABLE sb_interaction (
    id BINARY(16) NOT NULL PRIMARY KEY,
    session_id BINARY(16) NOT NULL,
    client_id BINARY(16) NOT NULL,
    kind VARCHAR(8) NOT NULL,
    from_participant BINARY(16) NULL,
    to_participant BINARY(16) NULL,
    inbound_id BINARY(16) NULL,
    outbound_id BINARY(16) NULL,
    status VARCHAR(16) NULL,
    reason VARCHAR(64) NULL,
    created_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
