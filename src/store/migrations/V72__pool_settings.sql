-- settings: how its numbers are chosen, and what its sessions use by default, as JSON; NULL: the defaults
ALTER TABLE sb_pool ADD COLUMN settings MEDIUMTEXT NULL
