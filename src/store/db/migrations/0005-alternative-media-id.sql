-- What stands for {AlternativeMediaId} in addresses of licences; NULL for nothing.
ALTER TABLE locators ADD COLUMN alternative_media_id TEXT;
