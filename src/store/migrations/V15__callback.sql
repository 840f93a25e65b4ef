-- the callback URL of a message where it brings a login; sealed, and there for as long as callbacks may go to it
CREATE TABLE sb_callback (
    message_id BINARY(16) NOT NULL PRIMARY KEY,
    url BLOB NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
