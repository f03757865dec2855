-- What users choose for themselves: the language and time zone of their pages, and a name to be shown beside the login name.

ALTER TABLE users ADD COLUMN language TEXT;
ALTER TABLE users ADD COLUMN time_zone TEXT;
ALTER TABLE users ADD COLUMN display_name TEXT;

-- Cached logins hold these, too.
DROP TRIGGER user_changed;
CREATE TRIGGER user_changed AFTER UPDATE ON users
WHEN OLD.user_id <> NEW.user_id OR OLD.active <> NEW.active OR OLD.demo <> NEW.demo OR OLD.language IS NOT NEW.language
  OR OLD.time_zone IS NOT NEW.time_zone OR OLD.display_name IS NOT NEW.display_name
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (OLD.user_id);
    INSERT INTO guard_changes (user_id) SELECT NEW.user_id WHERE NEW.user_id <> OLD.user_id;
END;
