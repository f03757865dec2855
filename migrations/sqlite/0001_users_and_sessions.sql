-- Who can log in, and who is logged in. Times are milliseconds since 1970 (UTC).

CREATE TABLE users (
    user_id       TEXT    NOT NULL PRIMARY KEY,
    -- PHC string: algorithm, parameters, salt, hash
    password_hash TEXT    NOT NULL,
    active        BOOLEAN NOT NULL,
    -- a demo user has a public password and is let in only while the server runs as a demo
    demo          BOOLEAN NOT NULL,
    created_at    BIGINT  NOT NULL,
    changed_at    BIGINT  NOT NULL
);

-- A remembered browser. The token changes at every use; the series is what stays the same.
CREATE TABLE remembered (
    series_hash   BLOB   NOT NULL PRIMARY KEY,
    token_hash    BLOB   NOT NULL,
    -- the token before this one, and when it was replaced: to tell a reused token from two requests at once
    previous_hash BLOB,
    rotated_at    BIGINT NOT NULL,
    user_id       TEXT   NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    expires_at    BIGINT NOT NULL
);
CREATE INDEX remembered_by_user ON remembered (user_id);
CREATE INDEX remembered_by_expiry ON remembered (expires_at);

CREATE TABLE sessions (
    token_hash   BLOB   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    -- the remembered browser that this session belongs to
    series_hash  BLOB,
    data         TEXT   NOT NULL,
    logged_in_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_series ON sessions (series_hash);
CREATE INDEX sessions_by_login ON sessions (logged_in_at);
CREATE INDEX sessions_by_use ON sessions (last_used_at);

-- A call that waits to be shown to the browser that made it.
CREATE TABLE kept_calls (
    token_hash BLOB   NOT NULL PRIMARY KEY,
    -- the user who may see it; nobody in particular if the caller was not logged in
    user_id    TEXT REFERENCES users (user_id) ON DELETE CASCADE,
    call       TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX kept_calls_by_user ON kept_calls (user_id);
CREATE INDEX kept_calls_by_expiry ON kept_calls (expires_at);
