//! Threads, as many as there may be.
//!
//! In: what is to be done at once. Out: it is done, by fewer threads where the system
//! makes no more (`ulimit -u`, a pids cgroup), and by this one alone where it makes
//! none. A library that starts threads by itself takes it for granted that it can, and
//! ends the program where it cannot; so they are started here first.

use std::io;
use std::sync::mpsc;
use std::thread;

/// How many more there have to be room for: programs that are started count as threads
/// do.
const SPARE: usize = 2;

/// A thread that waits for its work, or for the end of that.
struct Waiting {
    start: mpsc::SyncSender<rayon::ThreadBuilder>,
    thread: thread::JoinHandle<()>,
}

/// Starts the threads that share work, one for each core; to be called before any work,
/// on the first thread of the program. Where it was called before, nothing happens.
pub fn start() {
    let wanted =
        asked_for().unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    // The first that cannot be made says how many there are.
    let mut waiting: Vec<Waiting> = (0..wanted + SPARE)
        .map_while(|_| waiting_thread().ok())
        .collect();
    let spare = waiting.split_off(waiting.len().saturating_sub(SPARE));
    for Waiting { start, thread } in spare {
        drop(start);
        let _ = thread.join();
    }
    let builder = rayon::ThreadPoolBuilder::new();
    // An error says that there is a pool already.
    let _ = match waiting.len() {
        0 => builder.num_threads(1).use_current_thread().build_global(),
        count => builder
            .num_threads(count)
            .spawn_handler(move |thread| {
                waiting
                    .get(thread.index())
                    .and_then(|waiting| waiting.start.send(thread).ok())
                    .ok_or_else(|| io::ErrorKind::WouldBlock.into())
            })
            .build_global(),
    };
}

/// Returns how many threads the user asks for, in the variable that the library heeds
/// where it starts them by itself (rayon, `ThreadPoolBuilder::num_threads`).
fn asked_for() -> Option<usize> {
    let text = std::env::var("RAYON_NUM_THREADS").ok()?;
    text.parse().ok().filter(|count| *count > 0)
}

fn waiting_thread() -> io::Result<Waiting> {
    let (start, started) = mpsc::sync_channel::<rayon::ThreadBuilder>(1);
    let thread = thread::Builder::new().spawn(move || {
        if let Ok(pool) = started.recv() {
            pool.run();
        }
    })?;
    Ok(Waiting { start, thread })
}

/// Returns whether one more thread can be made at this moment.
pub fn is_one_more() -> bool {
    thread::Builder::new()
        .spawn(|| {})
        .is_ok_and(|thread| thread.join().is_ok())
}

/// Lets several threads do the same work, as many of `wanted` as there may be, and
/// returns what came of each. Where none can be made the work is done here.
///
/// A thread that broke down takes all with it: without its share the rest would look
/// complete.
pub fn each_of<Result: Send>(wanted: usize, work: impl Fn() -> Result + Sync) -> Vec<Result> {
    // Here is the whole pool: whoever waits for another thread keeps it from working.
    if rayon::current_thread_index().is_some() {
        return vec![work()];
    }
    let work = &work;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..wanted)
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        if workers.is_empty() && wanted > 0 {
            return vec![work()];
        }
        workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|broken| std::panic::resume_unwind(broken))
            })
            .collect()
    })
}
