-- Of too many failed logins the oldest go first, and those from after the clock was set back go, too: both are looked up by when
-- they failed.
CREATE INDEX failed_logins_by_time ON failed_logins (failed_at);
