CREATE INDEX sb_schedule_due ON sb_schedule (due_ms, message_id)
