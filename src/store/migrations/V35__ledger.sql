-- movements of clients' money, never changed: what they paid in, what messages cost, what came back
-- kind: credit, debit, refund, adjustment; the id of a debit is that of its message
CREATE TABLE sb_ledger (
    client_id BINARY(16) NOT NULL,
    id BINARY(16) NOT NULL,
    kind VARCHAR(10) NOT NULL,
    amount BIGINT NOT NULL,
    message_id BINARY(16) NULL,
    reason VARCHAR(255) NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (client_id, id)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
