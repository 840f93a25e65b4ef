ALTER TABLE sb_client ADD COLUMN auth_token BLOB NULL
