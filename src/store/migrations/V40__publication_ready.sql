CREATE INDEX sb_publication_ready ON sb_publication (ready_ms)
