CREATE INDEX sb_event_type ON sb_event (client_id, type, id)
