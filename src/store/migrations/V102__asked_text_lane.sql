CREATE INDEX sb_asked_text_lane ON sb_asked_text (lane, id)
