CREATE UNIQUE INDEX sb_verification_limit_name ON sb_verification_limit (name_key)
