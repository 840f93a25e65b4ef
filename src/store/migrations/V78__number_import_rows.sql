CREATE INDEX sb_number_import_rows ON sb_number (import_id)
