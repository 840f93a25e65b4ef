-- written: the number as whoever put it there wrote it; NULL: at a door that does not ask
ALTER TABLE sb_pool_number ADD COLUMN written VARCHAR(32) NULL
