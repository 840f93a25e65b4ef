CREATE INDEX sb_interaction_outbound ON sb_interaction (outbound_id)
