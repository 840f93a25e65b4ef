-- unique names of open sessions
CREATE TABLE sb_session_name (
    client_id BINARY(16) NOT NULL,
    unique_name VARCHAR(191) NOT NULL,
    session_id BINARY(16) NOT NULL,
    PRIMARY KEY (client_id, unique_name)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
