-- Whose manifests a locator's streams have.
ALTER TABLE locators ADD COLUMN compat TEXT NOT NULL DEFAULT 'modern';
