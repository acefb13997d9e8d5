-- The root key of a label is for no one crypto period: NULL.
CREATE TABLE content_keys_with_roots (
    kid           TEXT   NOT NULL PRIMARY KEY,
    locator       TEXT   NOT NULL REFERENCES locators (id) ON DELETE CASCADE,
    label         TEXT   NOT NULL,
    key_type      TEXT   NOT NULL,
    crypto_period BIGINT,
    policy        TEXT   REFERENCES content_key_policies (name),
    wrapped       TEXT   NOT NULL
);
INSERT INTO content_keys_with_roots (kid, locator, label, key_type, crypto_period, policy, wrapped)
    SELECT kid, locator, label, key_type, crypto_period, policy, wrapped FROM content_keys;
DROP TABLE content_keys;
ALTER TABLE content_keys_with_roots RENAME TO content_keys;
CREATE UNIQUE INDEX content_keys_by_place
    ON content_keys (locator, key_type, label, COALESCE(crypto_period, -1));
