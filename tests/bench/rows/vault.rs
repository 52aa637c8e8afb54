//! A file of the vault, durable when it returns, beside bare writes of what it leaves; and a scrub beside SHA-256 and the disk.

use std::fs::{self, File};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use mirror_vault::{Expect, Hash, Provenance, Recorded, Vault, VaultPath};
use sha2::{Digest, Sha256};

use super::{Print, Row};
use crate::homes::scratch;
use crate::measure::{Sample, alternate, child as process, median, time};

const WRITES: usize = 300;
const NOTE_BYTES: usize = 4096;
const SUM_BYTES: usize = 74;
const PROVENANCE_BYTES: usize = 247;
const LARGE_BYTES: usize = 4 << 20;
const NOTES_PER_LARGE: usize = 20;

pub fn rows(full: bool, print: Print<'_>) {
    let place = scratch();
    let sample = process("vault", &[&"write", &place.path().display()]);
    let bare = |of: usize| Sample { ms: sample.more[of], ..sample.clone() };
    let row = Row::speed("vault write of 4 KiB", WRITES, 1, &sample, &bare(0));
    print(row.at_least(0.8, ">= 0.8"));
    let row = Row::speed("... beside file and backup alone", WRITES, 1, &sample, &bare(1));
    print(row);

    let bytes: usize = if full { 10 << 30 } else { 512 << 20 };
    let made = process("vault", &[&"make", &place.path().display(), &bytes]);
    let files = made.more[0] as usize;
    let (ours, bare) = alternate(
        3,
        || process("vault", &[&"scrub", &place.path().display(), &files]),
        || process("vault", &[&"bare", &place.path().display(), &files]),
    );
    let mib = |ms: f64| bytes as f64 / f64::from(1 << 20) / ms * 1000.0;
    let row = Row::of("vault scrub", files, mib(ours.ms), Some(mib(bare.ms)), "MiB/s");
    let row = Row { peak_mib: ours.peak_mib, ..row };
    print(row.at_least(0.8, ">= 0.8"));
}

pub fn child(args: &[&str]) -> Sample {
    match args {
        ["write", place] => write(Path::new(place)),
        ["make", place, bytes] => make(Path::new(place), bytes.parse().expect("a number")),
        ["scrub", place, files] => scrub(Path::new(place), files.parse().expect("a number")),
        ["bare", place, files] => bare(Path::new(place), files.parse().expect("a number")),
        _ => panic!("{args:?}"),
    }
}

/// In turns, one of each: all meet the same disk.
fn write(place: &Path) -> Sample {
    let folder = |name: &str| {
        let folder = place.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    };
    let vault = Vault::open(&folder("vault")).expect("a vault");
    let (files, backups) = (folder("files"), folder("backups"));
    let path = VaultPath::new("note.md").expect("a path");
    let from = Provenance {
        events: vec!["e".repeat(64)],
        tool: "bench".to_owned(),
        time: "2026-11-24T12:00:00Z".to_owned(),
    };
    let (mut expect, mut ours) = (Expect::Absent, Vec::new());
    let (mut whole, mut two) = (Vec::new(), Vec::new());
    for number in 0..WRITES {
        let bytes = content(number, NOTE_BYTES);
        let (ms, hash) = time(|| {
            let locked = vault.lock().expect("the lock");
            let written = locked.write(&path, &mut &bytes[..], expect, &from, b"a note");
            let written = written.expect("a write");
            locked.finish(&written.id).expect("an end");
            written.hash
        });
        expect = Expect::Is(hash);
        ours.push(ms);
        let file_and_backup = || {
            bare_write(&files, "note.md", &bytes);
            bare_write(&backups, &number.to_string(), &bytes);
        };
        let sidecars = || {
            bare_write(&files, "note.md.sha256", &bytes[..SUM_BYTES]);
            bare_write(&files, "note.md.prov.json", &bytes[..PROVENANCE_BYTES]);
        };
        two.push(time(file_and_backup).0);
        whole.push(two[number] + time(sidecars).0);
    }
    Sample::new(median(ours), vec![median(whole), median(two)])
}

/// Write, sync, rename, sync the folder.
fn bare_write(folder: &Path, name: &str, bytes: &[u8]) {
    let temp = folder.join("temp");
    let mut file = File::create(&temp).expect("a file");
    file.write_all(bytes).expect("a write");
    file.sync_all().expect("a sync");
    fs::rename(temp, folder.join(name)).expect("a rename");
    File::open(folder).and_then(|folder| folder.sync_all()).expect("a sync");
}

fn content(number: usize, bytes: usize) -> Vec<u8> {
    let mut content = vec![b'x'; bytes];
    content[..8].copy_from_slice(&(number as u64).to_le_bytes());
    content
}

/// A recording for every twenty notes.
fn size_of(number: usize) -> usize {
    if number.is_multiple_of(1 + NOTES_PER_LARGE) { LARGE_BYTES } else { NOTE_BYTES }
}

fn name_of(number: usize) -> String {
    format!("{:03}/{number}.md", number / 1000)
}

fn make(place: &Path, bytes: usize) -> Sample {
    let root = place.join("scrubbed");
    let (mut made, mut number) = (0, 0);
    while made < bytes {
        let path = root.join(name_of(number));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content(number, size_of(number))).expect("a file");
        made += size_of(number);
        number += 1;
    }
    // What is not yet written can't be read from the disk.
    rustix::fs::sync();
    Vault::open(&root).expect("a vault");
    Sample::new(0.0, vec![number as f64])
}

fn scrub(place: &Path, files: usize) -> Sample {
    let vault = Vault::open(&place.join("scrubbed")).expect("a vault");
    let file = |number| {
        let path = VaultPath::new(&name_of(number)).expect("a path");
        (path, Hash::of(&content(number, size_of(number))))
    };
    let recorded = Recorded { files: (0..files).map(file).collect(), versions: Vec::new() };
    let (ms, scrubbed) = time(|| vault.scrub(&recorded, &mut |_| ControlFlow::Continue(())));
    let scrubbed = scrubbed.expect("a scrub");
    assert_eq!((scrubbed.files, scrubbed.findings.len()), (files as u64, 0));
    Sample::new(ms, Vec::new())
}

/// The same bytes from memory through SHA-256 on all cores, or once from the disk without it: whichever takes longer. As a
/// scrub does, past what the system still has in memory.
fn bare(place: &Path, files: usize) -> Sample {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let each = |threads: usize, work: &(dyn Fn(usize) + Sync)| {
        time(|| {
            std::thread::scope(|scope| {
                for first in 0..threads {
                    scope.spawn(move || (first..files).step_by(threads).for_each(work));
                }
            });
        })
        .0
    };
    let block = vec![b'x'; 64 * 1024];
    let hashed = each(cores, &|number| {
        let mut hasher = Sha256::new();
        let mut left = size_of(number);
        while left > 0 {
            let part = left.min(block.len());
            hasher.update(&block[..part]);
            left -= part;
        }
        std::hint::black_box(hasher.finalize());
    });
    let root = place.join("scrubbed");
    let read = each(2 * cores, &|number| {
        let mut file = File::open(root.join(name_of(number))).expect("a file");
        #[cfg(target_os = "linux")]
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("advice");
        std::io::copy(&mut file, &mut std::io::sink()).expect("a read");
    });
    Sample::new(hashed.max(read), Vec::new())
}
