CREATE INDEX sb_event_client ON sb_event (client_id, id)
