-- what was verified, for the guard: a row each, with where its sends went and came from
-- address: folded; network: an IPv4 address, or an IPv6 /64; day: of UTC, since 1970
CREATE TABLE sb_guard_verified (
    verification_id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    address VARCHAR(20) NOT NULL,
    country VARCHAR(4) NOT NULL,
    prefix VARCHAR(20) NOT NULL,
    network VARCHAR(64) NULL,
    day BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
