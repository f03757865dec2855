-- Who may do what, one-time links, and what happened. Times are milliseconds since 1970 (UTC).
--
-- From here on a user whose password_hash is empty has no password: nobody logs in with it, and a one-time link lets the
-- person choose one.

CREATE INDEX users_by_age ON users (created_at, user_id);

CREATE TABLE roles (
    role        TEXT NOT NULL PRIMARY KEY,
    description TEXT NOT NULL
);

-- What a role may do. The names are those that guards in the program ask for; one that no guard knows opens nothing.
CREATE TABLE role_permissions (
    role       TEXT NOT NULL REFERENCES roles (role) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (role, permission)
);

CREATE TABLE user_roles (
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    role    TEXT NOT NULL REFERENCES roles (role) ON DELETE CASCADE,
    PRIMARY KEY (user_id, role)
);
CREATE INDEX user_roles_by_role ON user_roles (role, user_id);

-- Built in: holds every permission that there is.
INSERT INTO roles (role, description) VALUES ('admin', 'May do everything');

-- A link that works once. The code in it is known here by its hash only.
CREATE TABLE links (
    code_hash  BLOB   NOT NULL PRIMARY KEY,
    -- whose password it lets somebody choose; nobody's where it makes the first administrator
    user_id    TEXT UNIQUE REFERENCES users (user_id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX links_by_expiry ON links (expires_at);

-- The audit trail. Rows are added and, when they are old enough, removed; never changed.
CREATE TABLE events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         BIGINT NOT NULL,
    action     TEXT   NOT NULL,
    outcome    TEXT   NOT NULL,
    -- who did it; empty where that is not known, and "(operator)" for the command line
    actor      TEXT   NOT NULL,
    -- whom it was done to
    user_id    TEXT   NOT NULL,
    about      TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    request_id TEXT   NOT NULL
);
CREATE INDEX events_by_user ON events (user_id, id);
CREATE INDEX events_by_actor ON events (actor, id);
CREATE INDEX events_by_action ON events (action, id);
CREATE INDEX events_by_time ON events (at);

CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are never changed');
END;

-- INSERT OR REPLACE would go past the other two.
CREATE TRIGGER events_are_only_added BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'events are never replaced');
END;

CREATE TRIGGER events_stay_for_a_day_at_least BEFORE DELETE ON events
WHEN OLD.at > (CAST(strftime('%s', 'now') AS INTEGER) - 86400) * 1000
BEGIN
    SELECT RAISE(ABORT, 'events of the last day are never removed');
END;

-- The call log. Where there are very many calls in a second, one row stands for several that are alike.
CREATE TABLE calls (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         BIGINT NOT NULL,
    function   TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    outcome    TEXT   NOT NULL,
    calls      BIGINT NOT NULL,
    -- of the longest of them, in microseconds
    took_us    BIGINT NOT NULL,
    address    TEXT   NOT NULL,
    request_id TEXT   NOT NULL
);
CREATE INDEX calls_by_user ON calls (user_id, id);
CREATE INDEX calls_by_function ON calls (function, id);
CREATE INDEX calls_by_time ON calls (at);
