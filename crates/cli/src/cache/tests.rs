//! Tests of the module cache.

use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

fn key(engine: &Engine, guest: &[u8]) -> Key {
    Key::new(engine, guest, std::io::empty()).unwrap()
}

struct Fixture {
    root: tempfile::TempDir,
    engine: Engine,
    key: Key,
    compiled: Vec<u8>,
}

impl Fixture {
    fn new() -> Fixture {
        let engine = Engine::default();
        let guest = b"(module (func (export \"_start\")))";
        let compiled = Module::new(&engine, guest).unwrap().serialize().unwrap();
        Fixture {
            root: tempfile::tempdir().unwrap(),
            key: key(&engine, guest),
            engine,
            compiled,
        }
    }

    fn open(&self) -> Cache {
        Cache::open_in(self.root.path()).unwrap()
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("modules")
    }

    fn entry(&self) -> PathBuf {
        self.dir().join(self.key.file_name())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

fn set_age(path: &Path, age: Duration) {
    fs::File::open(path)
        .unwrap()
        .set_modified(SystemTime::now() - age)
        .unwrap();
}

#[test]
fn what_is_stored_is_found_and_nothing_else() {
    let fixture = Fixture::new();
    let cache = fixture.open();
    assert!(cache.load(&fixture.engine, &fixture.key).is_none());
    cache
        .store(&fixture.key, &mut fixture.compiled.as_slice())
        .unwrap();
    assert!(
        cache
            .load(&fixture.engine, &fixture.key)
            .unwrap()
            .get_export("_start")
            .is_some()
    );
    assert!(
        cache
            .load(&fixture.engine, &key(&fixture.engine, b"another"))
            .is_none()
    );
    assert_eq!(fixture.names(), [fixture.key.file_name()]);
}

#[test]
fn a_key_depends_on_the_guest_and_on_the_engine() {
    let plain = Engine::default();
    let stoppable = Engine::new(wasmtime::Config::new().epoch_interruption(true)).unwrap();
    assert_eq!(key(&plain, b"a"), key(&Engine::default(), b"a"));
    assert_ne!(key(&plain, b"a"), key(&plain, b"b"));
    assert_ne!(key(&plain, b"a"), key(&stoppable, b"a"));
    // However the guest is read.
    assert_eq!(key(&plain, b"abc"), Key::new(&plain, b"a", &b"bc"[..]).unwrap());
}

#[test]
fn the_directory_and_its_entries_are_for_the_owner_alone() {
    let fixture = Fixture::new();
    fixture
        .open()
        .store(&fixture.key, &mut fixture.compiled.as_slice())
        .unwrap();
    assert_eq!(fs::metadata(fixture.dir()).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(fixture.entry()).unwrap().mode() & 0o777, 0o400);
}

#[test]
fn a_directory_that_others_can_write_is_not_used() {
    let fixture = Fixture::new();
    fixture.open();
    for mode in [0o770, 0o702, 0o777] {
        fs::set_permissions(fixture.dir(), fs::Permissions::from_mode(mode)).unwrap();
        let reason = Cache::open_in(fixture.root.path()).unwrap_err();
        assert!(
            reason.ends_with("no other user may be able to write it (chmod 700)"),
            "{reason}"
        );
    }
    fs::set_permissions(fixture.dir(), fs::Permissions::from_mode(0o755)).unwrap();
    fixture.open();
}

#[test]
fn a_link_in_place_of_the_directory_is_not_followed() {
    let (fixture, elsewhere) = (Fixture::new(), tempfile::tempdir().unwrap());
    symlink(elsewhere.path(), fixture.dir()).unwrap();
    assert!(Cache::open_in(fixture.root.path()).is_err());
}

#[test]
fn an_entry_that_others_can_write_and_a_link_are_not_loaded() {
    let fixture = Fixture::new();
    let cache = fixture.open();
    cache
        .store(&fixture.key, &mut fixture.compiled.as_slice())
        .unwrap();
    fs::set_permissions(fixture.entry(), fs::Permissions::from_mode(0o620)).unwrap();
    assert!(cache.load(&fixture.engine, &fixture.key).is_none());
    fs::set_permissions(fixture.entry(), fs::Permissions::from_mode(0o400)).unwrap();
    assert!(cache.load(&fixture.engine, &fixture.key).is_some());
    let real = fixture.root.path().join("real");
    fs::rename(fixture.entry(), &real).unwrap();
    symlink(&real, fixture.entry()).unwrap();
    assert!(cache.load(&fixture.engine, &fixture.key).is_none());
}

#[test]
fn a_damaged_entry_is_not_loaded_and_is_replaced() {
    let fixture = Fixture::new();
    let cache = fixture.open();
    let cut = fixture.compiled.get(..fixture.compiled.len() / 2).unwrap();
    for damaged in [&b""[..], b"nonsense", cut] {
        cache.store(&fixture.key, &mut &damaged[..]).unwrap();
        assert!(cache.load(&fixture.engine, &fixture.key).is_none());
        cache
            .store(&fixture.key, &mut fixture.compiled.as_slice())
            .unwrap();
        assert!(cache.load(&fixture.engine, &fixture.key).is_some());
    }
}

#[test]
fn the_oldest_entries_go_and_the_newest_stays_whatever_its_size() {
    let fixture = Fixture::new();
    let cache = fixture.open();
    for (name, hours) in [("a", 3), ("b", 1), ("c", 2)] {
        let path = fixture.dir().join(format!("{name}{ENTRY_SUFFIX}"));
        fs::write(&path, [0; 100]).unwrap();
        set_age(&path, Duration::from_secs(hours * 3600));
    }
    fs::write(fixture.dir().join("README"), "not ours to remove").unwrap();
    let newest = format!("b{ENTRY_SUFFIX}");
    cache.shrink(&newest, 200).unwrap();
    let mut names = fixture.names();
    names.sort();
    assert_eq!(names, ["README", "b.cwasm", "c.cwasm"]);
    cache.shrink(&newest, 0).unwrap();
    let mut names = fixture.names();
    names.sort();
    assert_eq!(names, ["README", "b.cwasm"]);
}

#[test]
fn files_that_a_dead_process_left_are_removed_and_those_of_a_living_one_kept() {
    let fixture = Fixture::new();
    let cache = fixture.open();
    for (name, age) in [("1-0.tmp", ABANDONED * 2), ("2-0.tmp", Duration::ZERO)] {
        let path = fixture.dir().join(name);
        fs::write(&path, "x").unwrap();
        set_age(&path, age);
    }
    cache.shrink("", MAX_BYTES).unwrap();
    assert_eq!(fixture.names(), ["2-0.tmp"]);
}

#[test]
fn a_use_is_marked_when_the_last_mark_is_old() {
    let fixture = Fixture::new();
    let cache = fixture.open();
    cache
        .store(&fixture.key, &mut fixture.compiled.as_slice())
        .unwrap();
    let modified = || fs::metadata(fixture.entry()).unwrap().modified().unwrap();
    let stored = modified();
    assert!(cache.load(&fixture.engine, &fixture.key).is_some());
    assert_eq!(modified(), stored);
    set_age(&fixture.entry(), MARK_EVERY * 3);
    assert!(cache.load(&fixture.engine, &fixture.key).is_some());
    assert!(modified() >= stored);
}

#[test]
fn the_place_is_found_in_the_environment() {
    let place = |vars: &[(&str, &str)]| {
        root(|name| {
            vars.iter()
                .find(|(each, _)| *each == name)
                .map(|(_, value)| OsString::from(value))
        })
    };
    assert_eq!(place(&[]), None);
    assert_eq!(place(&[("HOME", "/h")]), Some("/h/.cache/guestnet".into()));
    assert_eq!(
        place(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]),
        Some("/x/guestnet".into())
    );
    assert_eq!(
        place(&[("HOME", "/h"), ("XDG_CACHE_HOME", "relative")]),
        Some("/h/.cache/guestnet".into())
    );
    assert_eq!(
        place(&[("XDG_CACHE_HOME", "/x"), ("GUESTNET_CACHE", "/g")]),
        Some("/g".into())
    );
    assert_eq!(
        place(&[("HOME", "/h"), ("GUESTNET_CACHE", "")]),
        Some("/h/.cache/guestnet".into())
    );
}

/// A large file, and later than its change.
struct LargeFile {
    path: PathBuf,
    later: SystemTime,
}

impl LargeFile {
    fn new(fixture: &Fixture) -> LargeFile {
        let path = fixture.root.path().join("guest.wasm");
        fs::write(&path, vec![7; 2 << 20]).unwrap();
        let later = SystemTime::now() + Duration::from_secs(60);
        LargeFile { path, later }
    }

