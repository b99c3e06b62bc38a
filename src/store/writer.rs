//! The one thread that writes. It takes all that waits, puts it into one transaction, commits, and only then answers
//! each caller: many share one wait for the disk, and nobody is told before it is true.
//!
//! What is written is the callers' closures' matter. A closure that fails is undone alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::Fault;
use super::health::Health;
use super::transaction::Transaction;
use super::wal::Log;
use super::{Options, StoreError};

/// Transactions that may wait. The slowest disks sync ten times a second; that many are then done in under a second,
/// and whoever comes on top had better be told so than wait unseen.
const WAITING_MAX: usize = 1024;
/// Transactions in one commit. More would save nothing, for the sync is shared by many already, and would make the
/// first ones wait for the last one's work.
const BATCH_MAX: usize = 256;

/// What the writer is asked for.
enum Order {
    Write(Box<dyn Write>),
    /// Move the log into the database, when nobody is waiting.
    Checkpoint,
}

/// A closure and whoever waits for its result.
trait Write: Send {
    /// Runs the closure and returns whether what it did is to be kept.
    fn carry_out(&mut self, transaction: &Transaction<'_>) -> bool;
    /// Tells the caller, who may have gone.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Call<T, E, F> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Write for Call<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send,
{
    fn carry_out(&mut self, transaction: &Transaction<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        // What the closure held is dropped with it, and what it did in the database is undone by the caller of this.
        let result = catch_unwind(AssertUnwindSafe(|| work(transaction)));
        let result = result.unwrap_or_else(|_| Err(StoreError::Panicked.into()));
        let is_kept = result.is_ok();
        self.result = Some(result);
        is_kept
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let answer = match (committed, self.result) {
            (Err(error), None | Some(Ok(_))) => Err(error.into()),
            (_, Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Panicked.into()),
        };
        let _ = self.reply.send(answer);
    }
}

/// The result of a transaction that is not committed yet: to be awaited, or waited for.
#[derive(Debug)]
pub struct Pending<T, E> {
    reply: oneshot::Receiver<Result<T, E>>,
}

impl<T, E: From<StoreError>> Pending<T, E> {
    /// Waits for the commit. Not for async code, which awaits instead.
    pub fn wait(self) -> Result<T, E> {
        self.reply.blocking_recv().unwrap_or_else(|_| Err(closed().into()))
    }
}

impl<T, E: From<StoreError>> Future for Pending<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.reply).poll(context).map(|answer| answer.unwrap_or_else(|_| Err(closed().into())))
    }
}

fn closed() -> StoreError {
    StoreError::Failed("it is closed".to_owned())
}

/// The way to the writing thread; dropping it waits until all that was asked for is done.
#[derive(Debug)]
pub(super) struct Writer {
    orders: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which owns `connection` from now on.
    pub(super) fn start(
        connection: Connection,
        health: Arc<Health>,
        log: Arc<Log>,
        options: Options,
    ) -> Result<Self, StoreError> {
        const NAME: &str = "store-writer";
        let (orders, taken) = sync_channel(WAITING_MAX);
        let desk = Desk { connection, health, log, options };
        let thread = thread::Builder::new().name(NAME.to_owned()).spawn(move || desk.work(&taken));
        let thread = thread.map_err(|source| StoreError::Thread { name: NAME, source })?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Hands a closure over and waits for room in the queue.
    pub(super) fn send<T, E, F>(&self, work: F) -> Result<Pending<T, E>, StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (order, pending) = order(work);
        self.orders.as_ref().and_then(|orders| orders.send(order).ok()).map(|()| pending).ok_or_else(closed)
    }

    /// Hands a closure over unless too much is waiting.
    pub(super) fn try_send<T, E, F>(&self, work: F) -> Result<Pending<T, E>, StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (order, pending) = order(work);
        match self.orders.as_ref().map(|orders| orders.try_send(order)) {
            Some(Ok(())) => Ok(pending),
            Some(Err(TrySendError::Full(_))) => {
                Err(StoreError::Busy(format!("{WAITING_MAX} transactions are waiting")))
            }
            Some(Err(TrySendError::Disconnected(_))) | None => Err(closed()),
        }
    }

    /// Returns how to ask for a checkpoint; who has this keeps the thread alive.
    pub(super) fn checkpoint(&self) -> impl Fn() + Send + 'static {
        let orders = self.orders.clone();
        move || {
            // A full queue is no time for a checkpoint, and the writer makes one by itself when the log is long.
            let _ = orders.as_ref().map(|orders| orders.try_send(Order::Checkpoint));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // Closures' panics are caught, so the thread has none of its own; and there is nobody to tell.
            let _ = thread.join();
        }
    }
}

