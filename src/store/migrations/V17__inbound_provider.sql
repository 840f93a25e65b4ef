CREATE UNIQUE INDEX sb_inbound_provider ON sb_inbound (account_id, kind, provider_key)
