-- of a delivery that takes turns with others of its object: what they are of
ALTER TABLE sb_delivery ADD COLUMN object VARCHAR(32) NULL
