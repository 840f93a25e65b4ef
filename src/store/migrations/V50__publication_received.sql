CREATE INDEX sb_publication_received ON sb_publication (received_ms, ready_ms)
