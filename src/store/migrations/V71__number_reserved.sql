-- reserved: no pool chooses it, whoever names it still sends from it
ALTER TABLE sb_number ADD COLUMN reserved INT NOT NULL DEFAULT 0
