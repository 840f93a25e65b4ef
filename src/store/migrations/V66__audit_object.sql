CREATE INDEX sb_audit_object ON sb_audit (object, id)
