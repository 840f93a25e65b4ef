-- the phones of exclusive pools: each is in one open session at most
-- area: its area code in North America, else its country, '' where nobody knows
-- free_ms: since when it may be chosen; NULL: a session has it, or it is reserved
-- session_id: the session that has it
CREATE TABLE sb_pool_number (
    number_id BINARY(16) NOT NULL PRIMARY KEY,
    pool_id BINARY(16) NOT NULL,
    area VARCHAR(8) NOT NULL,
    free_ms BIGINT NULL,
    session_id BINARY(16) NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
