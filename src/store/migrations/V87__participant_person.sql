CREATE INDEX sb_participant_person ON sb_participant (person, number_id, joined_ms)
