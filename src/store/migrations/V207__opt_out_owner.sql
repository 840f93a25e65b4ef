-- of before: whose the number is now, unless it was said before it was theirs
UPDATE sb_opt_out SET client_id = (SELECT client_id FROM sb_number WHERE sb_number.address = sb_opt_out.number
AND sb_number.created_ms <= sb_opt_out.changed_ms)
