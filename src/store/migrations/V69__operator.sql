-- the operator's own client: `ClientId::OPERATOR`
INSERT INTO sb_client (id, name, created_ms) VALUES (X'00000000000000000000000000000001', 'operator', 0)
