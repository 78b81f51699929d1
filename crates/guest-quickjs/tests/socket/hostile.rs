//! Scripts that mean harm, or err badly: buffers that change under a pending call, wrong arguments, changed prototypes,
//! exceptions everywhere, and many descriptors. None may crash, hang or get what is not theirs.

use guestnet_core::policy::{Policy, PolicyBuilder, Use};
use guestnet_quickjs::End;

use crate::support::{PRELUDE, allow_files, run, run_in, run_under, run_with, script};

#[test]
fn a_buffer_that_is_transferred_during_a_receive_is_not_written() {
    script(
        "const [a, b] = await pair();
         const buffer = new ArrayBuffer(64);
         const pending = fails(os.recv(b, buffer));
         const moved = buffer.transfer();
         await os.send(a, bytes('secret'));
         print(await pending, new Uint8Array(moved).every(x => x === 0));
         print(await os.recv(b, moved), text(moved, 6));",
        "-14 true\n6 secret\n",
    );
}

#[test]
fn a_buffer_that_shrinks_during_a_receive_gets_what_it_has_room_for() {
    script(
        "const [a, b] = await pair();
         const buffer = new ArrayBuffer(4096, {maxByteLength: 4096});
         const view = new Uint8Array(buffer);
         const tail = new Uint8Array(buffer, 4000);
         const pending = [os.recv(b, buffer), os.recv(b, view), fails(os.recv(b, tail, 8))];
         buffer.resize(4);
         await os.send(a, bytes('abcdefghijkl'));
         print((await Promise.all(pending)).join());
         buffer.resize(4096);
         print(await os.recv(b, view), text(view, 4));",
        "4,4,-14\n4 ijkl\n",
    );
}

#[test]
fn a_buffer_that_grows_during_a_receive_is_used_whole() {
    script(
        "const [a, b] = await pair();
         const buffer = new ArrayBuffer(1, {maxByteLength: 8});
         const tracking = new Uint8Array(buffer);
         const data = new DataView(buffer);
         const one = os.recv(b, tracking);
         buffer.resize(6);
         await os.send(a, bytes('abcdef'));
         print(await one, text(buffer, 6));
         const two = os.recv(b, data);
         await os.send(a, bytes('ghi'));
         print(await two, text(buffer, 3));",
        "6 abcdef\n3 ghi\n",
    );
}

#[test]
fn an_immutable_buffer_can_be_sent_and_not_written() {
    script(
        "const [a, b] = await pair();
         const buffer = new ArrayBuffer(4);
         const pending = fails(os.recv(b, buffer));
         const frozen = buffer.transferToImmutable();
         const late = fails(os.recv(b, new Uint8Array(frozen)));
         print(await os.send(a, frozen));
         print(await pending, await late);
         print(await os.recv(b, new ArrayBuffer(8)));",
        "4\n-14 -14\n4\n",
    );
}

#[test]
fn shared_buffers_work() {
    script(
        "const [a, b] = await pair();
         const shared = new SharedArrayBuffer(16);
         const pending = os.recv(b, new Uint8Array(shared, 4, 8));
         await os.send(a, bytes('0123456789'));
         print(await pending, String.fromCharCode(...new Uint8Array(shared).slice(4, 12)));
         print(await os.send(a, shared, 12), await os.recv(b, shared, {offset: 10}));",
        "8 01234567\n12 6\n",
    );
}

#[test]
fn a_shared_buffer_that_grows_during_a_receive_is_used_whole() {
    script(
        "const [a, b] = await pair();
         const shared = new SharedArrayBuffer(2, {maxByteLength: 8});
         const tracking = new Uint8Array(shared);
         const pending = [os.recv(b, shared), os.recv(b, tracking)];
         shared.grow(6);
         await os.send(a, bytes('abcdefgh'));
         print((await Promise.all(pending)).join(), String.fromCharCode(...tracking));",
        "6,2 ghcdef\n",
    );
}

