CREATE INDEX sb_session_tell ON sb_session (tell_ms)
