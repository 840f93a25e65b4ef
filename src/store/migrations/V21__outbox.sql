-- messages to send, in the order of each lane
CREATE TABLE sb_outbox (
    lane VARCHAR(32) NOT NULL,
    pos VARCHAR(32) NOT NULL,
    message_id VARCHAR(32) NOT NULL,
    PRIMARY KEY (lane, pos)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
