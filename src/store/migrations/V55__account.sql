-- credentials at a provider, sealed
-- external_id: by what an inbound webhook names it (Twilio's Account SID, the hash of Flowroute's secret path)
-- uncertain: what becomes of a message without an answer: reconcile, resend or fail
CREATE TABLE sb_account (
    id BINARY(16) NOT NULL PRIMARY KEY,
    provider VARCHAR(16) NOT NULL,
    name VARCHAR(128) NOT NULL,
    external_id VARCHAR(64) NOT NULL UNIQUE,
    credentials BLOB NOT NULL,
    rate BIGINT NOT NULL,
    uncertain VARCHAR(16) NOT NULL,
    replies_to_keywords INT NOT NULL,
    created_ms BIGINT NOT NULL,
    any_sender INT NOT NULL DEFAULT 0
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
