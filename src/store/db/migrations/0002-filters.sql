-- Filters of the account (no asset) and of assets. Names are found without case, by `folded`;
-- an asset filter hides an account filter of the same name.
CREATE TABLE filters (
    asset      TEXT REFERENCES assets (name) ON DELETE CASCADE,
    folded     TEXT NOT NULL,
    name       TEXT NOT NULL,
    properties TEXT NOT NULL
);
CREATE UNIQUE INDEX filters_by_name ON filters (COALESCE(asset, ''), folded);
-- Names of the filters that a locator always applies, as a JSON array.
ALTER TABLE locators ADD COLUMN filters TEXT NOT NULL DEFAULT '[]';
