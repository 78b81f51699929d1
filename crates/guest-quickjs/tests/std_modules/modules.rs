//! Where modules come from, and those that are no code.

use std::fs;
use std::path::Path;

use guestnet_quickjs::End;

use crate::harness::{Outcome, Run};

#[test]
fn files_that_are_no_code_are_imported_by_their_type() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| fs::write(directory.path().join(name), content).unwrap();
    file("data.json", b"\xef\xbb\xbf{\"answer\": [42, null]}");
    file("data", b"[1, 2]");
    file("wrong.json", b"{\"answer\":\n 42,}");
    file("self.js", "export default 'code'; // é".as_bytes());
    file("bytes", b"\xff\0\x01");
    Run::new()
        .directory(directory.path(), "/m")
        .text(
            r#"
            import json from "/m/data.json" with {type: "json"};
            import again, * as all from "/m/data.json" with {type: "json"};
            import suffix from "/m/data.json";
            import plain from "/m/data" with {type: "json"};
            import text from "/m/data.json" with {type: "text"};
            import code from "/m/self.js";
            import source from "/m/self.js" with {type: "text"};
            import invalid from "/m/bytes" with {type: "text"};
            import bytes from "/m/bytes" with {type: "bytes"};
            print(JSON.stringify(json), Object.keys(all), again === json);
            print(JSON.stringify(suffix), suffix === json, JSON.stringify(plain));
            print(text, code, source);
            print(JSON.stringify(invalid), bytes, bytes.buffer.immutable);
            const dynamic = await import("/m/data.json", {with: {type: "json"}});
            print(dynamic.default === json, Object.keys(dynamic));
            const fails = async (name, attributes) => {
                try { await import(name, {with: attributes}); print("imported"); }
                catch (error) { print(`${error.name}: ${error.message}`); }
            };
            await fails("/m/data.json", {type: "css"});
            await fails("/m/data.json", {type: ""});
            await fails("/m/data.json", {kind: "json"});
            await fails("/m/data.json", {type: "json", integrity: "x"});
            await fails("/m/wrong.json", {type: "json"});
            await fails("/m/none.json", {type: "json"});
            await fails("os", {type: "json"});
            await fails("std", {type: "text"});
            await fails("/m/self.js", {});
            "#,
        )
        .expect(
            r#"{"answer":[42,null]} [ "default" ] true
{"answer":[42,null]} false [1,2]
{"answer": [42, null]} code export default 'code'; // é
"�\u0000\u0001" Uint8Array(3) [ 255, 0, 1 ] true
true [ "default" ]
TypeError: unknown type of a module: css
TypeError: unknown type of a module: 
TypeError: unknown import attribute: kind
TypeError: unknown import attribute: integrity
SyntaxError: Expected property name or '}' in JSON at position 15 (line 2 column 5)
ReferenceError: Error loading module '/m/none.json': No such file or directory
ReferenceError: Error loading module 'os': No such file or directory
ReferenceError: Error loading module 'std': No such file or directory
imported
"#,
        );
}

#[test]
fn a_static_import_with_an_unknown_attribute_is_an_error() {
    for (attributes, message) in [
        ("{type: 'wasm'}", "TypeError: unknown type of a module: wasm"),
        ("{mode: 'json'}", "TypeError: unknown import attribute: mode"),
    ] {
        let outcome = Run::new().text(&format!(
            "import it from './std_check.js' with {attributes}; print(it)"
        ));
        assert_eq!((outcome.end, outcome.out.as_str()), (End::Exit(1), ""));
        assert!(outcome.err.starts_with(message), "{}", outcome.err);
    }
}

