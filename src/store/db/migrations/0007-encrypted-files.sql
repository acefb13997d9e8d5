-- What becomes of files whose samples somebody has encrypted already: refuse or pass.
ALTER TABLE assets ADD COLUMN encrypted TEXT NOT NULL DEFAULT 'refuse';
