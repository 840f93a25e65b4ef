-- where numbers are that a client writes without a country code; NULL: where the server's are
ALTER TABLE sb_client ADD COLUMN country VARCHAR(2) NULL
