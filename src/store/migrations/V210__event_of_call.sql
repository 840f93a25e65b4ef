-- a call's events name it as a message's do; of those of before, what is still on its way to its callback
UPDATE sb_event SET message_id = (SELECT MIN(d.target_id) FROM sb_delivery d WHERE d.event_id = sb_event.id AND d.target = 'callback')
WHERE message_id IS NULL AND id IN (SELECT event_id FROM sb_delivery WHERE ready_ms >= 0 AND target = 'callback')
