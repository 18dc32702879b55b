-- What was ended or changed lately: other processes read it, and forget what they knew of it. `what` is JSON.
CREATE TABLE changes (
    id UUID PRIMARY KEY,
    at BIGINT NOT NULL,
    what TEXT NOT NULL
);
CREATE INDEX changes_at ON changes (at);
