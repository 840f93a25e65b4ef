-- how codes are told: texts of clients' own, and of the operator's for all, one for each name and language
CREATE TABLE sb_verification_template (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    name VARCHAR(64) NOT NULL,
    locale VARCHAR(16) NOT NULL,
    body TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
