use std::sync::mpsc;

use tokio::task::JoinSet;

use super::*;

const PATIENT: Duration = Duration::from_mins(1);

/// Keeps the only thread of a pool at work until the sender is dropped, and says when it has begun.
async fn occupied(pool: &Arc<Pool>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
    let (release, wait) = mpsc::channel::<()>();
    let (begun, begins) = oneshot::channel();
    let held = pool.clone();
    let holding = tokio::spawn(async move {
        let work = move |_: &mut Memory| {
            let _ = begun.send(());
            let _ = wait.recv();
            Ok(())
        };
        held.run(1, work).await.unwrap();
    });
    begins.await.unwrap();
    (release, holding)
}

async fn waiting(pool: &Pool, count: usize) {
    while pool.metrics().waiting != count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whoever_hangs_up_before_it_begins_costs_nothing() {
    let pool = Arc::new(Pool::start(1, 64, PATIENT).unwrap());
    let (release, holding) = occupied(&pool).await;
    let gone: Vec<_> = (0..64)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.run(1, |_| -> Result<(), Fault> { panic!("it ran") }).await })
        })
        .collect();
    waiting(&pool, 64).await;
    for task in gone {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    drop(release);
    holding.await.unwrap();
    pool.run(1, |_| Ok(())).await.unwrap();
    let metrics = pool.metrics();
    assert_eq!((metrics.done, metrics.given_up, metrics.waiting), (2, 64, 0));
}

#[tokio::test]
async fn a_wait_that_would_be_too_long_is_answered_at_once_and_says_when_to_come_back() {
    let pool = Arc::new(Pool::start(1, 64, Duration::from_secs(2)).unwrap());
    let (release, holding) = occupied(&pool).await;
    pool.0.lock().typical = Duration::from_millis(600);
    let queued: Vec<_> = (0..3)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.run(1, |_| Ok(())).await.map(|_| ()) })
        })
        .collect();
    waiting(&pool, 3).await;
    // One runs and three wait: 2.4 s.
    let refused = pool.run(1, |_| Ok(())).await.unwrap_err();
    let Fault::Busy { retry_after } = refused else { panic!("{refused:?}") };
    assert_eq!(retry_after, Duration::from_millis(2400));
    // One who hung up makes room.
    queued[0].abort();
    while !queued[0].is_finished() {
        tokio::task::yield_now().await;
    }
    let taken = tokio::spawn({
        let pool = pool.clone();
        async move { pool.run(1, |_| Ok(())).await.map(|_| ()) }
    });
    waiting(&pool, 3).await;
    drop(release);
    holding.await.unwrap();
    taken.await.unwrap().unwrap();
    assert_eq!(pool.metrics().turned_away, 1);
}

#[tokio::test]
async fn whoever_has_waited_too_long_is_not_hashed_for() {
    let pool = Arc::new(Pool::start(1, 64, Duration::from_secs(1)).unwrap());
    let (release, holding) = occupied(&pool).await;
    let late = tokio::spawn({
        let pool = pool.clone();
        async move { pool.run(1, |_| -> Result<(), Fault> { panic!("it ran") }).await }
    });
    waiting(&pool, 1).await;
    let since = now().checked_sub(Duration::from_secs(2)).unwrap();
    pool.0.lock().waiting[0].since = since;
    drop(release);
    holding.await.unwrap();
    assert!(matches!(late.await.unwrap(), Err(Fault::Busy { .. })));
}

#[tokio::test]
async fn first_come_first_served_and_a_panic_ends_one_answer_only() {
    let pool = Arc::new(Pool::start(1, 64, PATIENT).unwrap());
    let (release, holding) = occupied(&pool).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for number in 0..8 {
        let (held, noted) = (pool.clone(), order.clone());
        tasks.push(tokio::spawn(async move {
            let work = move |_: &mut Memory| {
                noted.lock().unwrap().push(number);
                assert_ne!(number, 3, "on purpose");
                Ok(())
            };
            held.run(1, work).await.map(|_| ())
        }));
        waiting(&pool, number + 1).await;
    }
    drop(release);
    holding.await.unwrap();
    let mut failed = Vec::new();
    for (number, task) in tasks.into_iter().enumerate() {
        if task.await.unwrap().is_err() {
            failed.push(number);
        }
    }
    assert_eq!((order.lock().unwrap().as_slice(), failed), (&[0, 1, 2, 3, 4, 5, 6, 7][..], vec![3]));
}

