-- with which others a number is taken in: it is there once they all are
ALTER TABLE sb_number ADD COLUMN import_id BINARY(16) NULL
