-- the provider's own word, where it is not that state; NULL: it is. What we do not know has a state that begins with `?`
ALTER TABLE sb_receipt ADD COLUMN word VARCHAR(64) NULL
