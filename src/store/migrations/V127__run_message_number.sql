-- as those of the messages
/*! ALTER TABLE sb_run_message MODIFY number VARCHAR(255) NOT NULL */
