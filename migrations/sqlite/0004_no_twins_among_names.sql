-- What names have in common that would be mistaken for one another: the same letters in upper or lower case, or letters
-- that look alike. No two users have the same of either; the program fills them in (src/server/names.rs).
--
-- Of twins that are there already, one keeps its keys; the others go without, and go on as they are.

ALTER TABLE users ADD COLUMN folded_name TEXT;
ALTER TABLE users ADD COLUMN skeleton TEXT;

UPDATE users SET folded_name = lower(user_id)
 WHERE user_id IN (SELECT MIN(user_id) FROM users GROUP BY lower(user_id));
UPDATE users SET skeleton = replace(replace(replace(replace(user_id, '0', 'O'), '1', 'l'), 'I', 'l'), 'm', 'rn')
 WHERE user_id IN (
    SELECT MIN(user_id) FROM users
     GROUP BY replace(replace(replace(replace(user_id, '0', 'O'), '1', 'l'), 'I', 'l'), 'm', 'rn'));

CREATE UNIQUE INDEX users_by_folded_name ON users (folded_name);
CREATE UNIQUE INDEX users_by_skeleton ON users (skeleton);
