CREATE UNIQUE INDEX sb_inbound_signature ON sb_inbound (signature_hash)
