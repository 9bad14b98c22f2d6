//! Reading the files of a spool, in order.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promptgate_usage::FinishedCall;

use super::line::{self, Line};

/// A place between two lines of a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Position {
    /// The segment's number.
    pub(super) segment: u64,
    /// The byte in it.
    pub(super) offset: u64,
}

/// What was read in one go.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The calls.
    pub(super) calls: Vec<Arc<FinishedCall>>,
    /// Whole lines that are no event of this version.
    pub(super) foreign: Vec<Vec<u8>>,
    /// Lines that were not whole.
    pub(super) torn: u64,
    /// The bytes that were read.
    pub(super) bytes: u64,
    /// Where to go on.
    pub(super) next: Position,
}

/// The file of a segment.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:010}.jsonl"))
}

/// The numbers of the segments that are there, in order.
pub(super) fn numbers(directory: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// How many bytes lie between two positions.
pub(super) fn distance(directory: &Path, from: Position, end: Position) -> u64 {
    let sealed = (from.segment..end.segment).filter_map(|number| fs::metadata(path(directory, number)).ok());
    let bytes = sealed.map(|file| file.len()).sum::<u64>() + end.offset;
    bytes.saturating_sub(from.offset)
}

/// How much is read in one go: whichever is reached first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) lines: usize,
    /// The line that goes beyond it is the last one.
    pub(super) bytes: u64,
}

/// Reads up to `limit` from a position on, not beyond `end`. A segment that is not there is as good
/// as empty.
pub(super) fn read(directory: &Path, from: Position, end: Position, limit: Limit) -> io::Result<Batch> {
    let mut batch = Batch { next: from, ..Batch::default() };
    let mut lines = 0;
    while lines < limit.lines && batch.bytes < limit.bytes && batch.next < end {
        let number = batch.next.segment;
        let file = match File::open(path(directory, number)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(opened?),
        };
        if let Some(mut file) = file {
            file.seek(SeekFrom::Start(batch.next.offset))?;
            let rest = if number == end.segment { end.offset - batch.next.offset } else { u64::MAX };
            let reader = BufReader::with_capacity(1 << 16, file.take(rest));
            lines += read_lines(reader, &mut batch, Limit { lines: limit.lines - lines, ..limit })?;
        }
        if lines < limit.lines && batch.bytes < limit.bytes {
            if number == end.segment {
                batch.next = end;
            } else {
                batch.next = Position { segment: number + 1, offset: 0 };
            }
        }
    }
    Ok(batch)
}

fn read_lines(mut reader: impl BufRead, batch: &mut Batch, limit: Limit) -> io::Result<usize> {
    let mut bytes = Vec::new();
    for count in 0..limit.lines {
        if batch.bytes >= limit.bytes {
            return Ok(count);
        }
        bytes.clear();
        let length = reader.read_until(b'\n', &mut bytes)? as u64;
        if length == 0 {
            return Ok(count);
        }
        match line::decode(&bytes) {
            Line::Call(call) => batch.calls.push(Arc::from(call)),
            Line::Foreign(json) => batch.foreign.push(json),
            Line::Torn => batch.torn += 1,
        }
        batch.bytes += length;
        batch.next.offset += length;
    }
    Ok(limit.lines)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn end(segment: u64, offset: u64) -> Position {
        Position { segment, offset }
    }

    #[test]
    fn lines_are_read_across_segments_and_torn_ones_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let line = |number| line::encode(&sample::call(number)).unwrap();
        let torn = &line(9)[..30];
        fs::write(path(directory.path(), 1), [&line(1)[..], torn].concat()).unwrap();
        let last = [torn, b"\n", &line(2)[..], &line(3)[..]].concat();
        fs::write(path(directory.path(), 4), &last).unwrap();
        assert_eq!(numbers(directory.path()).unwrap(), [1, 4]);

        let all = end(4, last.len() as u64);
        let batch = read(directory.path(), end(1, 0), all, Limit { lines: 100, bytes: u64::MAX }).unwrap();
        assert_eq!(batch.calls, [1, 2, 3].map(sample::call));
        assert_eq!((batch.torn, batch.next), (2, all));

        for limit in [Limit { lines: 1, bytes: u64::MAX }, Limit { lines: 100, bytes: 1 }] {
            let mut position = end(1, 0);
            let mut one_by_one = Vec::new();
            while position < all {
                let batch = read(directory.path(), position, all, limit).unwrap();
                assert!(batch.calls.len() < 2);
                one_by_one.extend(batch.calls);
                position = batch.next;
            }
            assert_eq!(one_by_one, [1, 2, 3].map(sample::call));
        }
        assert_eq!(distance(directory.path(), all, all), 0);
    }

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let lines = [1, 2].map(|number| line::encode(&sample::call(number)).unwrap());
        fs::write(path(directory.path(), 0), lines.concat()).unwrap();
        let limit = Limit { lines: 100, bytes: u64::MAX };
        let batch = read(directory.path(), end(0, 0), end(0, lines[0].len() as u64), limit).unwrap();
        assert_eq!(batch.calls, [sample::call(1)]);
    }
}
