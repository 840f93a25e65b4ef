CREATE INDEX sb_asked_text_ready ON sb_asked_text (ready_ms)
