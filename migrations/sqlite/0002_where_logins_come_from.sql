-- Where a remembered browser was logged in, and when: for its person to recognise it. Of older ones it is not known.

ALTER TABLE remembered ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE remembered ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE remembered ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
UPDATE remembered SET created_at = rotated_at;
