-- Schema 3.

-- Connections that were made while a gate ran: how they are reached, their secrets and those of their hooks, sealed. A row
-- stays for ever: an id is never reused. Without the sealed part it has ended.
CREATE TABLE connection (
  id                TEXT PRIMARY KEY,
  made              INTEGER NOT NULL,
  ended             INTEGER,
  connection_sealed BLOB
) STRICT, WITHOUT ROWID;

-- What is said in histories: ids, names, values, reasons. Each text once.
CREATE TABLE word (
  no          INTEGER PRIMARY KEY,
  word_sealed BLOB NOT NULL
) STRICT;

-- A reading of a connection that differed from the one before. Home and head: the words of the connection's id and of
-- what a world file says of it. As_of: when it was true; confirmed: when the same was
-- read last; recorded: when it was kept. Settled: 0 what changed with it is still to be decided, 1 it is decided.
CREATE TABLE moment (
  no         INTEGER PRIMARY KEY,
  connection TEXT NOT NULL,
  home       INTEGER NOT NULL,
  head       INTEGER NOT NULL,
  as_of      INTEGER NOT NULL,
  confirmed  INTEGER NOT NULL,
  recorded   INTEGER NOT NULL,
  settled    INTEGER NOT NULL
) STRICT;
CREATE INDEX moment_connection ON moment (connection, no);
CREATE INDEX moment_unsettled ON moment (no) WHERE settled = 0;

-- What a connection's world said, by numbers of words, from one moment until another; null: still. Sort: 0 a node is there, 1 an attribute, 2 an edge, 3 a gap.
CREATE TABLE statement (
  home   INTEGER NOT NULL,
  about  INTEGER NOT NULL,
  sort   INTEGER NOT NULL,
  says   INTEGER NOT NULL,
  what   INTEGER NOT NULL,
  since  INTEGER NOT NULL,
  until  INTEGER,
  source INTEGER,
  PRIMARY KEY (home, about, sort, says, what, since)
) STRICT, WITHOUT ROWID;
