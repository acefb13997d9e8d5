-- Key and IVs of files that are stored encrypted, sealed; NULL for plain files.
ALTER TABLE assets ADD COLUMN storage_encryption TEXT;
