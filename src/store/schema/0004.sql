-- Schema 4.

-- What posture rules said of subjects: what fails, what cannot be told, and what ever failed; what passes is only counted.
-- Subject and place: the beginning of the SHA-256 of their ids. Severity: 0 critical to 4 info. Outcome: 0 pass, 1 fail,
-- 2 unknown. State: 0 new, 1 acknowledged, 2 accepted, 3 fixed, 4 regressed. Until: when an acceptance ends.
CREATE TABLE finding (
  no             INTEGER PRIMARY KEY,
  id             TEXT NOT NULL UNIQUE,
  connection     TEXT NOT NULL,
  rule           TEXT NOT NULL,
  subject        BLOB NOT NULL,
  place          BLOB,
  severity       INTEGER NOT NULL,
  outcome        INTEGER NOT NULL,
  state          INTEGER NOT NULL,
  since          INTEGER NOT NULL,
  until          INTEGER,
  finding_sealed BLOB NOT NULL
) STRICT;
CREATE INDEX finding_order ON finding (severity, rule, id);
CREATE INDEX finding_subject ON finding (subject);
CREATE INDEX finding_tally ON finding (connection, rule, outcome, severity, state, until);
CREATE INDEX finding_until ON finding (until) WHERE until IS NOT NULL;
CREATE INDEX finding_fixed ON finding (since) WHERE state = 3;

-- Scans of connections. Whole: 1 every subject was looked at, 0 only what had changed. Tallies: JSON, rule by rule.
CREATE TABLE scan (
  no         INTEGER PRIMARY KEY,
  connection TEXT NOT NULL,
  at         INTEGER NOT NULL,
  whole      INTEGER NOT NULL,
  revision   INTEGER NOT NULL,
  bundle     TEXT NOT NULL,
  subjects   INTEGER NOT NULL,
  tallies    TEXT NOT NULL
) STRICT;
CREATE INDEX scan_connection ON scan (connection, no);

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
