CREATE INDEX sb_attempt_provider ON sb_attempt (provider_id)
