CREATE INDEX sb_pool_number_area ON sb_pool_number (pool_id, area, free_ms)
