CREATE INDEX sb_guard_decision_client ON sb_guard_decision (client_id, id)
