-- Failed logins once more, each row in one place and in the order in which it is asked for.

CREATE TABLE failures (
    -- the hash of the account's name or of the client's address: neither is readable here
    bucket     BLOB   NOT NULL,
    failed_at  BIGINT NOT NULL,
    -- a random number, the same in both buckets of an attempt
    attempt    BIGINT NOT NULL,
    -- when it no longer counts
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (bucket, failed_at, attempt)
) WITHOUT ROWID;
INSERT INTO failures (bucket, failed_at, attempt, expires_at)
SELECT bucket, failed_at, random(), expires_at FROM failed_logins;
DROP TABLE failed_logins;
ALTER TABLE failures RENAME TO failed_logins;
CREATE INDEX failed_logins_by_expiry ON failed_logins (expires_at);
