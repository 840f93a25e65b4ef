-- what a segment, or a call, to a destination costs, in micro-units: the longest prefix in force decides
-- prefix: digits behind the plus, '' for all; from_ms and until_ms: when it is in force
CREATE TABLE sb_rate (
    channel VARCHAR(8) NOT NULL,
    prefix VARCHAR(15) NOT NULL,
    from_ms BIGINT NOT NULL,
    id BINARY(16) NOT NULL UNIQUE,
    price BIGINT NOT NULL,
    until_ms BIGINT NULL,
    PRIMARY KEY (channel, prefix, from_ms)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
