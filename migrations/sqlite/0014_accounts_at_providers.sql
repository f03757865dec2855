-- Accounts at OpenID Connect and OAuth 2 providers that people log in with.

-- Who somebody is at a provider. The issuer and not the key in the settings: another provider under the same key has other people.
CREATE TABLE identities (
    id TEXT NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    linked_at BIGINT NOT NULL,
    linked_by TEXT NOT NULL,
    last_used_at BIGINT,
    UNIQUE (issuer, subject)
);
CREATE INDEX identities_by_user ON identities (user_id);

-- Logins at a provider that have begun. Nothing in here opens a login: the verifier and the nonce are derived from the cookie of the
-- browser, which is stored as a hash only, as the state is.
CREATE TABLE login_flows (
    state_hash BLOB NOT NULL PRIMARY KEY,
    browser_hash BLOB NOT NULL,
    -- whose flows are counted together: the address, or the user who is logged in
    address_hash BLOB NOT NULL,
    issuer TEXT NOT NULL,
    purpose TEXT NOT NULL,
    user_id TEXT REFERENCES users (user_id) ON DELETE CASCADE,
    login_id TEXT,
    link_hash BLOB,
    next TEXT NOT NULL,
    remember BOOLEAN NOT NULL,
    began_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX login_flows_by_browser ON login_flows (browser_hash, began_at);
CREATE INDEX login_flows_by_address ON login_flows (address_hash, began_at);
CREATE INDEX login_flows_by_end ON login_flows (expires_at);

-- Roles that a provider's claims give. They count like those of user_roles while the row is there.
CREATE TABLE mapped_roles (
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    role TEXT NOT NULL REFERENCES roles (role) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    PRIMARY KEY (user_id, role, issuer)
);
CREATE INDEX mapped_roles_by_role ON mapped_roles (role, user_id);

-- Which identity a session or a remembered browser comes from, and the provider's session.
ALTER TABLE sessions ADD COLUMN identity_id TEXT;
ALTER TABLE sessions ADD COLUMN sid_hash BLOB;
ALTER TABLE remembered ADD COLUMN identity_id TEXT;
ALTER TABLE remembered ADD COLUMN sid_hash BLOB;
CREATE INDEX sessions_by_identity ON sessions (identity_id) WHERE identity_id IS NOT NULL;
CREATE INDEX remembered_by_identity ON remembered (identity_id) WHERE identity_id IS NOT NULL;
CREATE INDEX sessions_by_sid ON sessions (sid_hash) WHERE sid_hash IS NOT NULL;
CREATE INDEX remembered_by_sid ON remembered (sid_hash) WHERE sid_hash IS NOT NULL;

-- When a session ends at the latest, if its provider allows less than the limit for all sessions.
ALTER TABLE sessions ADD COLUMN ends_at BIGINT;
CREATE INDEX sessions_by_limit ON sessions (ends_at) WHERE ends_at IS NOT NULL;

-- Logout tokens that were used.
CREATE TABLE logout_tokens (
    jti_hash BLOB NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

-- All roles of users, by hand and by claims. A role that is given both ways stands here twice: UNION without ALL would read both
-- tables from end to end for every question about one user.
CREATE VIEW granted_roles AS
    SELECT user_id, role FROM user_roles UNION ALL SELECT user_id, role FROM mapped_roles;

CREATE TRIGGER mapped_role_given AFTER INSERT ON mapped_roles
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;

CREATE TRIGGER mapped_role_taken AFTER DELETE ON mapped_roles
BEGIN
    UPDATE guard_changes SET changes = changes + 1;
END;
