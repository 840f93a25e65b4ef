CREATE INDEX sb_device_revoked ON sb_device (revoked_ms)
