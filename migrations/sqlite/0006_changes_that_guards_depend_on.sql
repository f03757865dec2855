-- How often something has changed that a guard relies on. What was found out for a guard is good for as long as this
-- number stays the same, whichever process changes something. A session that is added, and a use of one that is noted, change
-- nothing for anybody who was let in before.

CREATE TABLE guard_changes (
    changes BIGINT NOT NULL
);
INSERT INTO guard_changes (changes) VALUES (0);

CREATE TRIGGER session_ended AFTER DELETE ON sessions
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

CREATE TRIGGER session_changed AFTER UPDATE OF token_hash, user_id, data, logged_in_at ON sessions
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

CREATE TRIGGER session_aged AFTER UPDATE OF last_used_at ON sessions WHEN new.last_used_at < old.last_used_at
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

-- INSERT OR REPLACE goes past the triggers of what it replaces.
CREATE TRIGGER session_replaced BEFORE INSERT ON sessions
WHEN EXISTS (SELECT 1 FROM sessions WHERE token_hash = new.token_hash)
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

CREATE TRIGGER user_changed AFTER UPDATE OF user_id, active, demo ON users
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

CREATE TRIGGER user_deleted AFTER DELETE ON users
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

CREATE TRIGGER user_replaced BEFORE INSERT ON users
WHEN EXISTS (SELECT 1 FROM users WHERE user_id = new.user_id)
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

CREATE TRIGGER role_given AFTER INSERT ON user_roles
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

CREATE TRIGGER role_moved AFTER UPDATE ON user_roles
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

CREATE TRIGGER role_taken AFTER DELETE ON user_roles
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

CREATE TRIGGER permission_added AFTER INSERT ON role_permissions
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

CREATE TRIGGER permission_changed AFTER UPDATE ON role_permissions
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

CREATE TRIGGER permission_removed AFTER DELETE ON role_permissions
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;
