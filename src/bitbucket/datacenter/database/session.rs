//! One connection, one transaction: a single picture of the database that cannot be written to and does not wait long.

use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::IsolationLevel;
use tokio_postgres::Row;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::FromSql;
use tokio_postgres::types::ToSql;

use crate::bitbucket::datacenter::database::Database;
use crate::bitbucket::datacenter::database::DatabaseError;

/// The most rows of one table: seven times the grants of the largest estate that was measured. Without a bound one
/// table could fill the memory.
pub const MAX_ROWS: usize = 2_000_000;

/// How long the whole reading may take: the transaction holds back the database's cleaning.
const PATIENCE: Duration = Duration::from_mins(15);

/// What each statement may take, and how long it may wait for a lock: Bitbucket comes first.
const LIMITS: &str = "SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '2s'; \
    SET LOCAL idle_in_transaction_session_timeout = '60s'; SET LOCAL search_path TO ";

/// The transaction.
pub(super) struct Session<'c> {
    transaction: Transaction<'c>,
}

/// Connects, reads in one transaction, and leaves.
pub(super) async fn within<T>(
    database: &Database,
    read: impl AsyncFnOnce(Session<'_>) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    let reading = async {
        let connecting = database.config.connect(database.tls.clone());
        let (mut client, connection) = connecting.await.map_err(|error| unconnected(&error))?;
        let work = async move {
            let transaction = client
                .build_transaction()
                .isolation_level(IsolationLevel::RepeatableRead)
                .read_only(true)
                .start()
                .await
                .map_err(|error| failed("a transaction", &error))?;
            let schema = database.schema.replace('"', "\"\"");
            let limits = format!("{LIMITS}\"{schema}\"");
            transaction
                .batch_execute(&limits)
                .await
                .map_err(|error| failed("a transaction", &error))?;
            read(Session { transaction }).await
        };
        // The connection ends when the client is gone, with a word of parting: without it the database's own log would
        // tell of a broken one. One that breaks earlier fails the statement that waits for it.
        let (told, _) = tokio::join!(work, connection);
        told
    };
    let late = |_| DatabaseError::TimedOut("everything");
    tokio::time::timeout(PATIENCE, reading).await.map_err(late)?
}

impl Session<'_> {
    /// All rows of a statement that ends where a limit can follow.
    pub(super) async fn rows(
        &self,
        what: &'static str,
        statement: &str,
    ) -> Result<Vec<Cells>, DatabaseError> {
        self.rows_with(what, statement, &[]).await
    }

    /// The same, with values.
    pub(super) async fn rows_with(
        &self,
        what: &'static str,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Cells>, DatabaseError> {
        let limited = format!("{statement} LIMIT {}", MAX_ROWS + 1);
        let rows = self.transaction.query(&limited, values).await;
        let rows = rows.map_err(|error| failed(what, &error))?;
        if rows.len() > MAX_ROWS {
            return Err(DatabaseError::TooLong(what));
        }
        Ok(rows.into_iter().map(|row| Cells { row, what }).collect())
    }
}

/// A row; a value of another type than was asked for is an error and no guess.
pub(super) struct Cells {
    row: Row,
    what: &'static str,
}

impl Cells {
    pub(super) fn get<'r, T: FromSql<'r>>(&'r self, at: usize) -> Result<T, DatabaseError> {
        self.row.try_get(at).map_err(|_| DatabaseError::Form(self.what))
    }
}

fn unconnected(error: &Error) -> DatabaseError {
    match error.code() {
        Some(code)
            if *code == SqlState::INVALID_PASSWORD
                || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
        {
            DatabaseError::Refused
        }
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => DatabaseError::Absent,
        Some(_) | None => DatabaseError::Unreachable,
    }
}

/// Its message could quote a value; its code cannot.
fn failed(what: &'static str, error: &Error) -> DatabaseError {
    match error.code() {
        Some(code)
            if *code == SqlState::QUERY_CANCELED || *code == SqlState::LOCK_NOT_AVAILABLE =>
        {
            DatabaseError::TimedOut(what)
        }
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            DatabaseError::Forbidden(what.to_owned())
        }
        Some(code) => DatabaseError::Failed { what, code: code.code().to_owned() },
        None => DatabaseError::Unreachable,
    }
}
