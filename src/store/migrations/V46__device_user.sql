CREATE INDEX sb_device_user ON sb_device (user_id, id)
