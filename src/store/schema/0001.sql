-- Schema 1. Times are milliseconds since 1970 UTC; ids and hashes are blobs; what holds names is sealed (`*_sealed`)
-- or stands in `sealed`, whose rows never move, so that zeroes written over them leave nothing behind.

-- Small facts about the store itself: instance, origin, role, the tree's edge, the highest stamp, sealed keys.
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A signed delivery. State: 0 waiting, 1 done, 2 dead.
CREATE TABLE delivery (
  seq        INTEGER PRIMARY KEY,
  id         BLOB NOT NULL UNIQUE,
  connection TEXT NOT NULL,
  hook       TEXT NOT NULL,
  product    TEXT NOT NULL,
  key        TEXT NOT NULL,
  digest     BLOB NOT NULL,
  received   INTEGER NOT NULL,
  attempt    INTEGER NOT NULL,
  state      INTEGER NOT NULL DEFAULT 0,
  tries      INTEGER NOT NULL DEFAULT 0,
  due        INTEGER NOT NULL,
  lease      INTEGER NOT NULL DEFAULT 0,
  ended      INTEGER,
  why_sealed BLOB
) STRICT;
CREATE INDEX delivery_waiting ON delivery (hook, seq) WHERE state = 0;
CREATE INDEX delivery_dead ON delivery (seq) WHERE state = 2;

-- Its body (LZ4, then sealed), apart so that the rows above stay small and a body can go while the hash stays.
CREATE TABLE body (
  seq         INTEGER PRIMARY KEY REFERENCES delivery (seq),
  body_sealed BLOB NOT NULL
) STRICT;

-- The ledger: entries byte for byte.
CREATE TABLE entry (
  idx   INTEGER PRIMARY KEY,
  at    INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

-- Complete inner nodes of the tree: place = level * 2^48 + index. Leaves are the hashes of the entries.
CREATE TABLE node (
  place INTEGER PRIMARY KEY,
  hash  BLOB NOT NULL
) STRICT;

-- Sealed parts beside an entry: place = entry * 16 + number.
CREATE TABLE sealed (
  place INTEGER PRIMARY KEY,
  name  TEXT NOT NULL,
  salt  BLOB NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

-- Parts whose bytes and salt are gone, and since when.
CREATE TABLE erased (
  place INTEGER PRIMARY KEY,
  name  TEXT NOT NULL,
  at    INTEGER NOT NULL
) STRICT;

-- Whom an entry's sealed parts speak of, by id.
CREATE TABLE mention (
  identity TEXT NOT NULL,
  entry    INTEGER NOT NULL,
  PRIMARY KEY (identity, entry)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoint (
  size INTEGER PRIMARY KEY,
  at   INTEGER NOT NULL,
  note TEXT NOT NULL
) STRICT;

-- What decisions are found by; the decision itself is its entry and the parts beside it.
CREATE TABLE decision (
  entry      INTEGER PRIMARY KEY REFERENCES entry (idx),
  id         BLOB NOT NULL UNIQUE,
  at         INTEGER NOT NULL,
  connection TEXT NOT NULL,
  event      TEXT NOT NULL,
  verdict    TEXT NOT NULL,
  effect     TEXT NOT NULL,
  repository TEXT,
  uncovered  INTEGER NOT NULL
) STRICT;
CREATE INDEX decision_repository ON decision (repository, entry) WHERE repository IS NOT NULL;
CREATE INDEX decision_uncovered ON decision (entry) WHERE uncovered = 1;

-- Rules that had something to say in a decision: matched or could not tell.
CREATE TABLE decision_rule (
  rule  TEXT NOT NULL,
  entry INTEGER NOT NULL,
  PRIMARY KEY (rule, entry)
) STRICT, WITHOUT ROWID;

-- What is found by a hash. Of: 0 a body and its hook (the delivery that brought it first), 1 an event (its decision),
-- 2 a check's question (the decision that stands for it).
CREATE TABLE known (
  of   INTEGER NOT NULL,
  hash BLOB NOT NULL,
  id   BLOB NOT NULL,
  at   INTEGER NOT NULL,
  PRIMARY KEY (of, hash)
) STRICT, WITHOUT ROWID;

-- The newest of it, in the order it came, until enough has come to be put in its place above.
CREATE TABLE recent (
  seq  INTEGER PRIMARY KEY,
  of   INTEGER NOT NULL,
  hash BLOB NOT NULL,
  id   BLOB NOT NULL,
  at   INTEGER NOT NULL
) STRICT;

CREATE TABLE bundle (
  revision      TEXT PRIMARY KEY,
  at            INTEGER NOT NULL,
  bundle_sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A ticket: what it is found by, and the ticket itself. Ends: when time alone moves it on.
CREATE TABLE ticket (
  seq           INTEGER PRIMARY KEY,
  id            BLOB NOT NULL UNIQUE,
  version       INTEGER NOT NULL,
  state         TEXT NOT NULL,
  connection    TEXT NOT NULL,
  action        TEXT NOT NULL,
  repository    TEXT,
  environment   TEXT,
  decision      BLOB NOT NULL,
  ends          INTEGER,
  ticket_sealed BLOB NOT NULL
) STRICT;
CREATE INDEX ticket_near ON ticket (connection, action, repository, environment, seq);
CREATE INDEX ticket_ends ON ticket (ends) WHERE ends IS NOT NULL;
CREATE INDEX ticket_decision ON ticket (decision);

-- Actions to carry out. State: 0 to do, 1 done, 2 given up, 3 superseded.
CREATE TABLE action (
  seq            INTEGER PRIMARY KEY,
  key            BLOB NOT NULL UNIQUE,
  connection     TEXT NOT NULL,
  kind           TEXT NOT NULL,
  slot           BLOB,
  decision       BLOB NOT NULL,
  state          INTEGER NOT NULL DEFAULT 0,
  tries          INTEGER NOT NULL DEFAULT 0,
  due            INTEGER NOT NULL,
  lease          INTEGER NOT NULL DEFAULT 0,
  ended          INTEGER,
  outcome        TEXT,
  action_sealed  BLOB,
  why_sealed     BLOB
) STRICT;
CREATE INDEX action_due ON action (due) WHERE state = 0;
CREATE INDEX action_slot ON action (slot, seq) WHERE state = 0 AND slot IS NOT NULL;

-- Service tokens: the hash alone.
CREATE TABLE token (
  id           BLOB PRIMARY KEY,
  hash         BLOB NOT NULL UNIQUE,
  revoked      INTEGER,
  token_sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE world (
  connection   TEXT PRIMARY KEY,
  revision     INTEGER NOT NULL,
  at           INTEGER NOT NULL,
  world_sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mode (
  connection TEXT NOT NULL,
  rules      TEXT NOT NULL,
  mode       TEXT NOT NULL,
  PRIMARY KEY (connection, rules)
) STRICT, WITHOUT ROWID;
