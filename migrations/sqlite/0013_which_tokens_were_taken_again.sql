-- Whether the token before the present one has been taken once more, because the answer with the present one got lost.
ALTER TABLE remembered ADD COLUMN taken_again INTEGER NOT NULL DEFAULT FALSE;