#[test]
fn a_file_that_is_no_code_counts_as_the_scripts_memory() {
    let directory = tempfile::tempdir().unwrap();
    let array = format!("[{}0]", "0,".repeat(4 << 20));
    fs::write(directory.path().join("large.json"), &array).unwrap();
    for (kind, most) in [("json", 24 << 20), ("text", 12 << 20), ("bytes", 12 << 20)] {
        Run::new()
            .directory(directory.path(), "/m")
            .memory(most)
            .text(&format!(
                "await import('/m/large.json', {{with: {{type: '{kind}'}}}}).catch(error => print(error.message));"
            ))
            .expect("out of memory\n");
    }
}

/// A directory with an application, a library beside it, and what neither has.
fn tree() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in [
        (
            "app/util.js",
            "export const loads = (globalThis.loads ?? 0) + 1; globalThis.loads = loads;",
        ),
        (
            "lib/x.js",
            "import './y.js'; import '../app/util.js'; export default 'x';",
        ),
        ("lib/y.js", "print('y', import.meta.url);"),
        ("lib/data.json", "[1]"),
        ("lib/worker.js", "import './y.js'; print('worker');"),
        ("secret.js", "print('never');"),
    ] {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

fn run_in(run: Run, app: &Path, source: &str) -> Outcome {
    run.scripts(app).text(source)
}

#[test]
fn an_import_beside_the_scripts_directory_is_read_where_a_directory_of_the_guest_has_it() {
    let root = tree();
    let (app, lib) = (root.path().join("app"), root.path().join("lib"));
    let source = "import x from '../lib/x.js';
        import data from '../lib/data.json' with {type: 'json'};
        import {loads} from './util.js';
        import '../app/util.js';
        print(x, data, loads, import.meta.url);";
    let expected = "y file://../lib/y.js\nx [ 1 ] 1 file://test.js\n";
    let all = || Run::new().directory(root.path(), "/all");
    run_in(all(), &app, source).expect(expected);
    run_in(Run::new().directory(&lib, "libraries"), &app, source).expect(expected);
    run_in(all().directory(&lib, "/"), &app, source).expect(expected);
    let worker = "import * as os from 'os'; new os.Worker('../lib/worker.js');";
    run_in(all(), &app, worker).expect("y file://../lib/y.js\nworker\n");
}

#[test]
fn an_import_that_no_directory_has_is_outside_whether_or_not_it_is_there() {
    let root = tree();
    let (app, lib) = (root.path().join("app"), root.path().join("lib"));
    let source = "
        const fails = async name => { try { await import(name); print('imported'); } catch (error) { print(error.message); } };
        for (const name of ['../lib/y.js', '../secret.js', '../none.js', '../../secret.js', '../app2/x.js', './../secret.js',
            '/secret.js', '../'.repeat(20) + 'etc/passwd', '/../secret.js', './none.js', 'none.js', '../app/none.js'])
            await fails(name);
        import * as os from 'os';
        try { new os.Worker('../secret.js'); } catch (error) { print(error.message); }";
    let outside = "outside of the script's directory, and of every directory that the script was given\n";
    let refused = |name: &str| format!("Error loading module '{name}': {outside}");
    let mut rest = String::new();
    for name in [
        "../secret.js",
        "../none.js",
        "../../secret.js",
        "../app2/x.js",
        "../secret.js",
        "/secret.js",
        &("../".repeat(20) + "etc/passwd"),
        "/../secret.js",
    ] {
        rest += &refused(name);
    }
    for _ in 0..3 {
        rest += "Error loading module 'none.js': No such file or directory\n";
    }
    rest += &format!("could not load '../secret.js': {outside}");
    run_in(Run::new(), &app, source).expect(&(refused("../lib/y.js") + &rest));
    let with = || Run::new().directory(&lib, "/lib");
    run_in(with(), &app, source).expect(&("y file://../lib/y.js\nimported\n".to_owned() + &rest));
    // A link that leads out of the directory leads nowhere.
    std::os::unix::fs::symlink("../secret.js", lib.join("link.js")).unwrap();
    let outcome = run_in(with(), &app, "await import('../lib/link.js')");
    assert!(outcome.err.contains("Permission denied"), "{}", outcome.err);
}
