-- Schema 3.

-- Connections that were made while a gate ran: how they are reached, their secrets and those of their hooks, sealed. A row
-- stays for ever: an id is never reused. Without the sealed part it has ended.
CREATE TABLE connection (
  id                TEXT PRIMARY KEY,
  made              INTEGER NOT NULL,
  ended             INTEGER,
  connection_sealed BLOB
) STRICT, WITHOUT ROWID;
