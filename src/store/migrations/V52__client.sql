-- consumers of the API; the first is the operator itself
-- country: where numbers are that a client writes without a country code; NULL: where the server's are
CREATE TABLE sb_client (
    id BINARY(16) NOT NULL PRIMARY KEY,
    name VARCHAR(128) NOT NULL,
    created_ms BIGINT NOT NULL,
    profile TEXT NULL,
    auth_token BLOB NULL,
    is_active INT NOT NULL DEFAULT 1,
    country VARCHAR(2) NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
