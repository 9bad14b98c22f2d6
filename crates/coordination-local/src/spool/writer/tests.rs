use promptgate_usage::UsageEvent;

use super::super::sample;
use super::*;

fn read_calls(spool: &Spool) -> Vec<Arc<FinishedCall>> {
    let (from, end) = spool.unstored();
    let limit = Limit { lines: usize::MAX, bytes: u64::MAX };
    segment::read(spool.directory(), from, end, limit).unwrap().calls
}

fn read_all(spool: &Spool) -> Vec<UsageEvent> {
    read_calls(spool).into_iter().map(|call| call.event.clone()).collect()
}

#[test]
fn what_is_appended_is_there_in_order_over_many_segments() {
    let root = tempfile::tempdir().unwrap();
    let options = SpoolOptions { segment_bytes: 2_000, ..SpoolOptions::default() };
    let spool = Spool::open(root.path(), options).unwrap();
    let events: Vec<_> = (0..20).map(sample::event).collect();
    (0..20).for_each(|number| spool.append(&sample::call(number)).unwrap());
    assert!(segment::numbers(spool.directory()).unwrap().len() > 3);
    assert_eq!(read_all(&spool), events);
    let (from, end) = spool.unstored();
    assert_eq!(segment::distance(spool.directory(), from, end), spool.pending_bytes());
    spool.sync().unwrap();
}

#[test]
fn threads_do_not_mix_their_lines() {
    let root = tempfile::tempdir().unwrap();
    let options = SpoolOptions { segment_bytes: 50_000, ..SpoolOptions::default() };
    let spool = Spool::open(root.path(), options).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let spool = &spool;
            scope.spawn(move || {
                (0..100).for_each(|number| {
                    spool.append(&sample::call(thread * 100 + number)).unwrap();
                });
            });
        }
    });
    let mut ids: Vec<_> = read_all(&spool).iter().map(|event| event.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 800);
}

