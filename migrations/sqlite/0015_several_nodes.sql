-- A log of the changes that cached logins depend on, ids that the program gives, and what several nodes share. Several nodes
-- need PostgreSQL. SQLite has the same tables, so that both engines run the same statements.

-- The log takes the place of a single count: a change that concerns one user leaves the cached logins of all others valid.

DROP TRIGGER session_ended;
DROP TRIGGER session_changed;
DROP TRIGGER session_aged;
DROP TRIGGER session_replaced;
DROP TRIGGER user_changed;
DROP TRIGGER user_deleted;
DROP TRIGGER user_replaced;
DROP TRIGGER role_given;
DROP TRIGGER role_moved;
DROP TRIGGER role_taken;
DROP TRIGGER permission_added;
DROP TRIGGER permission_changed;
DROP TRIGGER permission_removed;
DROP TRIGGER mapped_role_given;
DROP TRIGGER mapped_role_taken;
DROP TABLE guard_changes;

-- New sessions and recorded uses are not in the log, because they end no session that is cached.
CREATE TABLE guard_changes (
    -- AUTOINCREMENT, because a number must not be used again after its row was deleted.
    change  INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Random. After a backup is restored the numbers repeat, but the marks do not.
    mark    TEXT NOT NULL DEFAULT (hex(randomblob(16))),
    -- NULL if the change concerns all users.
    user_id TEXT
);
-- The log is never empty: readers look for the last row that they have seen.
INSERT INTO guard_changes (change, user_id) VALUES (0, NULL);

CREATE TRIGGER session_ended AFTER DELETE ON sessions
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (OLD.user_id);
END;

-- last_used_at goes back only if the clock was set back.
CREATE TRIGGER session_changed AFTER UPDATE ON sessions
WHEN OLD.token_hash <> NEW.token_hash OR OLD.user_id <> NEW.user_id OR OLD.data <> NEW.data
  OR OLD.logged_in_at <> NEW.logged_in_at OR OLD.ends_at IS NOT NEW.ends_at OR OLD.last_used_at > NEW.last_used_at
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (OLD.user_id);
    INSERT INTO guard_changes (user_id) SELECT NEW.user_id WHERE NEW.user_id <> OLD.user_id;
END;

-- INSERT OR REPLACE and UPDATE OR REPLACE fire no delete trigger for the rows that they replace.
CREATE TRIGGER session_replaced BEFORE INSERT ON sessions
BEGIN
    INSERT INTO guard_changes (user_id) SELECT user_id FROM sessions WHERE token_hash = NEW.token_hash;
    INSERT INTO guard_changes (user_id)
    SELECT NEW.user_id FROM sessions WHERE token_hash = NEW.token_hash AND user_id <> NEW.user_id;
END;

CREATE TRIGGER session_overwritten BEFORE UPDATE OF token_hash ON sessions WHEN OLD.token_hash <> NEW.token_hash
BEGIN
    INSERT INTO guard_changes (user_id) SELECT user_id FROM sessions WHERE token_hash = NEW.token_hash;
END;

CREATE TRIGGER user_changed AFTER UPDATE ON users
WHEN OLD.user_id <> NEW.user_id OR OLD.active <> NEW.active OR OLD.demo <> NEW.demo
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (OLD.user_id);
    INSERT INTO guard_changes (user_id) SELECT NEW.user_id WHERE NEW.user_id <> OLD.user_id;
END;

CREATE TRIGGER user_deleted AFTER DELETE ON users
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (OLD.user_id);
END;

CREATE TRIGGER user_replaced BEFORE INSERT ON users
BEGIN
    INSERT INTO guard_changes (user_id)
    SELECT user_id FROM users
     WHERE user_id = NEW.user_id OR folded_name = NEW.folded_name OR skeleton = NEW.skeleton;
END;

CREATE TRIGGER role_given AFTER INSERT ON user_roles
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (NEW.user_id);
END;

CREATE TRIGGER role_moved AFTER UPDATE ON user_roles
WHEN OLD.user_id <> NEW.user_id OR OLD.role <> NEW.role
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (OLD.user_id);
    INSERT INTO guard_changes (user_id) SELECT NEW.user_id WHERE NEW.user_id <> OLD.user_id;
END;

CREATE TRIGGER role_taken AFTER DELETE ON user_roles
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (OLD.user_id);
END;

CREATE TRIGGER mapped_role_given AFTER INSERT ON mapped_roles
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (NEW.user_id);
END;

CREATE TRIGGER mapped_role_moved AFTER UPDATE ON mapped_roles
WHEN OLD.user_id <> NEW.user_id OR OLD.role <> NEW.role
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (OLD.user_id);
    INSERT INTO guard_changes (user_id) SELECT NEW.user_id WHERE NEW.user_id <> OLD.user_id;
END;

CREATE TRIGGER mapped_role_taken AFTER DELETE ON mapped_roles
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (OLD.user_id);
END;

CREATE TRIGGER permission_added AFTER INSERT ON role_permissions
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (NULL);
END;

CREATE TRIGGER permission_changed AFTER UPDATE ON role_permissions
WHEN OLD.role <> NEW.role OR OLD.permission <> NEW.permission
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (NULL);
END;

CREATE TRIGGER permission_removed AFTER DELETE ON role_permissions
BEGIN
    INSERT INTO guard_changes (user_id) VALUES (NULL);
END;

-- The highest ids that were given. The program takes ids from here in the transaction that adds the rows. So ids are in the
-- order of commits on every engine, and a reader that continues after the last id that it has seen misses nothing.
CREATE TABLE counters (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES
    ('events', COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)),
    ('calls', COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'calls'), 0));

-- How often the failed logins of a bucket have changed. An attempt is allowed only if the version is still the one that the
-- decision was based on.
CREATE TABLE login_buckets (
    bucket     BLOB   NOT NULL PRIMARY KEY,
    version    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX login_buckets_by_expiry ON login_buckets (expires_at);

-- How many pending calls were stored for a user or an address in a minute.
CREATE TABLE call_rates (
    -- The hash of the user or of the address.
    bucket BLOB   NOT NULL,
    minute BIGINT NOT NULL,
    calls  BIGINT NOT NULL,
    PRIMARY KEY (bucket, minute)
);
CREATE INDEX call_rates_by_minute ON call_rates (minute);

-- The nodes that run.
CREATE TABLE nodes (
    -- A new one for each start of a program.
    node_id    TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    -- Of the program.
    version    TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);

-- Work that one node does for all, such as deleting expired rows.
CREATE TABLE leases (
    name    TEXT   NOT NULL PRIMARY KEY,
    -- The id of a node.
    held_by TEXT   NOT NULL,
    until   BIGINT NOT NULL
);

-- Files that pages load. While nodes run different versions, a page of one node may load its files from another node.
CREATE TABLE program_files (
    path    TEXT   NOT NULL PRIMARY KEY,
    bytes   BLOB   NOT NULL,
    seen_at BIGINT NOT NULL
);

-- A program can use this database if it knows the migration with this number, even if later ones were applied.
CREATE TABLE schema_support (
    oldest_program BIGINT NOT NULL
);
INSERT INTO schema_support (oldest_program) VALUES (15);
