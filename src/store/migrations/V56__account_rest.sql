-- an account whose carrier refuses it, whatever is sent: why, and since when; nothing where it is in use
CREATE TABLE sb_account_rest (
    account_id BINARY(16) NOT NULL PRIMARY KEY,
    since_ms BIGINT NOT NULL,
    code BIGINT NULL,
    reason VARCHAR(255) NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
