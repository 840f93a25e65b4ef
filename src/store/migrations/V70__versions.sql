-- of what nodes keep in memory: see `Versioned`
INSERT INTO sb_meta (name, value) VALUES ('book', 'new'), ('clients', 'new'), ('tariff', 'new')