#[test]
fn a_buffer_that_changes_during_a_send_ends_it_and_says_how_much_went() {
    // Each is too large for the kernel's buffers, so that the send waits when the buffer changes.
    script(
        "const SIZE = 32 << 20;
         const changes = {
             transfer: buffer => buffer.transfer(),
             resize: buffer => buffer.resize(0),
             transferToImmutable: buffer => buffer.transferToImmutable(),
         };
         for (const [name, change] of Object.entries(changes)) {
             for (const view of [buffer => buffer, buffer => new Uint8Array(buffer), buffer => new DataView(buffer, 1)]) {
                 const [a, b] = await pair();
                 const buffer = new ArrayBuffer(SIZE, {maxByteLength: SIZE});
                 const behind = new Uint8Array(4);
                 let settled;
                 const pending = fails(os.send(a, view(buffer), {fully: true})).then(result => { settled = result; });
                 const next = os.send(a, behind, {fully: true});
                 change(buffer);
                 const chunk = new Uint8Array(1 << 20);
                 let total = 0;
                 while (settled === undefined) total += await os.recv(b, chunk);
                 // The one behind it is not held up.
                 await Promise.all([pending, next]);
                 os.close(a);
                 for (let count; (count = await os.recv(b, chunk)) > 0;) total += count;
                 os.close(b);
                 const sent = Number(settled.slice('resolved '.length));
                 if (!(sent > 0 && sent < SIZE && total === sent + 4)) print(name, settled, total);
             }
         }
         print('done');",
        "done\n",
    );
}

#[test]
fn closing_during_every_pending_call_rejects_it() {
    script(
        "const outcomes = [];
         {
             const [l] = listener();
             const pending = fails(os.accept(l));
             os.close(l);
             outcomes.push(await pending);
         }
         for (const start of [
             (a, b) => os.recv(b, new Uint8Array(1)),
             (a, b) => os.recvfrom(b, new Uint8Array(1)),
             (a, b) => os.recv(b, new Uint8Array(9), {fully: true}),
             (a, b) => os.send(b, new Uint8Array(64 << 20), undefined, 0, true),
         ]) {
             const [a, b] = await pair();
             const pending = fails(start(a, b));
             os.close(b);
             outcomes.push(await pending);
             os.close(a);
         }
         print(outcomes.join());
         const [fd, to] = udp();
         const again = fails(os.recvfrom(fd, new Uint8Array(1)));
         os.close(fd);
         const reused = os.socket(os.AF_INET, os.SOCK_DGRAM);
         print(reused === fd, await again, await fails(os.recv(reused, new Uint8Array(1), {flags: os.MSG_DONTWAIT})));",
        "-125,-125,-125,-125,-125\ntrue -125 -11\n",
    );
}

#[test]
fn closing_rejects_connections_that_are_under_way_and_datagrams_that_have_no_room() {
    let directory = tempfile::tempdir().expect("a directory");
    let outcome = run_in(
        directory.path(),
        &format!(
            "import {{readable, writable, read}} from 'guestnet:io';
         {PRELUDE}
         const [l, addr] = listener();
         // Begun, and not waited for: no answer of the kernel has been looked at yet.
         const clients = Array.from({{length: 8}}, () => must(os.socket(os.AF_INET, os.SOCK_STREAM)));
         const outcomes = clients.map(fd => fails(os.connect(fd, addr)));
         clients.forEach(os.close);
         print((await Promise.all(outcomes)).join());

         const path = '/socket';
         const receiver = os.socket(os.AF_UNIX, os.SOCK_DGRAM), sender = os.socket(os.AF_UNIX, os.SOCK_DGRAM);
         must(os.bind(receiver, {{path}}));
         const datagram = new Uint8Array(1000);
         let waits = 0;
         const sends = [];
         for (let i = 0; i < 2000; i++) sends.push(fails(os.sendto(sender, {{path}}, datagram)));
         os.close(sender);
         const sent = await Promise.all(sends);
         const kinds = new Set(sent);
         print([...kinds].sort().join(), sent.indexOf(-125) > 0, sent.lastIndexOf('resolved 1000') < sent.indexOf(-125));

         const [a, b] = await pair();
         const waiting = [readable(a), read(a, new Uint8Array(1))].map(fails);
         await os.sleepAsync(0);
         os.close(a);
         print((await Promise.all(waiting)).map(error => error.code ?? error).join());
         print((await fails(writable(a))).code);"
        ),
    );
    assert_eq!(
        (outcome.out.as_str(), outcome.err.as_str()),
        (
            "-125,-125,-125,-125,-125,-125,-125,-125\n-125,resolved 1000 true true\nECANCELED,ECANCELED\nEBADF\n",
            ""
        )
    );
}

