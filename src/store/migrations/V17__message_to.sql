CREATE INDEX sb_message_to ON sb_message (to_address, id)
