-- people who want no texts from a number of ours; the id is that of the lane between them
-- channel: over what they want nothing; NULL: texts. Each channel has an entry of its own, as it has a lane
-- client_id: whose number it was when this was said: nobody else sees the entry, nor lifts it
-- held_ms: since when an entry of an earlier client stays in force behind this one; NULL: none does
CREATE TABLE sb_opt_out (
    id BINARY(16) NOT NULL PRIMARY KEY,
    number VARCHAR(16) NOT NULL,
    person VARCHAR(16) NOT NULL,
    is_out INT NOT NULL,
    reason VARCHAR(32) NOT NULL,
    changed_ms BIGINT NOT NULL,
    channel VARCHAR(8) NULL,
    sequence BIGINT NULL,
    client_id BINARY(16) NULL,
    held_ms BIGINT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
