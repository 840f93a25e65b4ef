CREATE INDEX sb_pair_session ON sb_pair (session_id)
