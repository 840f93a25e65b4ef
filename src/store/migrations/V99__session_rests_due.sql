CREATE INDEX sb_session_rests ON sb_session (rests_ms)
