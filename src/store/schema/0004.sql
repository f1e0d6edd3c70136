-- Schema 4.

-- Where each audit source stands: the window that is being read, and the page in it. Kept, passed, unreadable: lines so far. Why: the reason
-- it could not be read last; null: it could.
CREATE TABLE audit_source (
  connection TEXT NOT NULL,
  source     TEXT NOT NULL,
  since      INTEGER NOT NULL,
  until      INTEGER NOT NULL,
  page       TEXT,
  visited    INTEGER NOT NULL,
  read       INTEGER,
  kept       INTEGER NOT NULL,
  passed     INTEGER NOT NULL,
  unreadable INTEGER NOT NULL,
  why        TEXT,
  PRIMARY KEY (connection, source)
) STRICT, WITHOUT ROWID;

-- Lines of audit logs: who did what to what, sealed. State: 0 no reading came after it yet, 1 it explains a change, 2 none.
CREATE TABLE audit_line (
  no          INTEGER PRIMARY KEY,
  connection  TEXT NOT NULL,
  id          TEXT NOT NULL,
  at          INTEGER NOT NULL,
  state       INTEGER NOT NULL,
  line_sealed BLOB NOT NULL,
  UNIQUE (connection, id)
) STRICT;
CREATE INDEX audit_line_at ON audit_line (connection, at);
CREATE INDEX audit_line_open ON audit_line (connection, at) WHERE state = 0;

-- Changes that readings found, each by the key of its decision. State: 0 no line explains it, 1 one does.
CREATE TABLE audit_change (
  no            INTEGER PRIMARY KEY,
  connection    TEXT NOT NULL,
  key           BLOB NOT NULL UNIQUE,
  moment        INTEGER NOT NULL,
  until         INTEGER NOT NULL,
  state         INTEGER NOT NULL,
  change_sealed BLOB NOT NULL
) STRICT;
CREATE INDEX audit_change_until ON audit_change (connection, until);

-- Which line explains which change.
CREATE TABLE audit_pair (
  line   INTEGER NOT NULL,
  change INTEGER NOT NULL,
  PRIMARY KEY (line, change)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_pair_change ON audit_pair (change);

-- A reading of a connection that is not done: when it began, and when an answer was kept last.
CREATE TABLE crawl (
  connection TEXT PRIMARY KEY,
  began      INTEGER NOT NULL,
  touched    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What it has read so far, by hashes of addresses: what discovery reads of each answer, sealed. Gone when the reading is done.
CREATE TABLE crawl_answer (
  no            INTEGER PRIMARY KEY,
  connection    TEXT NOT NULL,
  key           BLOB NOT NULL,
  answer_sealed BLOB NOT NULL,
  UNIQUE (connection, key)
) STRICT;
