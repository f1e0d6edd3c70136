-- Schema 2.

-- What is to be told to a channel. State: 0 at once, 1 with the digest, 2 held: the same cause was told before. Its item
-- goes once a message tells it.
CREATE TABLE notice (
  seq         INTEGER PRIMARY KEY,
  at          INTEGER NOT NULL,
  channel     TEXT NOT NULL,
  about       BLOB NOT NULL,
  cause       BLOB NOT NULL,
  state       INTEGER NOT NULL,
  message     INTEGER,
  item_sealed BLOB
) STRICT;
CREATE INDEX notice_untold ON notice (state, channel, seq) WHERE message IS NULL;
CREATE INDEX notice_about ON notice (about);
CREATE INDEX notice_message ON notice (message) WHERE message IS NOT NULL;

-- When a cause was last told at once to a channel.
CREATE TABLE cause (
  hash BLOB PRIMARY KEY,
  told INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cause_told ON cause (told);

-- What goes out. State: 0 to do, 1 told, 2 given up. What it says goes with its end.
CREATE TABLE message (
  seq         INTEGER PRIMARY KEY,
  id          BLOB NOT NULL UNIQUE,
  at          INTEGER NOT NULL,
  channel     TEXT NOT NULL,
  kind        TEXT NOT NULL,
  state       INTEGER NOT NULL DEFAULT 0,
  tries       INTEGER NOT NULL DEFAULT 0,
  due         INTEGER NOT NULL,
  ended       INTEGER,
  why         TEXT,
  body_sealed BLOB
) STRICT;
CREATE INDEX message_to_do ON message (channel, seq) WHERE state = 0;