#[test]
fn a_number_that_is_used_again_has_nothing_of_what_was_there_before() {
    script(
        "const [x, to] = udp();
         const [y] = udp();
         let calls = 0;
         os.setReadHandler(x, () => calls++);
         await os.sendto(y, to, bytes('a'));
         os.close(x);
         const [z, there] = udp();
         print(z === x);
         await os.sendto(y, there, bytes('b'));
         await os.recvfrom(z, new Uint8Array(1));
         print(calls);",
        "true\n0\n",
    );
}

#[test]
fn five_thousand_descriptors_are_served() {
    allow_files(12_000);
    script(
        "const COUNT = 2500;
         const ends = [];
         for (let i = 0; i < COUNT; i++) ends.push(must(os.socketpair(os.AF_UNIX, os.SOCK_STREAM)));
         let got = 0;
         const all = ends.map(([a], i) => {
             const buffer = new Int32Array(1);
             return os.recv(a, buffer, {fully: true}).then(() => { if (buffer[0] === i) got++; });
         });
         for (let i = COUNT - 1; i >= 0; i--) os.send(ends[i][1], Int32Array.of(i));
         await Promise.all(all);
         print(got);
         let handled = 0;
         await new Promise(done => {
             ends.forEach(([a]) => os.setReadHandler(a, () => {
                 os.setReadHandler(a, null);
                 if (++handled === COUNT) done();
             }));
             ends.forEach(([, b]) => os.close(b));
         });
         print(handled);",
        "2500\n2500\n",
    );
}

#[test]
fn a_promise_that_is_never_settled_holds_nothing_up() {
    script("new Promise(() => {});", "");
    let outcome = run("await new Promise(() => {});");
    assert_eq!((outcome.end, outcome.out.as_str()), (End::Exit(13), ""));
    assert_eq!(
        outcome.err,
        "test.js: an await at the top level never ends: nothing is pending that could settle it\n"
    );
}

#[test]
fn an_exception_in_a_handler_is_printed_and_ends_the_script() {
    let outcome = run(&format!(
        "{PRELUDE}
         const [a, b] = await pair();
         os.setWriteHandler(a, () => {{ throw new TypeError('no'); }});
         os.setReadHandler(b, () => {{}});"
    ));
    assert_eq!(outcome.end, End::Exit(1));
    assert_eq!(outcome.out, "");
    assert!(
        outcome.err.starts_with("TypeError: no\n    at "),
        "{}",
        outcome.err
    );
}

#[test]
fn a_rejection_without_a_handler_ends_the_script() {
    let outcome = run(&format!(
        "{PRELUDE}os.recv(99, new Uint8Array(1)); os.setTimeout(() => print('never'), 0);"
    ));
    assert_eq!(outcome.end, End::Exit(1));
    assert_eq!(outcome.out, "");
    let errno = "Possibly unhandled promise rejection: EBADF (bad file descriptor), from os.recv at test.js:";
    assert!(outcome.err.starts_with(errno), "{}", outcome.err);
}

