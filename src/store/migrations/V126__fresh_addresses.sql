-- as those of the messages
/*! ALTER TABLE sb_fresh MODIFY from_address VARCHAR(255) NOT NULL, MODIFY to_address VARCHAR(255) NOT NULL */