    fn mark_at(&self, fixture: &Fixture, now: SystemTime) -> Option<Mark> {
        Mark::new(&fixture.engine, &fs::metadata(&self.path).unwrap(), now)
    }

    fn mark(&self, fixture: &Fixture) -> Option<Mark> {
        self.mark_at(fixture, self.later)
    }
}

/// A cache that remembers the mark of a file, and where.
fn remembered(fixture: &Fixture) -> (Cache, Mark, PathBuf) {
    let cache = fixture.open();
    let mark = LargeFile::new(fixture).mark(fixture).unwrap();
    cache.remember(&mark, &fixture.key).unwrap();
    let file = fixture.dir().join(mark.file_name());
    (cache, mark, file)
}

#[test]
fn a_file_that_was_not_changed_is_recalled() {
    let fixture = Fixture::new();
    let cache = fixture.open();
    let large = LargeFile::new(&fixture);
    let first = large.mark(&fixture).unwrap();
    assert_eq!(cache.recall(&first), None);
    cache.remember(&first, &fixture.key).unwrap();
    let second = large.mark(&fixture).unwrap();
    assert_eq!(second, first);
    assert_eq!(cache.recall(&second), Some(fixture.key.clone()));
}

#[test]
fn every_change_of_a_file_changes_its_mark() {
    let fixture = Fixture::new();
    let large = LargeFile::new(&fixture);
    let path = &large.path;
    let mut seen = vec![large.mark(&fixture).unwrap()];
    let before = fs::metadata(path).unwrap();
    let changes: [&dyn Fn(); 3] = [
        // As long as before, and the time of its change set back to what it was.
        &|| {
            fs::write(path, vec![8; 2 << 20]).unwrap();
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(before.modified().unwrap()).unwrap();
        },
        &|| fs::write(path, vec![8; 3 << 20]).unwrap(),
        // Another file takes its place.
        &|| {
            let other = fixture.root.path().join("other");
            fs::write(&other, vec![8; 3 << 20]).unwrap();
            fs::rename(&other, path).unwrap();
        },
    ];
    for change in changes {
        // The clock of the file system has ticked when a probe says so.
        let ctime = |path: &Path| {
            let stat = fs::metadata(path).unwrap();
            (stat.ctime(), stat.ctime_nsec())
        };
        let probe = fixture.root.path().join("probe");
        let last = ctime(path);
        while {
            fs::write(&probe, b"x").unwrap();
            ctime(&probe) <= last
        } {}
        change();
        let now = large.mark(&fixture).unwrap();
        assert!(!seen.contains(&now));
        seen.push(now);
    }
}

#[test]
fn small_and_new_files_have_no_mark() {
    let fixture = Fixture::new();
    let large = LargeFile::new(&fixture);
    assert!(large.mark(&fixture).is_some());
    // Its next change could have the same time.
    assert_eq!(large.mark_at(&fixture, SystemTime::now()), None);
    assert_eq!(large.mark_at(&fixture, UNIX_EPOCH), None);
    fs::write(&large.path, b"small").unwrap();
    assert_eq!(large.mark(&fixture), None);
}

#[test]
fn a_mark_that_others_could_write_or_that_holds_no_key_is_not_believed() {
    let fixture = Fixture::new();
    let (cache, mark, file) = remembered(&fixture);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o622)).unwrap();
    assert_eq!(cache.recall(&mark), None);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(cache.recall(&mark), Some(fixture.key.clone()));
    for wrong in ["", "../../etc/passwd", &"g".repeat(64), &"a".repeat(65)] {
        fs::write(&file, wrong).unwrap();
        assert_eq!(cache.recall(&mark), None, "{wrong}");
    }
}

#[test]
fn marks_that_are_not_used_are_removed() {
    let fixture = Fixture::new();
    let (cache, _, file) = remembered(&fixture);
    for (age, is_kept) in [(Duration::ZERO, true), (FORGOTTEN * 2, false)] {
        set_age(&file, age);
        cache
            .store(&fixture.key, &mut fixture.compiled.as_slice())
            .unwrap();
        assert_eq!(file.exists(), is_kept);
    }
}
