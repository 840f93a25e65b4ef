-- webhooks of providers as they came, which are jobs too
-- ready_ms: when it may be claimed, NULL once handled; owner: whose lease runs until then
-- signature_hash: keyed hash of the signature that it came with, which is taken once; NULL where its carrier signs
-- nothing
-- fields_hash: keyed hash of the fields that were signed: with the same ones the signature may come again
CREATE TABLE sb_inbound (
    id BINARY(16) NOT NULL PRIMARY KEY,
    account_id BINARY(16) NOT NULL,
    kind VARCHAR(8) NOT NULL,
    provider_key VARCHAR(96) NOT NULL,
    payload TEXT NOT NULL,
    owner BINARY(8) NULL,
    ready_ms BIGINT NULL,
    tries BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,
    set_ms BIGINT NOT NULL DEFAULT 0,
    signature_hash BINARY(16) NULL,
    fields_hash BINARY(16) NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
