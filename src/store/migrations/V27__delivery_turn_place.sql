-- the event too: whose turn it is stands in the index
CREATE INDEX sb_delivery_turn_place ON sb_delivery_turn (target_id, object, place, event_id)
