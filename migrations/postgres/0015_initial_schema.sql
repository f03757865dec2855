-- The tables for PostgreSQL 15 or later, as SQLite has them after its migration 0015. From 0016 on, each number exists for both
-- engines.
--
-- Times are milliseconds since 1970 (UTC). Tokens and codes are stored as hashes only.
--
-- Names, ids and other text that is sorted or looked up has the collation "C", so that its order is that of its bytes, as on
-- SQLite, whatever the locale of the database is.

-- Users

CREATE TABLE users (
    user_id       TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    -- A PHC string. Empty if the user has no password.
    password_hash TEXT    NOT NULL,
    active        BOOLEAN NOT NULL,
    -- Demo users have public passwords. They can log in only while the server runs as a demo.
    demo          BOOLEAN NOT NULL,
    created_at    BIGINT  NOT NULL,
    -- Grows with every change of the password or state. A login that began before the change fails.
    changed_at    BIGINT  NOT NULL,
    -- Two users cannot have names that differ only in case, or that look alike. The program computes both columns.
    folded_name   TEXT    COLLATE "C",
    skeleton      TEXT    COLLATE "C"
);
CREATE UNIQUE INDEX users_by_folded_name ON users (folded_name);
CREATE UNIQUE INDEX users_by_skeleton ON users (skeleton);
CREATE INDEX users_by_age ON users (created_at, user_id);

-- Accounts at providers (OpenID Connect and OAuth 2)

-- The issuer identifies the provider. The key of a provider in the settings does not: another provider can get the same key.
CREATE TABLE identities (
    id           TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    issuer       TEXT   COLLATE "C" NOT NULL,
    subject      TEXT   COLLATE "C" NOT NULL,
    user_id      TEXT   COLLATE "C" NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    -- What the provider calls the account.
    label        TEXT   NOT NULL,
    linked_at    BIGINT NOT NULL,
    linked_by    TEXT   COLLATE "C" NOT NULL,
    last_used_at BIGINT,
    UNIQUE (issuer, subject)
);
CREATE INDEX identities_by_user ON identities (user_id);

-- Logins at a provider that have begun. A copy of this table opens no login, because the verifier and the nonce are derived from a
-- cookie of the browser, and only the hash of the cookie is stored.
CREATE TABLE login_flows (
    state_hash   BYTEA   NOT NULL PRIMARY KEY,
    browser_hash BYTEA   NOT NULL,
    -- The user who is logged in, or else the address, as a hash. The flows of each are limited.
    address_hash BYTEA   NOT NULL,
    issuer       TEXT    COLLATE "C" NOT NULL,
    purpose      TEXT    COLLATE "C" NOT NULL,
    user_id      TEXT    COLLATE "C" REFERENCES users (user_id) ON DELETE CASCADE,
    login_id     TEXT    COLLATE "C",
    link_hash    BYTEA,
    next         TEXT    NOT NULL,
    remember     BOOLEAN NOT NULL,
    began_at     BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL
);
CREATE INDEX login_flows_by_browser ON login_flows (browser_hash, began_at);
CREATE INDEX login_flows_by_address ON login_flows (address_hash, began_at);
CREATE INDEX login_flows_by_end ON login_flows (expires_at);

