-- what clients may spend, in micro-units: the sum of their entries in sb_ledger
-- credit_limit: how far below zero it may fall; low_at: below what the client is told so; low_told: whether they were
CREATE TABLE sb_balance (
    client_id BINARY(16) NOT NULL PRIMARY KEY,
    balance BIGINT NOT NULL,
    credit_limit BIGINT NOT NULL,
    low_at BIGINT NULL,
    low_told INT NOT NULL DEFAULT 0
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
