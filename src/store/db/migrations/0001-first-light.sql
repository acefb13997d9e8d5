-- One text for SQLite and PostgreSQL: identifiers and sealed secrets are text, times are
-- milliseconds since 1970.
CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE assets (
    name       TEXT   NOT NULL PRIMARY KEY,
    dir        TEXT   NOT NULL,
    segment_ms BIGINT NOT NULL,
    created    BIGINT NOT NULL
);
CREATE TABLE streaming_policies (
    name       TEXT NOT NULL PRIMARY KEY,
    properties TEXT NOT NULL
);
CREATE TABLE content_key_policies (
    name   TEXT NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL
);
CREATE TABLE locators (
    id                 TEXT   NOT NULL PRIMARY KEY,
    name               TEXT   NOT NULL UNIQUE,
    asset              TEXT   NOT NULL REFERENCES assets (name),
    streaming_policy   TEXT   NOT NULL,
    content_key_policy TEXT   REFERENCES content_key_policies (name),
    start_time         BIGINT,
    end_time           BIGINT,
    created            BIGINT NOT NULL
);
CREATE TABLE content_keys (
    kid           TEXT   NOT NULL PRIMARY KEY,
    locator       TEXT   NOT NULL REFERENCES locators (id) ON DELETE CASCADE,
    label         TEXT   NOT NULL,
    key_type      TEXT   NOT NULL,
    crypto_period BIGINT NOT NULL,
    policy        TEXT   REFERENCES content_key_policies (name),
    wrapped       TEXT   NOT NULL,
    UNIQUE (locator, key_type, label, crypto_period)
);
