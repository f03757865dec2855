-- What a session is called, whatever token it goes on under. Sessions from before are called after their token.
ALTER TABLE sessions ADD COLUMN login_id TEXT NOT NULL DEFAULT '';
