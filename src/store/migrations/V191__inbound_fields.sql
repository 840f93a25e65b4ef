-- keyed hash of the fields that were signed: with the same ones the signature may come again
ALTER TABLE sb_inbound ADD COLUMN fields_hash VARCHAR(32) NULL
