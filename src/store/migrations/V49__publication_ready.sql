CREATE INDEX sb_publication_ready ON sb_publication (platform, ready_ms)