#[test]
fn a_script_that_prepares_stack_traces_gets_its_numbers_as_ever() {
    // Calls within the function, one that throws and one that makes no sense: no line is found then, and nothing else changes.
    for prepare in [
        "() => { throw 1; }",
        "() => 5",
        "() => ''",
        "() => { os.recv(99, new Uint8Array(1)).catch(() => {}); return null; }",
    ] {
        script(
            &format!(
                "Error.prepareStackTrace = {prepare};
                 const [a, b] = await pair();
                 const waits = os.recv(a, new Uint8Array(1));
                 await os.send(b, new Uint8Array(1));
                 print(await waits, await os.recv(99, new Uint8Array(1)).catch(errno => errno));
                 const closed = os.recv(a, new Uint8Array(1));
                 os.close(a);
                 print(await closed.catch(errno => errno));"
            ),
            "1 -9\n-125\n",
        );
    }
}

#[test]
fn an_error_at_the_top_is_printed_as_qjs_does() {
    let outcome = run("await 1;\nnull.x;");
    assert_eq!(outcome.end, End::Exit(1));
    assert!(
        outcome
            .err
            .starts_with("TypeError: cannot read property 'x' of null\n    at <anonymous> (test.js:2"),
        "{}",
        outcome.err
    );
    let outcome = run("let x = ;");
    assert_eq!(outcome.end, End::Exit(1));
    assert!(outcome.err.starts_with("SyntaxError: "), "{}", outcome.err);
    assert_eq!(run("throw 7").err, "7\n");
}

#[test]
fn wrong_types_are_type_errors_for_every_argument_of_every_call() {
    // Each call with each of its arguments replaced by each wrong value: it throws, or it fails, and nothing else.
    // Names are not looked up: none of them shall leave this machine.
    let mut policy = PolicyBuilder::new();
    policy.allow_net();
    policy.deny(Use::Resolve, "*").expect("a rule");
    let source =
        "const [fd, addr] = udp();
         const buffer = new Uint8Array(4);
         const calls = {
             socket: [os.AF_INET, os.SOCK_STREAM, 0],
             socketpair: [os.AF_UNIX, os.SOCK_STREAM],
             bind: [fd, addr], listen: [fd, 1], accept: [fd], connect: [fd, addr], shutdown: [fd, 0],
             getsockname: [fd], getpeername: [fd],
             getsockopt: [fd, os.SOL_SOCKET, os.SO_TYPE, buffer], setsockopt: [fd, os.SOL_SOCKET, os.SO_REUSEADDR, buffer],
             getaddrinfo: ['127.0.0.1', '1'], getaddrinfoAsync: ['127.0.0.1', '1'],
             recv: [fd, buffer, 1, os.MSG_DONTWAIT, false], recvfrom: [fd, buffer, 1, os.MSG_DONTWAIT],
             send: [fd, buffer, 1, 0, false], sendto: [fd, addr, buffer, 1, 0],
             setReadHandler: [fd, null], setWriteHandler: [fd, null],
             read: [fd, buffer.buffer, 0, 1], write: [fd, buffer.buffer, 0, 1], close: [-1],
         };
         const wrong = [undefined, null, true, NaN, Infinity, -1, 2 ** 40, 1.5, 10n, '', 'x', Symbol('s'), {}, [], () => 1,
             new Proxy({}, {get() { throw 'trap'; }}), Object.create(null), {valueOf() { throw 'valueOf'; }, toString() { throw 'toString'; }},
             new ArrayBuffer(0), new Date(), /x/, new Map(), Promise.resolve(), new Proxy([], {})];
         let count = 0, odd = [];
         for (const [name, args] of Object.entries(calls)) {
             for (let place = 0; place <= args.length; place++) {
                 for (const value of wrong) {
                     const list = [...args];
                     list[place] = value;
                     if (name === 'socket' || name === 'socketpair') {
                         try { const made = os[name](...list); if (Array.isArray(made)) made.forEach(os.close); else if (made >= 0) os.close(made); } catch (e) {
                             if (!(e instanceof TypeError)) odd.push(name + ' ' + String(e));
                         }
                         count++;
                         continue;
                     }
                     try {
                         const result = os[name](...list);
                         if (result instanceof Promise) result.catch(e => {
                             if (typeof e !== 'number' || e >= 0) odd.push(name + ' rejected ' + String(e));
                         });
                     } catch (e) {
                         if (!(e instanceof TypeError || e instanceof RangeError || e === 'trap')) odd.push(name + place + ' threw ' + String(e));
                     }
                     count++;
                 }
                 try { os[name](...args.slice(0, place))?.catch?.(() => 0); } catch (e) {
                     if (!(e instanceof TypeError || e instanceof RangeError)) odd.push(name + ' threw ' + String(e));
                 }
             }
         }
         os.setReadHandler(fd, null);
         os.setWriteHandler(fd, null);
         os.close(fd);
         print(count > 1500, odd.join('; '));
         await os.sleepAsync(1);
         print(odd.join('; '));";
    let outcome = run_under(policy.build(), &format!("{PRELUDE}{source}"), |_| ());
    assert_eq!(
        (outcome.out.as_str(), outcome.err.as_str(), outcome.end),
        ("true \n\n", "", End::Exit(0))
    );
}