/// Issue 5: each thread grew to the dearest hash that it had met, and kept it.
#[tokio::test]
async fn what_all_work_takes_together_is_bounded_and_the_dear_have_their_turn() {
    use std::sync::atomic::AtomicUsize;

    let pool = Arc::new(Pool::start(4, 64, PATIENT).unwrap());
    let held = Arc::new([const { AtomicUsize::new(0) }; 2]);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for number in 0..200_usize {
        let kib = [16, 16, 40, 16, 64, 8, 1][number % 7];
        let (pool, held, order) = (pool.clone(), held.clone(), order.clone());
        tasks.spawn(async move {
            let work = move |memory: &mut Memory| {
                let [now, most] = &*held;
                most.fetch_max(now.fetch_add(kib, Ordering::SeqCst) + kib, Ordering::SeqCst);
                assert!(memory.kib() <= kib && memory.room() == kib);
                if number % 2 == 0 {
                    memory.blocks(kib)[kib - 1].as_mut().fill(7);
                } else {
                    memory.make_room(kib);
                }
                order.lock().unwrap().push(number);
                now.fetch_sub(kib, Ordering::SeqCst);
                Ok(())
            };
            pool.run(kib, work).await.unwrap();
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
        let state = pool.0.lock();
        let kept: usize = state.free.iter().map(Memory::kib).sum();
        assert!(kept <= 64, "{kept} KiB are kept");
    }
    assert!(held[1].load(Ordering::SeqCst) <= 64, "{held:?}");
    // Those that took all of it were not left to the last.
    let first = order.lock().unwrap().iter().position(|number| number % 7 == 4).unwrap();
    assert!(first < 20, "{first}");
    let refused = pool.run(65, |_| -> Result<(), Fault> { panic!("it ran") }).await.unwrap_err();
    assert!(matches!(refused, Fault::TooMuchMemory { needed: 65, available: 64 }), "{refused:?}");
    // At rest nothing counts as taken but what is kept.
    let at_rest = || {
        let state = pool.0.lock();
        state.running == 0 && state.taken == state.free.iter().map(Memory::kib).sum::<usize>()
    };
    while !at_rest() {
        tokio::task::yield_now().await;
    }
}

/// What was computed from a password is not left in memory: once a thread has had nothing to do for [`REST`] it is wiped, and stays.
#[tokio::test]
async fn memory_is_wiped_once_a_thread_has_rested() {
    let pool = Pool::start(2, 64, PATIENT).unwrap();
    let fill = |memory: &mut Memory| {
        for block in memory.blocks(8) {
            block.as_mut().fill(7);
        }
        Ok(())
    };
    pool.run(8, fill).await.unwrap();
    let wiped = async {
        loop {
            // While it is being wiped it is not there.
            let kept = {
                let mut state = pool.0.lock();
                let is_wiped = state.free.len() == 1 && !state.free[0].is_used();
                is_wiped.then(|| state.free.remove(0))
            };
            if let Some(memory) = kept {
                return memory;
            }
            tokio::task::yield_now().await;
        }
    };
    let mut memory = tokio::time::timeout(PATIENT, wiped).await.expect("it is never wiped");
    assert_eq!(memory.kib(), 8, "it is kept for the next");
    assert!(memory.blocks(8).iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
}

#[tokio::test]
async fn what_waits_when_the_pool_ends_is_told() {
    let pool = Pool::start(1, 64, PATIENT).unwrap();
    let queue = pool.0.clone();
    drop(pool);
    let (answer, answered) = oneshot::channel::<Result<Done<()>, Fault>>();
    queue.enqueue(1, Box::new(Call { work: |_: &mut Memory| Ok(()), answer, span: Span::none() })).unwrap();
    drop(queue);
    assert!(answered.await.is_err());
}