#[test]
fn a_stored_spool_goes_with_its_owner_and_another_one_stays() {
    let root = tempfile::tempdir().unwrap();
    let spool = Spool::open(root.path(), SpoolOptions::default()).unwrap();
    spool.append(&sample::call(1)).unwrap();
    let (_, end) = spool.unstored();
    spool.mark_brought(end, end.offset);
    assert_eq!(spool.seal_stored(Duration::ZERO).unwrap(), None, "handed on is not stored");
    spool.mark_stored(end, end.offset);
    assert_eq!(spool.seal_stored(Duration::ZERO).unwrap(), Some(1));
    assert_eq!(spool.unstored().0, spool.unstored().1);
    let path = spool.directory().to_owned();
    drop(spool);
    assert!(!path.exists());

    let spool = Spool::open(root.path(), SpoolOptions::default()).unwrap();
    spool.append(&sample::call(1)).unwrap();
    let path = spool.directory().to_owned();
    drop(spool);
    assert!(path.exists());
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_takes_nothing_is_told_and_tried_again() {
    let root = tempfile::tempdir().unwrap();
    let spool = Spool::open(root.path(), SpoolOptions::default()).unwrap();
    // A file that takes no byte, as on a full disk.
    let full = Arc::new(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let kept = std::mem::replace(&mut spool.state().file, full);
    assert!(spool.has_room());
    assert!(spool.append(&sample::call(1)).is_err());
    assert!(!spool.has_room());
    // As long as nothing can be written, no call is taken to try.
    let away = root.path().join("away");
    std::fs::rename(spool.directory(), &away).unwrap();
    tokio::time::advance(AFTER_FAILURE).await;
    assert!(!spool.has_room());
    std::fs::rename(&away, spool.directory()).unwrap();
    assert!(!spool.has_room(), "not again so soon");
    tokio::time::advance(AFTER_FAILURE).await;
    assert!(spool.has_room());
    assert_eq!(std::fs::read_dir(spool.directory()).unwrap().count(), 2, "its lock and its file");
    spool.state().file = kept;
    spool.append(&sample::call(2)).unwrap();
    assert!(spool.has_room());
    assert_eq!(read_all(&spool), [sample::event(2)]);
}

#[test]
fn beyond_the_bound_events_are_kept_without_what_was_said() {
    let root = tempfile::tempdir().unwrap();
    let options = SpoolOptions { alarm_bytes: 20_000, ..SpoolOptions::default() };
    let spool = Spool::open(root.path(), options).unwrap();
    let append = |number| spool.append(&sample::long_call(number, 8_000)).unwrap();
    (0..4).for_each(append);
    let kept: Vec<_> = read_calls(&spool).iter().map(|call| call.content.is_some()).collect();
    assert_eq!(kept, [true, true, false, false]);
    let (_, end) = spool.unstored();
    spool.mark_brought(end, end.offset);
    spool.mark_stored(end, end.offset);
    append(4);
    assert_eq!(read_calls(&spool)[0].content, Some(sample::content(4, 8_000)));
}

#[test]
fn what_is_said_stays_in_memory_while_the_drainer_keeps_up() {
    let root = tempfile::tempdir().unwrap();
    let spool = Spool::open(root.path(), SpoolOptions::default()).unwrap();
    let append = |number| spool.append(&sample::long_call(number, 8_000)).unwrap();
    let in_files = || read_calls(&spool).iter().filter(|call| call.content.is_some()).count();
    append(0);
    assert_eq!(in_files(), 1, "nobody drains");
    spool.note_drainer(true);
    append(1);
    append(2);
    assert_eq!((in_files(), read_all(&spool).len()), (1, 3));

    spool.save_contents(Duration::from_mins(1)).unwrap();
    assert_eq!(in_files(), 1, "they are young");
    spool.save_contents(Duration::ZERO).unwrap();
    spool.save_contents(Duration::ZERO).unwrap();
    append(3);
    let kept: Vec<_> = read_calls(&spool).iter().map(|call| call.content.clone()).collect();
    let content = |number| Some(sample::content(number, 8_000));
    assert_eq!(kept, [content(0), None, None, content(1), content(2), content(3)]);
    let (from, end) = spool.unstored();
    assert_eq!(segment::distance(spool.directory(), from, end), spool.pending_bytes());

    // The drainer sees each of them, and what is stored twice is there once.
    let Next::Known(batch) = spool.next(Limit { lines: 10, bytes: u64::MAX }) else { panic!() };
    assert_eq!(batch.calls, [0, 1, 2].map(|number| sample::long_call(number, 8_000)));
    spool.mark_brought(batch.next, batch.bytes);
    spool.mark_stored(batch.next, batch.bytes);
    append(4);
    assert_eq!(in_files(), 3, "it has caught up");
}

#[test]
fn what_is_said_goes_to_the_disk_when_the_memory_is_full_and_when_the_process_ends() {
    let root = tempfile::tempdir().unwrap();
    let spool = Spool::open(root.path(), SpoolOptions::default()).unwrap();
    spool.note_drainer(true);
    (0..200).for_each(|number| spool.append(&sample::long_call(number, 60_000)).unwrap());
    let in_files = read_calls(&spool).iter().filter(|call| call.content.is_some()).count();
    assert!((50..70).contains(&in_files), "{in_files}");
    let directory = spool.directory().to_owned();
    drop(spool);
    let orphan = Directory::orphans(root.path()).unwrap().remove(0);
    assert_eq!(orphan.path(), directory);
    let last = *segment::numbers(&directory).unwrap().last().unwrap();
    let length = std::fs::metadata(segment::path(&directory, last)).unwrap().len();
    let (from, end) = (Position { segment: 1, offset: 0 }, Position { segment: last, offset: length });
    let limit = Limit { lines: usize::MAX, bytes: u64::MAX };
    let calls = segment::read(&directory, from, end, limit).unwrap().calls;
    let said: std::collections::HashSet<_> =
        calls.iter().filter_map(|call| call.content.as_ref()).map(|content| content.call_id).collect();
    assert_eq!(said.len(), 200);
}

#[test]
fn a_root_that_cannot_be_written_is_named() {
    let error = Spool::open(Path::new("/proc/nothing/spool"), SpoolOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "cannot keep a spool in /proc/nothing/spool");
}

/// Takes what is next until there is nothing: calls, and how often files had to be read for them.
fn drain(spool: &Spool, limit: Limit) -> (Vec<UsageEvent>, u32) {
    let (mut events, mut reads) = (Vec::new(), 0);
    loop {
        let batch = match spool.next(limit) {
            Next::Nothing => return (events, reads),
            Next::Known(batch) => batch,
            Next::InFiles(end) => {
                reads += 1;
                segment::read(spool.directory(), spool.unstored().0, end, limit).unwrap()
            }
        };
        events.extend(batch.calls.iter().map(|call| call.event.clone()));
        spool.mark_brought(batch.next, batch.bytes);
        spool.mark_stored(batch.next, batch.bytes);
    }
}

#[test]
fn what_is_known_is_not_read_again_and_gaps_are() {
    let root = tempfile::tempdir().unwrap();
    let options = SpoolOptions { segment_bytes: 3_000, ..SpoolOptions::default() };
    let spool = Spool::open(root.path(), options).unwrap();
    let append = |numbers: std::ops::Range<u64>| {
        numbers.for_each(|number| spool.append(&sample::call(number)).unwrap());
    };
    let limit = Limit { lines: 4, bytes: u64::MAX };
    let events = |numbers: std::ops::Range<u64>| numbers.map(sample::event).collect::<Vec<_>>();
    append(0..10);
    assert_eq!(drain(&spool, limit), (events(0..10), 0));
    // As if there had been no room for these.
    append(10..30);
    spool.state().recent = Recent::default();
    append(30..40);
    assert_eq!(drain(&spool, limit), (events(10..40), 5));
    assert_eq!(spool.pending_bytes(), 0);
    assert_eq!(spool.state().recent.len(), 0);
    spool.seal_stored(Duration::ZERO).unwrap();
    append(40..42);
    assert_eq!(drain(&spool, limit), (events(40..42), 0));
}
