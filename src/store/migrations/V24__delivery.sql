-- one event on its way to one place, as a job
-- state: pending, delivered, exhausted (tried often enough), dropped (nobody there any more)
-- ready_ms: when it may be claimed, NULL when it is over; owner: whose lease runs until then
-- target: endpoint, and target_id is its id; or callback, and target_id is the message's whose own URL it is
-- object: of one that takes turns with others of its object: what they are of
CREATE TABLE sb_delivery (
    event_id BINARY(16) NOT NULL,
    target_id BINARY(16) NOT NULL,
    target VARCHAR(12) NOT NULL,
    owner BINARY(8) NULL,
    ready_ms BIGINT NULL,
    tries BIGINT NOT NULL,
    state VARCHAR(12) NOT NULL,
    last_status INT NULL,
    last_reason VARCHAR(255) NULL,
    changed_ms BIGINT NOT NULL,
    set_ms BIGINT NOT NULL DEFAULT 0,
    object BINARY(16) NULL,
    PRIMARY KEY (event_id, target_id)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
