-- which address took the first of two steps, as a keyed hash; NULL once the second is done
ALTER TABLE sb_sync_session ADD COLUMN offered_by VARCHAR(64) NULL