#[test]
fn arguments_are_read_once_and_a_getter_that_closes_the_descriptor_changes_nothing_else() {
    script(
        "const [fd] = udp();
         const [other, to] = udp();
         const reads = {};
         const addr = new Proxy(to, {get(target, key) { reads[key] = (reads[key] ?? 0) + 1; return target[key]; }});
         print(await os.sendto(fd, addr, bytes('x')), JSON.stringify(reads));
         const closing = {family: os.AF_INET, addr: '127.0.0.1', get port() { os.close(fd); return to.port; }};
         print(await fails(os.sendto(fd, closing, bytes('x'))));
         const options = {get length() { throw new Error('a getter'); }};
         try { os.recv(other, new Uint8Array(1), options); } catch (e) { print(e.message); }",
        "1 {\"family\":1,\"port\":1,\"addr\":1}\n-9\na getter\n",
    );
}

#[test]
fn changed_prototypes_change_nothing() {
    script(
        "const [fd, to] = udp();
         const [other] = udp();
         let setters = 0;
         for (const name of ['family', 'port', 'addr', 'path', '0', '1'])
             for (const prototype of [Object.prototype, Array.prototype])
                 Object.defineProperty(prototype, name, {set() { setters++; }, get() { return 'changed'; }, configurable: true});
         Object.defineProperty(Object.getPrototypeOf(Uint8Array.prototype), 'byteLength', {get() { return 1e9; }});
         Object.defineProperty(DataView.prototype, 'byteOffset', {get() { return -5; }});
         const buffer = new DataView(new ArrayBuffer(8), 4);
         const sent = os.sendto(other, {__proto__: null, family: os.AF_INET, port: to.port, addr: '127.0.0.1'}, new Uint8Array([104, 105]));
         await sent;
         const result = await os.recvfrom(fd, buffer);
         const own = Object.getOwnPropertyDescriptor(result, '0').value;
         const from = Object.getOwnPropertyDescriptor(result, '1').value;
         print(own, Object.keys(from).join(), buffer.getUint8(0), buffer.getUint8(1), setters);",
        "2 family,port,addr 104 105 0\n",
    );
}

#[test]
fn what_a_changed_prototype_says_of_options_is_judged_as_if_it_were_said_there() {
    script(
        "const [fd, to] = udp();
         const [other] = udp();
         const buffer = new Uint8Array(4);
         const said = (name, value, call) => {
             Object.prototype[name] = value;
             try { return call(); } catch (error) { return error.name; } finally { delete Object.prototype[name]; }
         };
         const wrong = [-1, 1.5, 'x', NaN, {}, null, Symbol('s'), 10n];
         for (const name of ['length', 'offset', 'flags', 'fully'])
             for (const value of wrong) {
                 const result = said(name, value, () => os.recv(fd, buffer, {}));
                 if (result instanceof Promise) print(name, String(value), await fails(result));
                 else if (result !== 'TypeError') print(name, String(value), result);
             }
         for (const name of ['family', 'port', 'addr', 'path', 'scope'])
             for (const value of wrong) {
                 const addr = {family: os.AF_INET, port: to.port, addr: '127.0.0.1'};
                 delete addr[name];
                 const result = said(name, value, () => os.sendto(other, addr, buffer, 1));
                 if (result instanceof Promise) await fails(result);
                 else if (result !== 'TypeError') print(name, String(value), result);
             }
         print(await said('length', 2, () => os.sendto(other, to, buffer, {})));",
        "flags -1 -22\n2\n",
    );
}

