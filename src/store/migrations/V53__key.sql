-- clients' keys: a keyed hash to find by, a prefix to recognise, and what they may do
-- scopes: sms, voice, whatsapp, verify, sessions, read; account_id: the only account that they send through
-- sources: networks that they may come from, as JSON; senders, destinations: patterns
-- rate: requests a minute, 0 for no limit
-- twiml: any or say: what the TwiML of its calls may hold; NULL: as its other bounds and call.twiml have it
CREATE TABLE sb_key (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    key_hash BINARY(32) NOT NULL UNIQUE,
    prefix VARCHAR(16) NOT NULL,
    name VARCHAR(128) NOT NULL,
    scopes VARCHAR(64) NOT NULL,
    account_id BINARY(16) NULL,
    sources TEXT NULL,
    senders TEXT NULL,
    destinations TEXT NULL,
    rate BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NULL,
    last_used_ms BIGINT NULL,
    revoked_ms BIGINT NULL,
    twiml VARCHAR(8) NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
