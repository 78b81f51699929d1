//! UNIX socket paths.

use super::policy;
use crate::policy::{Policy, Reason, UnixPattern};

#[test]
fn a_path_is_covered_exactly() {
    let policy = policy("--allow-unix /run/db.sock");
    assert!(policy.decide_unix("/run/db.sock").is_allowed());
    for path in [
        "/run/db.sock2",
        "/run/db",
        "/run/db.sock/x",
        "/run",
        "/RUN/db.sock",
    ] {
        assert!(policy.decide_unix(path).is_denied(), "{path}");
    }
}

#[test]
fn a_directory_covers_what_is_below_at_any_depth_but_not_itself_nor_its_siblings() {
    let policy = policy("--allow-unix /run/app/*");
    assert!(policy.decide_unix("/run/app/a").is_allowed());
    assert!(policy.decide_unix("/run/app/a/b/c").is_allowed());
    for path in ["/run/app", "/run/application", "/run/other/app/a", "/run/app2/a"] {
        assert!(policy.decide_unix(path).is_denied(), "{path}");
    }
}

#[test]
fn the_root_directory_covers_every_path() {
    let policy = policy("--allow-unix /*");
    assert!(policy.decide_unix("/a").is_allowed() && policy.decide_unix("/a/b").is_allowed());
    assert!(policy.decide_unix("").is_denied() && policy.decide_unix("/").is_denied());
}

#[test]
fn deny_beats_allow_for_paths_in_either_order() {
    for flags in [
        "--allow-unix /run/* --deny-unix /run/secret/*",
        "--deny-unix /run/secret/* --allow-unix /run/*",
    ] {
        let policy = policy(flags);
        assert!(policy.decide_unix("/run/a").is_allowed());
        assert!(policy.decide_unix("/run/secret/a").is_denied());
    }
    let policy = policy("--allow-net --deny-unix /run/docker.sock");
    assert!(policy.decide_unix("/run/docker.sock").is_denied());
    assert!(policy.decide_unix("/run/x.sock").is_allowed());
}

#[test]
fn everything_allowed_covers_every_path_and_nothing_allowed_covers_none() {
    assert!(Policy::allow_all().decide_unix("/a/b").is_allowed());
    assert_eq!(Policy::deny_all().decide_unix("/a/b").reason(), Reason::NoRule);
}

#[test]
fn a_path_that_is_not_absolute_and_normal_is_denied() {
    let policy = policy("--allow-net --deny-unix /secret");
    for path in [
        "",
        "a",
        "\0abstract",
        "/a/../secret",
        "/./secret",
        "//secret",
        "/secret/",
        "/secret\0",
        "/a\0/b",
    ] {
        assert_eq!(policy.decide_unix(path).reason(), Reason::NotNormal, "{path:?}");
    }
}

#[test]
fn a_wrong_pattern_is_reported_with_its_column() {
    for (text, column, message) in [
        (
            "",
            1,
            "a UNIX path begins with `/`; it is the path as the guest sees it",
        ),
        (
            "run/x",
            1,
            "a UNIX path begins with `/`; it is the path as the guest sees it",
        ),
        (
            "@x",
            1,
            "a UNIX path begins with `/`; it is the path as the guest sees it",
        ),
        ("*", 1, "`*` stands only at the end, as in /run/app/*"),
        ("/run/*.sock", 6, "`*` stands only at the end, as in /run/app/*"),
        ("/run/a*", 7, "`*` stands only at the end, as in /run/app/*"),
        (
            "/run/",
            6,
            "a UNIX path has no empty component; write PATH/* for what is below a directory",
        ),
        (
            "/",
            2,
            "a UNIX path has no empty component; write PATH/* for what is below a directory",
        ),
        (
            "/run//x",
            6,
            "a UNIX path has no empty component; write PATH/* for what is below a directory",
        ),
        ("/run/../x", 6, "a UNIX path has no `.` or `..` component"),
        ("/run/./*", 6, "a UNIX path has no `.` or `..` component"),
        ("/run\0x", 5, "a UNIX path has no control characters"),
    ] {
        let error = text.parse::<UnixPattern>().expect_err(text);
        assert_eq!((error.column(), error.message()), (column, message), "{text:?}");
    }
}

#[test]
fn a_pattern_prints_as_it_was_written() {
    for text in ["/run/x", "/run/*", "/*"] {
        assert_eq!(text.parse::<UnixPattern>().expect("a pattern").to_string(), text);
    }
}

#[test]
fn a_pattern_covers_what_its_rule_does() {
    use crate::policy::UnixPattern;
    let exact = UnixPattern::Exact("/run/a".into());
    assert!(exact.covers("/run/a"));
    assert!(!exact.covers("/run/b") && !exact.covers("/run/a/b") && !exact.covers("/run"));
    let below = UnixPattern::Below("/run/a".into());
    assert!(below.covers("/run/a/b") && below.covers("/run/a/b/c") && below.covers("/run/a/x"));
    for other in ["/run/a", "/run/a/", "/run/ab", "/run/abc/d", "/run/b/c"] {
        assert!(!below.covers(other), "{other}");
    }
}
