-- what administrators did, never changed: who, to what, before and after (JSON), from where
CREATE TABLE sb_audit (
    id BINARY(16) NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    who VARCHAR(64) NOT NULL,
    action VARCHAR(64) NOT NULL,
    object VARCHAR(64) NOT NULL,
    before_text TEXT NULL,
    after_text TEXT NULL,
    address VARCHAR(64) NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
