-- what the guard made of each send; the id says when
-- rule_name: what it broke; exemption: why it went out all the same; refused_by: what other than the guard refused it
-- mode: in force then; figures: JSON; is_degraded: decided without the other nodes
CREATE TABLE sb_guard_decision (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    verification_id BINARY(16) NOT NULL,
    address VARCHAR(20) NOT NULL,
    country VARCHAR(4) NOT NULL,
    network VARCHAR(64) NULL,
    channel VARCHAR(8) NOT NULL,
    mode VARCHAR(12) NOT NULL,
    is_allowed INT NOT NULL,
    rule_name VARCHAR(24) NULL,
    exemption VARCHAR(16) NULL,
    refused_by VARCHAR(32) NULL,
    is_degraded INT NOT NULL,
    figures TEXT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
