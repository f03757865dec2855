-- Who made a link: it opens no more than that user may manage when it is used. Nobody where the operator made it, at the
-- command line. With its maker a link is gone.
ALTER TABLE links ADD COLUMN made_by TEXT REFERENCES users (user_id) ON DELETE CASCADE;
CREATE INDEX links_by_maker ON links (made_by) WHERE made_by IS NOT NULL;
