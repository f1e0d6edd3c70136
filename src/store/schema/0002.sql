-- Schema 2.

-- What decisions are found by, besides: who acted, as the entry says it in the clear; and what softened the effect, as
-- bits: 1 a rule in shadow, 2 a waiver, 4 the pause.
ALTER TABLE decision ADD COLUMN actor TEXT;
ALTER TABLE decision ADD COLUMN softened INTEGER NOT NULL DEFAULT 0;
UPDATE decision SET
  actor = (SELECT json_extract(CAST(bytes AS TEXT), '$.body.actor') FROM entry WHERE idx = decision.entry),
  softened = (
    SELECT coalesce(sum(DISTINCT CASE json_extract(one.value, '$.kind')
      WHEN 'shadow' THEN 1 WHEN 'waiver' THEN 2 WHEN 'pause' THEN 4 ELSE 0 END), 0)
    FROM entry, json_each(CAST(entry.bytes AS TEXT), '$.body.because') AS one WHERE entry.idx = decision.entry
  );
INSERT OR IGNORE INTO mention (identity, entry) SELECT actor, entry FROM decision WHERE actor IS NOT NULL;
-- Most decisions let pass, and cost nothing here.
CREATE INDEX decision_notable ON decision (verdict, effect, entry) WHERE verdict <> 'allow';

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
