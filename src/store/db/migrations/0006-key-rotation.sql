-- How the keys of a locator rotate, as JSON; NULL for keys that do not.
ALTER TABLE locators ADD COLUMN key_schedule TEXT;
