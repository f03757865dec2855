-- Who has had a call kept: the user, or the address of whoever is not logged in, as a hash. So the number of calls is
-- limited for each, and nobody fills the place of all.
ALTER TABLE kept_calls ADD COLUMN keeper BLOB NOT NULL DEFAULT x'';
CREATE INDEX kept_calls_by_keeper ON kept_calls (keeper, expires_at);
