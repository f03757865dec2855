-- What users choose for themselves: the language and time zone of their pages, and a name to be shown beside the login name.

ALTER TABLE users ADD COLUMN language TEXT;
ALTER TABLE users ADD COLUMN time_zone TEXT;
ALTER TABLE users ADD COLUMN display_name TEXT;

-- Cached logins hold these, too.
DROP TRIGGER user_changed ON users;
CREATE TRIGGER user_changed AFTER UPDATE ON users FOR EACH ROW
    WHEN ((OLD).user_id <> (NEW).user_id OR (OLD).active <> (NEW).active OR (OLD).demo <> (NEW).demo
        OR (OLD).language IS DISTINCT FROM (NEW).language OR (OLD).time_zone IS DISTINCT FROM (NEW).time_zone
        OR (OLD).display_name IS DISTINCT FROM (NEW).display_name)
    EXECUTE FUNCTION log_guard_change();
