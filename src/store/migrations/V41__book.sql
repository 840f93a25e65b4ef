INSERT INTO sb_meta (name, value) VALUES ('book', 'new')
