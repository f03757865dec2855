-- When a remembered browser was last used after the login that it is remembered from, in milliseconds since 1970. Where there
-- are too many of them, those go first that were never used again.
ALTER TABLE remembered ADD COLUMN used_at INTEGER;

UPDATE remembered SET used_at = rotated_at WHERE previous_hash IS NOT NULL;

-- Noting the use of a session notes that of its browser.
CREATE TRIGGER browser_used AFTER UPDATE OF last_used_at ON sessions WHEN NEW.series_hash IS NOT NULL
BEGIN
    UPDATE remembered SET used_at = NEW.last_used_at WHERE series_hash = NEW.series_hash;
END;
