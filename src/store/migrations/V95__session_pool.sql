CREATE INDEX sb_session_pool ON sb_session (pool_id, id)
