-- Schema 4.

-- Evidence that people brought. Until: when it ends. Reminded: 0 nobody yet, 1 of the end to come, 2 of the end. Head: what
-- it is, whose file it was and why it was brought. Content: what it says; null once it was withdrawn or has ended.
CREATE TABLE evidence (
  seq            INTEGER PRIMARY KEY,
  id             BLOB NOT NULL UNIQUE,
  connection     TEXT NOT NULL,
  until          INTEGER NOT NULL,
  withdrawn      INTEGER,
  reminded       INTEGER NOT NULL,
  head_sealed    BLOB NOT NULL,
  content_sealed BLOB
) STRICT;

-- How rules are taken on repositories of a class; where nothing stands here, as on the whole connection.
CREATE TABLE class_mode (
  connection TEXT NOT NULL,
  class      TEXT NOT NULL,
  rules      TEXT NOT NULL,
  mode       TEXT NOT NULL,
  PRIMARY KEY (connection, class, rules)
) STRICT, WITHOUT ROWID;
