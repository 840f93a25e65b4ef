-- numbers that a client's messages leave from, the same for the same recipient
CREATE TABLE sb_pool (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    name VARCHAR(191) NOT NULL,
    created_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
