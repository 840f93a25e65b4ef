-- senders of ours; pools and geography come with masking
-- meaning: what a text to it is: forward or encrypted
-- rate: segments a second at most, 0 for no limit
CREATE TABLE sb_number (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    account_id BINARY(16) NOT NULL,
    address VARCHAR(16) NOT NULL UNIQUE,
    capabilities VARCHAR(64) NOT NULL,
    meaning VARCHAR(16) NOT NULL,
    rate BIGINT NOT NULL,
    pool_id BINARY(16) NULL,
    country VARCHAR(2) NULL,
    region VARCHAR(64) NULL,
    platform VARCHAR(64) NULL,
    created_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
