-- tokens besides an account's own by which its carrier's posts are believed for a while, sealed: those before it
-- (earlier), and the one that comes next; they never call the carrier
CREATE TABLE sb_account_token (
    id BINARY(16) NOT NULL PRIMARY KEY,
    account_id BINARY(16) NOT NULL,
    role VARCHAR(8) NOT NULL,
    token BLOB NOT NULL,
    until_ms BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    used_ms BIGINT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
