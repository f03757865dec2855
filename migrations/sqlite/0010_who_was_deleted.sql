-- When a user was deleted, so that one of the same name is not shown what happened to the other.
CREATE INDEX events_of_deletion ON events (user_id, id) WHERE action = 'user_deleted';
