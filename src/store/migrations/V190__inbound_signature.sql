-- keyed hash of the signature that it came with, which is taken once; NULL where its carrier signs nothing
ALTER TABLE sb_inbound ADD COLUMN signature_hash VARCHAR(32) NULL
