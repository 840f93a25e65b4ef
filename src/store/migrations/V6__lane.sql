-- one row for each (from, to) that has messages to send: whoever owns it sends its first one
-- phase: 0 waiting, 1 a provider is being called, 2 what became of the call is unknown
-- waiting: how many messages stand in the lane; last_pos: none of them stands behind this
-- ready_ms: when the lane may be claimed; while it is owned, when its lease ends
-- tries, first_ms, started_ms: of its first message: calls so far, the first one, the last one
-- set_ms: by our clock, when ready_ms was last set: one that lies in the future was set by a clock that has gone back
CREATE TABLE sb_lane (
    lane BINARY(16) NOT NULL PRIMARY KEY,
    owner BINARY(8) NULL,
    ready_ms BIGINT NOT NULL,
    phase INT NOT NULL,
    waiting BIGINT NOT NULL,
    last_pos BINARY(16) NOT NULL,
    version BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    first_ms BIGINT NULL,
    started_ms BIGINT NULL,
    set_ms BIGINT NOT NULL DEFAULT 0
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
