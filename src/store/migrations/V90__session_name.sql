-- unique names of open sessions; scope_id: in which client each is one session, or in which service of Proxy
CREATE TABLE sb_session_name (
    scope_id BINARY(16) NOT NULL,
    unique_name VARCHAR(191) NOT NULL,
    session_id BINARY(16) NOT NULL,
    PRIMARY KEY (scope_id, unique_name)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
