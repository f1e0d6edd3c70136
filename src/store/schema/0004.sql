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
