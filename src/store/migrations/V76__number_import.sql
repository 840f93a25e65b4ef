-- numbers that are taken in together, until the last trace of that is gone
-- state: writing; done: they are there, and their import_id is being taken away; failed: they are being removed
-- owner, ready_ms, set_ms: who writes them, until when, and when that was said
CREATE TABLE sb_number_import (
    id BINARY(16) NOT NULL PRIMARY KEY,
    client_id BINARY(16) NOT NULL,
    state VARCHAR(8) NOT NULL,
    total BIGINT NOT NULL,
    written BIGINT NOT NULL,
    owner BINARY(8) NULL,
    ready_ms BIGINT NULL,
    set_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
