CREATE INDEX sb_message_from ON sb_message (from_address, id)
