-- the guard's levels as they stood of late: c:<country>, p:<prefix>, n:<network>; what is in them is JSON
-- until_ms: from then on there is nothing in it
CREATE TABLE sb_guard_level (
    client_id BINARY(16) NOT NULL,
    name VARCHAR(80) NOT NULL,
    body TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (client_id, name)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
