-- whatsapp_templates: JSON, a template's name for each language; empty: none
ALTER TABLE sb_account ADD COLUMN whatsapp_templates VARCHAR(4096) NOT NULL DEFAULT ''
