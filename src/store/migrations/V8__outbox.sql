-- messages to send; place: the lane, then the position in it
CREATE TABLE sb_outbox (
    place BINARY(32) NOT NULL PRIMARY KEY,
    message_id BINARY(16) NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