-- Logout tokens of providers that were used. Each one is accepted once.
CREATE TABLE logout_tokens (
    jti_hash   BYTEA  NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

-- Sessions and remembered browsers

CREATE TABLE sessions (
    token_hash   BYTEA  NOT NULL PRIMARY KEY,
    user_id      TEXT   COLLATE "C" NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    -- The remembered browser that the session belongs to. There is no foreign key: a session outlives the expiry of its browser.
    series_hash  BYTEA,
    -- JSON.
    data         TEXT   NOT NULL,
    logged_in_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    -- Identifies the session when its token changes.
    login_id     TEXT   COLLATE "C" NOT NULL DEFAULT '',
    -- The account at a provider that the user logged in with, and the session at that provider.
    identity_id  TEXT   COLLATE "C",
    sid_hash     BYTEA,
    -- When the session ends at the latest, if its provider allows less than the limit for all sessions.
    ends_at      BIGINT
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_series ON sessions (series_hash);
CREATE INDEX sessions_by_login ON sessions (logged_in_at);
CREATE INDEX sessions_by_use ON sessions (last_used_at);
CREATE INDEX sessions_by_identity ON sessions (identity_id) WHERE identity_id IS NOT NULL;
CREATE INDEX sessions_by_sid ON sessions (sid_hash) WHERE sid_hash IS NOT NULL;
CREATE INDEX sessions_by_limit ON sessions (ends_at) WHERE ends_at IS NOT NULL;

-- The token of a remembered browser changes with every use. The series stays the same.
CREATE TABLE remembered (
    series_hash   BYTEA   NOT NULL PRIMARY KEY,
    token_hash    BYTEA   NOT NULL,
    -- The token before this one, and when it was replaced: they tell a stolen token from two requests at once.
    previous_hash BYTEA,
    rotated_at    BIGINT  NOT NULL,
    user_id       TEXT    COLLATE "C" NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    expires_at    BIGINT  NOT NULL,
    -- Browser and operating system, and the address of the login, as text to display.
    device        TEXT    NOT NULL DEFAULT '',
    address       TEXT    NOT NULL DEFAULT '',
    created_at    BIGINT  NOT NULL DEFAULT 0,
    -- The last use after the login that the browser is remembered from.
    used_at       BIGINT,
    -- Whether the previous token was accepted once more, because the response with the present one was lost.
    taken_again   BOOLEAN NOT NULL DEFAULT FALSE,
    -- As in sessions.
    identity_id   TEXT    COLLATE "C",
    sid_hash      BYTEA
);
CREATE INDEX remembered_by_user ON remembered (user_id);
CREATE INDEX remembered_by_expiry ON remembered (expires_at);
CREATE INDEX remembered_by_identity ON remembered (identity_id) WHERE identity_id IS NOT NULL;
CREATE INDEX remembered_by_sid ON remembered (sid_hash) WHERE sid_hash IS NOT NULL;

-- A recorded use of a session is one of its browser.
CREATE FUNCTION record_browser_use() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE remembered SET used_at = (NEW).last_used_at WHERE series_hash = (NEW).series_hash;
    RETURN NULL;
END
$$;
CREATE TRIGGER browser_used AFTER UPDATE ON sessions FOR EACH ROW
    WHEN ((NEW).series_hash IS NOT NULL AND (OLD).last_used_at <> (NEW).last_used_at)
    EXECUTE FUNCTION record_browser_use();

-- One-time links

CREATE TABLE links (
    code_hash  BYTEA  NOT NULL PRIMARY KEY,
    -- The user who can choose a password. NULL for the link that creates the first administrator.
    user_id    TEXT   COLLATE "C" UNIQUE REFERENCES users (user_id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- The user who created the link, whose permissions limit what it opens. NULL for the operator.
    made_by    TEXT   COLLATE "C" REFERENCES users (user_id) ON DELETE CASCADE
);
CREATE INDEX links_by_expiry ON links (expires_at);
CREATE INDEX links_by_maker ON links (made_by) WHERE made_by IS NOT NULL;

-- Roles and permissions

CREATE TABLE roles (
    role        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    description TEXT NOT NULL
);
-- Built in. Has every permission without a row in role_permissions.
INSERT INTO roles (role, description) VALUES ('admin', 'May do everything');

-- A permission that no guard of the program asks for has no effect.
CREATE TABLE role_permissions (
    role       TEXT COLLATE "C" NOT NULL REFERENCES roles (role) ON DELETE CASCADE,
    permission TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (role, permission)
);

-- Roles given by hand.
CREATE TABLE user_roles (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    role    TEXT COLLATE "C" NOT NULL REFERENCES roles (role) ON DELETE CASCADE,
    PRIMARY KEY (user_id, role)
);
CREATE INDEX user_roles_by_role ON user_roles (role, user_id);

-- Roles that the claims of a provider give.
CREATE TABLE mapped_roles (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    role    TEXT COLLATE "C" NOT NULL REFERENCES roles (role) ON DELETE CASCADE,
    issuer  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, role, issuer)
);
CREATE INDEX mapped_roles_by_role ON mapped_roles (role, user_id);

-- All roles of users. A role that is given in several ways has several rows.
CREATE VIEW granted_roles AS
    SELECT user_id, role FROM user_roles UNION ALL SELECT user_id, role FROM mapped_roles;

-- Audit log and call log

-- The highest ids that were given. The program takes ids from here in the transaction that adds the rows. So ids are in the
-- order of commits, and a reader that continues after the last id that it has seen misses nothing.
CREATE TABLE counters (
    name  TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('events', 0), ('calls', 0);

CREATE TABLE events (
    id         BIGINT NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    action     TEXT   COLLATE "C" NOT NULL,
    outcome    TEXT   COLLATE "C" NOT NULL,
    -- The user who acted. Empty if unknown, "(operator)" for the command line.
    actor      TEXT   COLLATE "C" NOT NULL,
    -- The user affected.
    user_id    TEXT   COLLATE "C" NOT NULL,
    about      TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    request_id TEXT   NOT NULL
);
CREATE INDEX events_by_user ON events (user_id, id);
CREATE INDEX events_by_actor ON events (actor, id);
CREATE INDEX events_by_action ON events (action, id);
CREATE INDEX events_by_time ON events (at);
-- To leave out the events of a deleted user with the same name.
CREATE INDEX events_of_deletion ON events (user_id, id) WHERE action = 'user_deleted';

-- Events are added and, when they are old, deleted. They are never changed.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0];
END
$$;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events FOR EACH ROW
    EXECUTE FUNCTION refuse_change('events are never changed');
CREATE TRIGGER events_stay_for_a_day_at_least BEFORE DELETE ON events FOR EACH ROW
    WHEN ((OLD).at > (EXTRACT(EPOCH FROM now())::BIGINT - 86400) * 1000)
    EXECUTE FUNCTION refuse_change('events of the last day are never removed');
-- TRUNCATE fires no trigger for rows.
CREATE TRIGGER events_are_never_truncated BEFORE TRUNCATE ON events FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change('events are never removed all at once');

-- If there are very many calls in a second, one row stands for several equal ones.
CREATE TABLE calls (
    id         BIGINT NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    function   TEXT   COLLATE "C" NOT NULL,
    user_id    TEXT   COLLATE "C" NOT NULL,
    outcome    TEXT   COLLATE "C" NOT NULL,
    calls      BIGINT NOT NULL,
    -- The duration of the longest call, in microseconds.
    took_us    BIGINT NOT NULL,
    address    TEXT   NOT NULL,
    request_id TEXT   NOT NULL
);
CREATE INDEX calls_by_user ON calls (user_id, id);
CREATE INDEX calls_by_function ON calls (function, id);
CREATE INDEX calls_by_time ON calls (at);

-- Rate limits

-- Failed logins, and logins in progress, which count as failed until they succeed. Each attempt has two rows.
CREATE TABLE failed_logins (
    attempt    BYTEA  NOT NULL,
    -- The account name or the address, as a hash.
    bucket     BYTEA  NOT NULL,
    failed_at  BIGINT NOT NULL,
    -- When the attempt stops counting.
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (attempt, bucket)
);
CREATE INDEX failed_logins_by_bucket ON failed_logins (bucket, failed_at);
CREATE INDEX failed_logins_by_expiry ON failed_logins (expires_at);
CREATE INDEX failed_logins_by_time ON failed_logins (failed_at);

-- How often the failed logins of a bucket have changed. An attempt is allowed only if the version is still the one that the
-- decision was based on.
CREATE TABLE login_buckets (
    bucket     BYTEA  NOT NULL PRIMARY KEY,
    version    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX login_buckets_by_expiry ON login_buckets (expires_at);

-- Pending calls: form calls that are stored for one browser.
CREATE TABLE kept_calls (
    token_hash BYTEA  NOT NULL PRIMARY KEY,
    -- NULL if the caller was not logged in.
    user_id    TEXT   COLLATE "C" REFERENCES users (user_id) ON DELETE CASCADE,
    call       TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    -- The user, or else the address, as a hash. The pending calls of each are limited.
    keeper     BYTEA  NOT NULL DEFAULT ''
);
CREATE INDEX kept_calls_by_user ON kept_calls (user_id);
CREATE INDEX kept_calls_by_expiry ON kept_calls (expires_at);
CREATE INDEX kept_calls_by_keeper ON kept_calls (keeper, expires_at);

-- How many pending calls were stored for a user or an address in a minute.
CREATE TABLE call_rates (
    bucket BYTEA  NOT NULL,
    minute BIGINT NOT NULL,
    calls  BIGINT NOT NULL,
    PRIMARY KEY (bucket, minute)
);
CREATE INDEX call_rates_by_minute ON call_rates (minute);

-- Nodes

CREATE TABLE nodes (
    -- A new one for each start of a program.
    node_id    TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT   COLLATE "C" NOT NULL,
    -- Of the program.
    version    TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);

-- Work that one node does for all, such as deleting expired rows.
CREATE TABLE leases (
    name    TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    -- The id of a node.
    held_by TEXT   COLLATE "C" NOT NULL,
    until   BIGINT NOT NULL
);

-- Files that pages load. While nodes run different versions, a page of one node may load its files from another node.
CREATE TABLE program_files (
    path    TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    bytes   BYTEA  NOT NULL,
    seen_at BIGINT NOT NULL
);

-- A program can use this database if it knows the migration with this number, even if later ones were applied.
CREATE TABLE schema_support (
    oldest_program BIGINT NOT NULL
);
INSERT INTO schema_support (oldest_program) VALUES (15);

-- Changes that cached logins depend on

-- Transactions that read before they write lock this row first, so that one runs after the other, as on SQLite. So does every
-- statement that fires a trigger below: the trigger updates the row, and two statements that lock their own rows first could
-- wait for each other.
CREATE TABLE write_lock (
    -- Allows one row only.
    singleton BOOLEAN NOT NULL PRIMARY KEY DEFAULT TRUE CHECK (singleton),
    -- The number of the last row of guard_changes. It is locked until the commit, so the numbers are in the order of commits.
    changes   BIGINT  NOT NULL
);
INSERT INTO write_lock (changes) VALUES (0);

-- New sessions and recorded uses are not in the log, because they end no session that is cached.
CREATE TABLE guard_changes (
    change  BIGINT NOT NULL PRIMARY KEY,
    -- Random. After a fail-over to a server that lacks the last changes, or after a backup is restored, the numbers repeat, but the
    -- marks do not.
    mark    TEXT   COLLATE "C" NOT NULL DEFAULT gen_random_uuid()::TEXT,
    -- NULL if the change concerns all users.
    user_id TEXT   COLLATE "C"
);
-- The log is never empty: readers look for the last row that they have seen.
INSERT INTO guard_changes (change, user_id) VALUES (0, NULL);

CREATE FUNCTION log_guard_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    concerned TEXT; -- NULL: all users
    new_owner TEXT; -- of a row that moves to another user
    number BIGINT;
BEGIN
    IF TG_TABLE_NAME <> 'role_permissions' THEN
        IF TG_OP = 'INSERT' THEN
            concerned := (NEW).user_id;
        ELSE
            concerned := (OLD).user_id;
        END IF;
        IF TG_OP = 'UPDATE' THEN
            new_owner := (NEW).user_id;
        END IF;
    END IF;
    UPDATE write_lock SET changes = changes + 1 RETURNING changes INTO number;
    INSERT INTO guard_changes (change, user_id) VALUES (number, concerned);
    IF new_owner <> concerned THEN
        UPDATE write_lock SET changes = changes + 1 RETURNING changes INTO number;
        INSERT INTO guard_changes (change, user_id) VALUES (number, new_owner);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER session_ended AFTER DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION log_guard_change();
-- last_used_at goes back only if the clock was set back.
CREATE TRIGGER session_changed AFTER UPDATE ON sessions FOR EACH ROW
    WHEN ((OLD).token_hash <> (NEW).token_hash OR (OLD).user_id <> (NEW).user_id OR (OLD).data <> (NEW).data
        OR (OLD).logged_in_at <> (NEW).logged_in_at OR (OLD).ends_at IS DISTINCT FROM (NEW).ends_at
        OR (OLD).last_used_at > (NEW).last_used_at)
    EXECUTE FUNCTION log_guard_change();

CREATE TRIGGER user_deleted AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION log_guard_change();
CREATE TRIGGER user_changed AFTER UPDATE ON users FOR EACH ROW
    WHEN ((OLD).user_id <> (NEW).user_id OR (OLD).active <> (NEW).active OR (OLD).demo <> (NEW).demo)
    EXECUTE FUNCTION log_guard_change();

CREATE TRIGGER role_given_or_taken AFTER INSERT OR DELETE ON user_roles FOR EACH ROW EXECUTE FUNCTION log_guard_change();
CREATE TRIGGER role_moved AFTER UPDATE ON user_roles FOR EACH ROW
    WHEN ((OLD).user_id <> (NEW).user_id OR (OLD).role <> (NEW).role)
    EXECUTE FUNCTION log_guard_change();

CREATE TRIGGER mapped_role_given_or_taken AFTER INSERT OR DELETE ON mapped_roles FOR EACH ROW
    EXECUTE FUNCTION log_guard_change();
CREATE TRIGGER mapped_role_moved AFTER UPDATE ON mapped_roles FOR EACH ROW
    WHEN ((OLD).user_id <> (NEW).user_id OR (OLD).role <> (NEW).role)
    EXECUTE FUNCTION log_guard_change();

CREATE TRIGGER permission_added_or_removed AFTER INSERT OR DELETE ON role_permissions FOR EACH ROW
    EXECUTE FUNCTION log_guard_change();
CREATE TRIGGER permission_changed AFTER UPDATE ON role_permissions FOR EACH ROW
    WHEN ((OLD).role <> (NEW).role OR (OLD).permission <> (NEW).permission)
    EXECUTE FUNCTION log_guard_change();
