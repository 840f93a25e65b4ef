-- deliveries that take turns, until they are over: the events of one object, on their way to one ordered endpoint
-- place: the sequence of the event; the lowest of an object goes first, and no other before it is over
CREATE TABLE sb_delivery_turn (
    event_id BINARY(16) NOT NULL,
    target_id BINARY(16) NOT NULL,
    object BINARY(16) NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (event_id, target_id)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
