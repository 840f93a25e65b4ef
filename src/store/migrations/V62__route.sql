-- which account a destination's messages go to: the matching pattern of the lowest priority
-- pattern: a regular expression, anchored at its start; channel NULL: all
CREATE TABLE sb_route (
    id BINARY(16) NOT NULL PRIMARY KEY,
    priority BIGINT NOT NULL,
    pattern VARCHAR(255) NOT NULL,
    channel VARCHAR(8) NULL,
    account_id BINARY(16) NOT NULL,
    name VARCHAR(128) NOT NULL,
    created_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
