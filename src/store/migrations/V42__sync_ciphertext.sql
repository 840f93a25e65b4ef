-- passwords' ciphertexts whose password was right, as keyed hashes: none is taken again but with the same session and
-- public key, of which used_with is a keyed hash; kept for ever
CREATE TABLE sb_sync_ciphertext (
    id BINARY(32) NOT NULL PRIMARY KEY,
    used_with BINARY(32) NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
