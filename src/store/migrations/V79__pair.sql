-- who has which number in an open session: in with the session, out when it ends or the participant leaves
-- person: the folded form of their address
CREATE TABLE sb_pair (
    person VARCHAR(255) NOT NULL,
    number_id BINARY(16) NOT NULL,
    session_id BINARY(16) NOT NULL,
    participant_id BINARY(16) NOT NULL,
    client_id BINARY(16) NOT NULL,
    PRIMARY KEY (person, number_id)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
