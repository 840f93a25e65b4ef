CREATE INDEX sb_pool_number_free ON sb_pool_number (pool_id, free_ms)