fn order<T, E, F>(work: F) -> (Order, Pending<T, E>)
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Order::Write(Box::new(Call { work: Some(work), result: None, reply })), Pending { reply: answer })
}

/// The writing thread's own.
struct Desk {
    connection: Connection,
    health: Arc<Health>,
    log: Arc<Log>,
    options: Options,
}

impl Desk {
    fn work(self, orders: &Receiver<Order>) {
        while let Ok(first) = orders.recv() {
            let mut writes = Vec::new();
            let mut is_asked = false;
            for order in std::iter::once(first).chain(orders.try_iter().take(BATCH_MAX - 1)) {
                match order {
                    Order::Write(write) => writes.push(write),
                    Order::Checkpoint => is_asked = true,
                }
            }
            let is_idle = is_asked && writes.is_empty();
            self.carry_out(writes);
            self.tend_log(is_idle);
        }
    }

    fn carry_out(&self, mut writes: Vec<Box<dyn Write>>) {
        if writes.is_empty() {
            return;
        }
        let committed = self.health.fault().map_or_else(|| self.commit(&mut writes), Err);
        if let Err(fault) = &committed {
            tracing::warn!(transactions = writes.len(), ?fault, "nothing was committed");
        }
        for write in writes {
            write.answer(committed.as_ref().copied().map_err(|fault| self.health.error(fault)));
        }
    }

    /// Puts all closures into one transaction, each undone alone where it fails.
    fn commit(&self, writes: &mut [Box<dyn Write>]) -> Result<(), Fault> {
        self.begin()?;
        let result = writes.iter_mut().try_for_each(|write| self.carry_out_alone(write.as_mut()));
        // A closure may have met damage that its own error does not show: nothing is added to such a file.
        let result = result.and_then(|()| self.health.fault().map_or(Ok(()), Err));
        let result = result.and_then(|()| self.say("COMMIT"));
        if result.is_err() && !self.connection.is_autocommit() {
            // Where even this fails the connection is closed or the process ends, and either undoes it.
            let _ = self.say("ROLLBACK");
        }
        result
    }

    /// Begins as a writer at once: a transaction that turned into one later could be refused in its middle.
    fn begin(&self) -> Result<(), Fault> {
        let mut result = self.say("BEGIN IMMEDIATE");
        for _ in 1..self.options.busy_tries {
            if result != Err(Fault::Busy) {
                break;
            }
            tracing::warn!("another program holds the database's lock");
            result = self.say("BEGIN IMMEDIATE");
        }
        result
    }

    fn carry_out_alone(&self, write: &mut dyn Write) -> Result<(), Fault> {
        self.say("SAVEPOINT one")?;
        let transaction = Transaction::new(&self.connection, &self.health);
        let is_kept = write.carry_out(&transaction);
        if self.connection.is_autocommit() {
            // A full or failing disk undid the whole transaction, and with it what the others had done.
            let unknown = || Fault::Failed("the transaction is gone".to_owned());
            return Err(transaction.fault().unwrap_or_else(unknown));
        }
        if !is_kept {
            self.say("ROLLBACK TO one")?;
        }
        self.say("RELEASE one")
    }

    fn say(&self, sql: &str) -> Result<(), Fault> {
        let said = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        said.map(|_| ()).map_err(|error| self.health.judge(&error))
    }

    /// Looks at the log after a batch, and moves it into the database when it is long or nobody is waiting.
    fn tend_log(&self, is_idle: bool) {
        if self.health.check().is_ok()
            && let Err(error) = self.log.tend(&self.connection, is_idle)
        {
            let fault = self.health.judge(&error);
            tracing::warn!(?fault, "the log could not be moved into the database");
        }
    }
}
