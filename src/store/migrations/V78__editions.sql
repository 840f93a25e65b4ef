INSERT INTO sb_meta (name, value) VALUES ('clients', 'new'), ('tariff', 'new')
