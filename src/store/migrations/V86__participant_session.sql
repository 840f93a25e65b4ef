CREATE INDEX sb_participant_session ON sb_participant (session_id, id)
