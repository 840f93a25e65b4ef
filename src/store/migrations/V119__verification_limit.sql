-- limits of a client's own, of one of its services or of all; name_key: a hash of whose it is and of its name
-- buckets: how many may be within how long, as JSON
CREATE TABLE sb_verification_limit (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    service_id BINARY(16) NULL,
    name VARCHAR(64) NOT NULL,
    name_key BINARY(32) NOT NULL,
    description VARCHAR(255) NOT NULL,
    buckets TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
