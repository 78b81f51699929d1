//! `signal` of calls that wait: an `AbortSignal` ends them.

use std::net::UdpSocket;

use guestnet_host_os::Upstream;

use crate::support::{PRELUDE, run_on, run_with, script};

#[test]
fn a_signal_ends_every_call_that_waits_with_its_reason() {
    script(
        "const [l] = listener();
         // Of UNIX sockets, which make no room by themselves.
         const [a, b] = must(os.socketpair(os.AF_UNIX, os.SOCK_STREAM));
         const [x, to] = udp();
         const chunk = new Uint8Array(1 << 20);
         while (await os.send(a, chunk, {flags: os.MSG_DONTWAIT}).catch(() => 0) > 0);
         const begin = {
             accept: signal => os.accept(l, {signal}),
             recv: signal => os.recv(a, new Uint8Array(1), {signal}),
             'recv behind the flags': signal => os.recv(a, new Uint8Array(1), 1, 0, {signal}),
             recvfrom: signal => os.recvfrom(x, new Uint8Array(1), {signal}),
             send: signal => os.send(a, chunk, {signal}),
             fully: signal => os.recv(a, chunk, {fully: true, signal}),
         };
         for (const [name, call] of Object.entries(begin)) {
             const controller = new AbortController();
             const waits = fails(call(controller.signal));
             await os.sleepAsync(0);
             controller.abort();
             const late = fails(call(controller.signal));
             const own = new AbortController();
             const second = fails(call(own.signal));
             own.abort(name);
             const [error, same] = [await waits, await late];
             print(error instanceof DOMException, error.name, error === same, await second);
         }
         // Nothing of them is left in the way.
         os.send(b, bytes('still there'));
         const buffer = new Uint8Array(16);
         print(text(buffer, await os.recv(a, buffer)));",
        &format!(
            "{}still there\n",
            [
                "accept",
                "recv",
                "recv behind the flags",
                "recvfrom",
                "send",
                "fully"
            ]
            .map(|name| format!("true AbortError true {name}\n"))
            .concat()
        ),
    );
}

#[test]
fn a_signal_that_is_aborted_already_lets_nothing_be_tried() {
    script(
        "const [a, b] = await pair();
         await os.send(a, bytes('abc'));
         const signal = AbortSignal.abort('no');
         const [x, to] = udp();
         const [y] = udp();
         print(await fails(os.recv(b, new Uint8Array(3), {signal})));
         print(await fails(os.send(b, bytes('x'), {signal})));
         print(await fails(os.sendto(y, to, bytes('x'), {signal})));
         print(await fails(os.sendto(y, bytes('x'), 1, to, {signal})));
         print(await fails(os.connect(os.socket(os.AF_INET, os.SOCK_STREAM), to, {signal})));
         print(await fails(os.accept(99, {signal})));
         print(await fails(os.getaddrinfoAsync('127.0.0.1', {service: 1, signal})));
         const buffer = new Uint8Array(4);
         print(await os.recv(b, buffer, {signal: null}), text(buffer, 3));
         print(await fails(os.recv(a, buffer, {flags: os.MSG_DONTWAIT})), await fails(os.recv(x, buffer, {flags: os.MSG_DONTWAIT})));
         for (const signal of [{}, 1, 'x', new AbortController(), new Proxy(AbortSignal.abort(), {}), Object.create(AbortSignal.prototype)]) {
             try { os.recv(b, buffer, {signal}); } catch (error) { print(error.name + ': ' + error.message); }
         }
         for (const options of [1, 'x', true]) {
             try { os.accept(b, options); } catch (error) { print(error.name + ': ' + error.message); }
         }",
        &format!(
            "{}3 abc\n-11 -11\n{}{}",
            "no\n".repeat(7),
            "TypeError: the signal must be an AbortSignal\n".repeat(6),
            "TypeError: the options must be an object\n".repeat(3)
        ),
    );
}

#[test]
fn without_a_class_that_was_ever_used_nothing_is_a_signal() {
    script(
        "try { os.accept(0, {signal: {aborted: true}}); } catch (error) { print(error.name + ': ' + error.message); }",
        "TypeError: the signal must be an AbortSignal\n",
    );
}

#[test]
fn bytes_that_were_moved_are_the_result_and_none_is_lost() {
    script(
        "const [a, b] = await pair();
         const controller = new AbortController();
         const {signal} = controller;
         const buffer = new Uint8Array(8);
         const whole = os.recv(b, buffer, {fully: true, signal});
         const behind = fails(os.recv(b, new Uint8Array(8), {fully: true, signal}));
         await os.send(a, bytes('abc'));
         while (buffer[2] === 0) await os.sleepAsync(0);
         controller.abort('enough');
         // What comes now is the next call's.
         await os.send(a, bytes('def'));
         print(await whole, text(buffer, 3), await behind);
         print(await os.recv(b, buffer), text(buffer, 3));
         const sending = new AbortController();
         const large = new Uint8Array(64 << 20).fill(7);
         const sent = os.send(a, large, {fully: true, signal: sending.signal});
         await os.sleepAsync(0);
         sending.abort();
         const count = await sent;
         os.close(a);
         let got = 0;
         for (let more; (more = await os.recv(b, large)) > 0;) got += more;
         print(count > 0 && count < large.length, got === count);",
        "3 abc enough\n3 def\ntrue true\n",
    );
}

