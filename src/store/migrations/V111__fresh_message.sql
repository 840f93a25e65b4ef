INSERT INTO sb_fresh (id, from_address, to_address) SELECT id, from_address, to_address FROM sb_message
