-- carriers have senders of any shape: names, chats, agents. SQLite never counted; MariaDB changes no row for this
/*! ALTER TABLE sb_message MODIFY from_address VARCHAR(255) NOT NULL, MODIFY to_address VARCHAR(255) NOT NULL */