#[test]
fn a_call_in_the_middle_of_a_queue_ends_and_the_others_keep_their_order() {
    script(
        "const [a, b] = await pair();
         const controllers = Array.from({length: 6}, () => new AbortController());
         const got = controllers.map(async ({signal}) => {
             const buffer = new Uint8Array(1);
             return fails(os.recv(b, buffer, {signal}).then(() => text(buffer, 1)));
         });
         for (const index of [3, 0, 5]) controllers[index].abort(index);
         await os.send(a, bytes('xyz'));
         print((await Promise.all(got)).join());
         // Those that have ended have nothing to do with it any more.
         const pending = fails(os.recv(b, new Uint8Array(1)));
         controllers.forEach(controller => controller.abort('late'));
         os.close(b);
         print(await pending);",
        "0,resolved x,resolved y,3,resolved z,5\n-125\n",
    );
}

#[test]
fn signals_of_time_and_of_others_end_calls() {
    script(
        "const [l] = listener();
         print((await fails(os.accept(l, {signal: AbortSignal.timeout(1)}))).name);
         const controller = new AbortController();
         const both = fails(os.accept(l, {signal: AbortSignal.any([controller.signal, AbortSignal.timeout(1e9)])}));
         controller.signal.addEventListener('abort', () => print('event'));
         controller.abort('any');
         print(await both);
         // A listener may close, and begin anew.
         const again = new AbortController();
         again.signal.onabort = () => { os.close(l); print(os.close(l)); };
         const ended = fails(os.accept(l, {signal: again.signal})), other = fails(os.accept(l));
         again.abort('first');
         print(await ended, await other);",
        "TimeoutError\nevent\nany\n-9\nfirst -125\n",
    );
}

#[test]
fn a_signal_that_is_aborted_while_the_call_begins_ends_it() {
    script(
        "const [a, b] = await pair();
         const controller = new AbortController();
         const {signal} = controller;
         Error.prepareStackTrace = () => { controller.abort('meanwhile'); };
         const waits = fails(os.recv(b, new Uint8Array(1), {signal}));
         Error.prepareStackTrace = undefined;
         print(await waits);
         const buffer = new Uint8Array(1);
         await os.send(a, bytes('x'));
         print(await os.recv(b, buffer), text(buffer, 1));
         // Bytes that the first try has moved are not lost.
         await os.send(a, bytes('begun'));
         const more = new AbortController();
         const whole = new Uint8Array(8);
         Error.prepareStackTrace = () => { more.abort('too late'); };
         const begun = fails(os.recv(b, whole, {fully: true, signal: more.signal}));
         Error.prepareStackTrace = undefined;
         print(await begun, text(whole, 5));
         // An option's getter is code of the script too.
         const other = new AbortController();
         const late = {signal: other.signal, get length() { other.abort('early'); return 1; }};
         await os.send(a, bytes('y'));
         print(await fails(os.recv(b, buffer, late)), await os.recv(b, buffer), text(buffer, 1));",
        "meanwhile\n1 x\nresolved 5 begun\nearly 1 y\n",
    );
}

/// A signal that is used for all calls of a server.
#[test]
fn a_signal_keeps_nothing_of_the_calls_that_have_ended() {
    let outcome = run_with(
        &format!(
            "{PRELUDE}
             const {{signal}} = new AbortController();
             const buffer = new Uint8Array(1);
             let count = 0;
             for (let round = 0; round < 400; round++) {{
                 const [a, b] = must(os.socketpair(os.AF_UNIX, os.SOCK_STREAM));
                 const all = [];
                 for (let i = 0; i < 100; i++) all.push(os.recv(b, buffer, {{signal}}), fails(os.recv(a, buffer, {{signal}})));
                 for (let i = 0; i < 100; i++) os.send(a, buffer);
                 await os.sleepAsync(0);
                 os.close(a);
                 count += (await Promise.all(all)).length;
                 os.close(b);
             }}
             print(count);"
        ),
        |builder| {
            builder.memory(7 << 19);
        },
    );
    assert_eq!((outcome.out.as_str(), outcome.err.as_str()), ("80000\n", ""));
}

/// A name server that never answers.
#[test]
fn a_signal_ends_a_look_up() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let outcome = run_on(
        |host| host.set_upstream(&Upstream::Servers(vec![address])).unwrap(),
        &format!(
            "{PRELUDE}
             const controller = new AbortController();
             const {{signal}} = controller;
             const waits = fails(os.getaddrinfoAsync('example.test', {{service: 80, signal}}));
             await os.sleepAsync(0);
             controller.abort('enough');
             print(await waits);
             const found = await os.getaddrinfoAsync('127.0.0.1', {{service: 80, signal: new AbortController().signal}});
             print(found[0].addr);"
        ),
    );
    assert_eq!(
        (outcome.out.as_str(), outcome.err.as_str()),
        ("enough\n127.0.0.1\n", "")
    );
}
