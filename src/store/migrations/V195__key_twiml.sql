-- any or say: what the TwiML of its calls may hold; NULL: as its other bounds and call.twiml have it
ALTER TABLE sb_key ADD COLUMN twiml VARCHAR(8) NULL