#[test]
fn a_then_on_the_prototype_runs_and_may_close_everything() {
    script(
        "const [a, b] = await pair();
         const [c, d] = await pair();
         let thens = 0;
         const one = os.recvfrom(b, new Uint8Array(1)), two = os.recvfrom(d, new Uint8Array(1));
         os.send(a, bytes('x'));
         os.send(c, bytes('x'));
         Object.defineProperty(Array.prototype, 'then', {get() { if (!thens++) { os.close(b); os.close(d); } }, configurable: true});
         const outcomes = [];
         await new Promise(done => {
             const finish = () => { if (outcomes.length === 2) done(); };
             one.then(r => { outcomes.push(r[0]); finish(); }, e => { outcomes.push(e); finish(); });
             two.then(r => { outcomes.push(r[0]); finish(); }, e => { outcomes.push(e); finish(); });
         });
         delete Array.prototype.then;
         print(outcomes.join());",
        "1,-125\n",
    );
}

#[test]
fn random_calls_in_any_order_do_no_harm() {
    let source = include_str!("../js/socket_random.js");
    for seed in 1..=8 {
        let outcome = run(&format!(
            "import * as std from 'std'; {PRELUDE} const seed = {seed};\n{source}"
        ));
        assert_eq!(
            (outcome.out.as_str(), outcome.err.as_str(), outcome.end),
            ("true true\n", "", End::Exit(0)),
            "seed {seed}"
        );
    }
}

#[test]
fn memory_is_limited() {
    let outcome = run_with(
        "const all = []; for (;;) all.push(new Uint8Array(1 << 20));",
        |builder| {
            builder.memory(64 << 20);
        },
    );
    assert_eq!(outcome.end, End::Exit(1));
    assert!(outcome.err.contains("out of memory"), "{}", outcome.err);
}

#[test]
fn a_stack_that_overflows_is_an_error() {
    let outcome = run("const f = () => f() + 1; try { f(); } catch (e) { print(e.name); }");
    assert_eq!(
        (outcome.end, outcome.out.as_str()),
        (End::Exit(0), "RangeError\n")
    );
}

#[test]
fn a_script_that_computes_is_stopped_by_its_flag() {
    let outcome = run_with("try { for (;;); } finally { print('seen'); }", |builder| {
        builder
            .stop_flag()
            .store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(
        (outcome.end, outcome.out.as_str(), outcome.err.as_str()),
        (End::Stop, "", "")
    );
}

#[test]
fn the_policy_is_asked_for_every_call() {
    let outcome = run_under(
        Policy::deny_all(),
        &format!(
            "{PRELUDE}
         const to = {{family: os.AF_INET, addr: '127.0.0.1', port: 9}};
         const stream = os.socket(os.AF_INET, os.SOCK_STREAM), datagram = os.socket(os.AF_INET, os.SOCK_DGRAM);
         print(os.bind(stream, any), os.listen(stream), await fails(os.connect(stream, to)));
         print(await fails(os.sendto(datagram, to, bytes('x'))), await fails(os.connect(datagram, to)));
         print(os.getaddrinfo('example.org', '80') === os.EAI_FAIL, await fails(os.getaddrinfoAsync('example.org', '80')) === os.EAI_FAIL);"
        ),
        |_| (),
    );
    assert_eq!(outcome.out, "-13 -13 -13\n-13 -13\ntrue true\n");
    assert_eq!(outcome.end, End::Exit(0), "{}", outcome.err);
}
