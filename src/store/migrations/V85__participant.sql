-- people in sessions, from joined_ms until before left_ms; person: the form of their address by which they are found
CREATE TABLE sb_participant (
    id BINARY(16) NOT NULL PRIMARY KEY,
    session_id BINARY(16) NOT NULL,
    client_id BINARY(16) NOT NULL,
    address VARCHAR(255) NOT NULL,
    person VARCHAR(255) NOT NULL,
    name VARCHAR(255) NULL,
    number_id BINARY(16) NOT NULL,
    number VARCHAR(255) NOT NULL,
    joined_ms BIGINT NOT NULL,
    left_ms BIGINT NULL,
    place INT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
