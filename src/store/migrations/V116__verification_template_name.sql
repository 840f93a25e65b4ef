CREATE UNIQUE INDEX sb_verification_template_name ON sb_verification_template (client_id, name, locale)
