CREATE INDEX sb_verification_template_client ON sb_verification_template (client_id, id)
