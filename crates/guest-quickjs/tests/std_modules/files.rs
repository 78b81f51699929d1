//! Files, directories, and the ways out of them.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::Run;

#[test]
fn files_behave_as_those_of_qjs() {
    let directory = tempfile::tempdir().unwrap();
    Run::new()
        .directory(directory.path(), "/work")
        .file("std_os_files.js")
        .expect("ok\n");
}

#[test]
fn buffers_of_every_kind_are_read_and_written() {
    let directory = tempfile::tempdir().unwrap();
    Run::new()
        .directory(directory.path(), "/")
        .file("std_buffers.js")
        .expect("ok\n");
}

#[test]
fn no_path_leads_out_of_a_directory() {
    let outer = tempfile::tempdir().unwrap();
    let inner = outer.path().join("inner");
    fs::create_dir_all(inner.join("dir")).unwrap();
    fs::write(inner.join("file"), "mine").unwrap();
    let secret = outer.path().join("secret");
    fs::write(&secret, "theirs").unwrap();
    symlink("..", inner.join("up")).unwrap();
    symlink("../secret", inner.join("secret")).unwrap();
    symlink(&secret, inner.join("absolute")).unwrap();
    symlink("loop", inner.join("loop")).unwrap();
    Run::new()
        .directory(&inner, "/box")
        .env("HOST", secret.to_str().unwrap())
        .file("std_escape.js")
        .expect("ok\n");
    let mut left: Vec<_> = fs::read_dir(outer.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["inner", "secret"], "something was made outside");
    assert_eq!(fs::read_to_string(&secret).unwrap(), "theirs");
}

#[test]
fn without_a_directory_there_are_no_files() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            import * as std from "std";
            for (const path of ["x", "/x", "/etc/passwd", "."]) {
                print(os.open(path, os.O_RDONLY), os.stat(path)[1], os.readdir(path)[1], std.open(path, "w"));
            }
            const error = {};
            print(std.tmpfile(error), error.errno, std.strerror(error.errno), os.getcwd());
            "#,
        )
        .expect(
            "-13 13 13 null\n-13 13 13 null\n-13 13 13 null\n-13 13 13 null\nnull 13 Permission denied [ \"/\", 0 ]\n",
        );
}
