-- Failed logins, and logins that are being tried, which count as failed until they are done. Each attempt has a row for
-- the account and one for the address.

CREATE TABLE failed_logins (
    attempt    BLOB   NOT NULL,
    -- the hash of the account's name or of the client's address: neither is readable here
    bucket     BLOB   NOT NULL,
    failed_at  BIGINT NOT NULL,
    -- when it no longer counts
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (attempt, bucket)
);
CREATE INDEX failed_logins_by_bucket ON failed_logins (bucket, failed_at);
CREATE INDEX failed_logins_by_expiry ON failed_logins (expires_at);
