CREATE INDEX sb_interaction_session ON sb_interaction (session_id, id)
