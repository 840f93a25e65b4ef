CREATE INDEX sb_event_message ON sb_event (message_id)
