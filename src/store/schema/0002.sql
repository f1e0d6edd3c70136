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
