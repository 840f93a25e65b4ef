-- webhooks of providers as they came, which are jobs too
-- ready_ms: when it may be claimed, NULL once handled; owner: whose lease runs until then
CREATE TABLE sb_inbound (
    id VARCHAR(32) NOT NULL PRIMARY KEY,
    account_id VARCHAR(32) NOT NULL,
    kind VARCHAR(8) NOT NULL,
    provider_key VARCHAR(96) NOT NULL,
    payload TEXT NOT NULL,
    owner VARCHAR(16) NULL,
    ready_ms BIGINT NULL,
    tries BIGINT NOT NULL,
    received_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
