//! The one writer: groups what callers want written at the same time into one transaction.
//!
//! An fsync is what a durable commit costs, so its price is shared: while one group is being
//! committed, the next one gathers. Every write has its own savepoint, so that one which is
//! refused takes no other with it. Nobody gets an answer before the commit is on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::error::ErrorKind;
use sqlx::sqlite::SqliteTransaction;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::write::{Write, apply};
use crate::store::StoreError;

/// Writes in one transaction at most; bounds how long the first of them waits.
const MAX_GROUP: usize = 256;

/// The callers' end of the writer; the writer ends when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    commits: Arc<AtomicU64>,
}

struct Job {
    write: Write,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl Writer {
    /// Starts the writer task on its connection.
    pub(super) fn spawn(connection: SqliteConnection) -> Self {
        let (jobs, queue) = mpsc::channel(MAX_GROUP);
        let commits = Arc::new(AtomicU64::new(0));
        tokio::spawn(run(connection, queue, Arc::clone(&commits)));
        Self { jobs, commits }
    }

    /// Writes; when this returns `Ok` the write is on disk. The write is carried out even when
    /// the caller gives up waiting.
    pub(super) async fn write(&self, write: Write) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { write, answer };
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Transactions committed so far.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

async fn run(
    mut connection: SqliteConnection,
    mut queue: mpsc::Receiver<Job>,
    commits: Arc<AtomicU64>,
) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    while queue.recv_many(&mut group, MAX_GROUP).await > 0 {
        let outcomes = match commit(&mut connection, &group).await {
            Ok(outcomes) => {
                commits.fetch_add(1, Ordering::Relaxed);
                outcomes
            }
            Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
        };
        for (job, outcome) in group.drain(..).zip(outcomes) {
            // A caller that no longer waits is no concern of the others.
            let _ = job.answer.send(outcome);
        }
    }
}

/// Commits the group; `Err` means that nothing of it was written.
async fn commit(
    connection: &mut SqliteConnection,
    group: &[Job],
) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut outcomes = Vec::with_capacity(group.len());
    for job in group {
        outcomes.push(in_savepoint(&mut tx, &job.write).await?);
    }
    tx.commit().await?;
    Ok(outcomes)
}

/// The inner result is the answer of this write; the outer error ends the group, because SQLite
/// may have rolled the whole transaction back (full disk, input or output error).
async fn in_savepoint(
    tx: &mut SqliteTransaction<'_>,
    write: &Write,
) -> Result<Result<(), StoreError>, StoreError> {
    let mut savepoint = tx.begin().await?;
    match apply(&mut savepoint, write).await {
        Ok(()) => Ok(Ok(savepoint.commit().await?)),
        Err(refusal) if concerns_one_write(&refusal) => {
            savepoint.rollback().await?;
            Ok(Err(refusal))
        }
        Err(failure) => Err(failure),
    }
}

/// A refusal, or a constraint of the database that this write alone would break.
fn concerns_one_write(error: &StoreError) -> bool {
    match error {
        StoreError::Database(error) => {
            error.as_database_error().is_some_and(|error| !matches!(error.kind(), ErrorKind::Other))
        }
        error => error.is_refusal(),
    }
}
