-- blocks with which texts that were taken can begin: as version 2 has no MAC, a block under another IV says something
-- else
-- block_hash: keyed hash of device and block; text_hash: the whole text's; kept until the device is revoked
CREATE TABLE sb_text_block (
    device_id BINARY(16) NOT NULL,
    block_hash BINARY(32) NOT NULL,
    text_hash BINARY(32) NOT NULL,
    PRIMARY KEY (device_id, block_hash)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */
