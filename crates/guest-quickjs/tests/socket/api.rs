//! The socket API of `os`, on the kernel's sockets.

use crate::support::{self, PRELUDE, prints, script};

#[test]
fn a_script_prints() {
    prints("print('hello', 1 + 1)", "hello 2\n");
}

#[test]
fn a_connection_carries_bytes_both_ways() {
    script(
        "const [a, b] = await pair();
         print(await os.send(a, bytes('ping')));
         const buffer = new ArrayBuffer(16);
         print(await os.recv(b, buffer), text(buffer, 4));
         print(await os.send(b, bytes('pong').buffer, 2));
         print(await os.recv(a, buffer), text(buffer, 2));
         os.close(a);
         print(await os.recv(b, buffer));
         os.close(b);",
        "4\n4 ping\n2\n2 po\n0\n",
    );
}

#[test]
fn receives_that_wait_are_answered_in_the_order_of_the_calls() {
    script(
        "const [a, b] = await pair();
         const got = [];
         const all = [];
         for (let i = 0; i < 8; i++) {
             const buffer = new Uint8Array(1);
             all.push(os.recv(b, buffer).then(() => got.push(buffer[0])));
         }
         await os.send(a, Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7));
         await Promise.all(all);
         print(got.join());",
        "0,1,2,3,4,5,6,7\n",
    );
}

#[test]
fn closing_rejects_what_is_pending() {
    script(
        "const [a, b] = await pair();
         const pending = [os.recv(b, new Uint8Array(1)), os.recv(b, new Uint8Array(1))];
         const [l] = listener();
         pending.push(os.accept(l));
         const outcomes = Promise.all(pending.map(fails));
         print(os.close(b), os.close(l));
         print((await outcomes).join());
         print(await fails(os.recv(b, new Uint8Array(1))));
         print(os.close(b));",
        "0 0\n-125,-125,-125\n-9\n-9\n",
    );
}

#[test]
fn datagrams_have_senders_and_both_orders_of_arguments() {
    script(
        "const [a, from] = udp();
         const [b, to] = udp();
         print(await os.sendto(a, bytes('hello'), 4, to));
         print(await os.sendto(a, to, bytes('world'), 3));
         print(await os.sendto(a, bytes('whole'), to));
         const buffer = new Uint8Array(100);
         for (let i = 0; i < 3; i++) {
             const [count, addr] = await os.recvfrom(b, buffer);
             print(count, text(buffer, count), addr.port === from.port, addr.addr, addr.family === os.AF_INET);
         }",
        "4\n3\n5\n4 hell true 127.0.0.1 true\n3 wor true 127.0.0.1 true\n5 whole true 127.0.0.1 true\n",
    );
}

#[test]
fn fully_loops_over_short_transfers() {
    script(
        "const [a, b] = await pair();
         const size = 4 << 20;
         const sent = os.send(a, new Uint8Array(size).fill(7), undefined, 0, true);
         const buffer = new Uint8Array(size);
         print(await os.recv(b, buffer, {fully: true}), await sent, buffer.every(x => x === 7));
         const rest = os.recv(b, buffer, undefined, 0, true);
         await os.send(a, bytes('abc'));
         os.close(a);
         print(await rest);",
        "4194304 4194304 true\n3\n",
    );
}

#[test]
fn refused_connections_reject_and_the_socket_can_be_used_again() {
    script(
        "const [l, addr] = listener();
         os.close(l);
         const fd = must(os.socket(os.AF_INET, os.SOCK_STREAM));
         print(await fails(os.connect(fd, addr)));
         const [l2, addr2] = listener();
         print(await os.connect(fd, addr2));
         print(await fails(os.connect(fd, addr2)));",
        "-111\n0\n-106\n",
    );
}

#[test]
fn handlers_are_called_while_there_is_something_to_read() {
    script(
        "const [a, b] = await pair();
         await os.send(a, bytes('abc'));
         const buffer = new Uint8Array(1);
         let calls = '';
         os.setReadHandler(b, () => {
             const count = os.read(b, buffer.buffer, 0, 1);
             if (count === 0) {
                 print(calls);
                 os.setReadHandler(b, null);
                 return;
             }
             calls += text(buffer, 1);
             if (calls === 'abc') os.close(a);
         });",
        "abc\n",
    );
}

#[test]
fn a_descriptor_that_is_always_writable_starves_no_other() {
    script(
        "const [a, b] = await pair();
         let writes = 0;
         os.setWriteHandler(a, () => { writes++; });
         const [x, to] = udp();
         os.setReadHandler(x, () => {
             os.setReadHandler(x, null);
             os.setWriteHandler(a, null);
             print('quiet one served', writes > 0);
         });
         os.setWriteHandler(b, () => { os.setWriteHandler(b, null); os.sendto(x, to, bytes('x')); });",
        "quiet one served true\n",
    );
}

#[test]
fn names_are_looked_up_with_and_without_holding_the_loop() {
    script(
        "const one = os.getaddrinfo('127.0.0.1', '80');
         print(one.map(a => [a.family, a.port, a.addr, a.socktype].join(' ')).join());
         const two = await os.getaddrinfoAsync('::1', {service: 443, socktype: os.SOCK_STREAM});
         print(two.map(a => [a.family, a.port, a.addr, a.socktype].join(' ')).join());
         print(os.getaddrinfo('not a name', '80') === os.EAI_NONAME);
         print(await fails(os.getaddrinfoAsync('127.0.0.1', 'nonsense-service')) === os.EAI_SERVICE);
         print(os.getaddrinfo('127.0.0.1', {family: os.AF_UNIX}) === os.EAI_FAMILY);",
        "2 80 127.0.0.1 1,2 80 127.0.0.1 2\n10 443 ::1 1\ntrue\ntrue\ntrue\n",
    );
}

#[test]
fn options_have_levels_and_values() {
    script(
        "const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
         const value = new Int32Array(1);
         print(os.getsockopt(fd, os.SO_TYPE, value.buffer), value[0]);
         print(os.setsockopt(fd, os.SO_REUSEADDR, Int32Array.of(1).buffer));
         print(os.getsockopt(fd, os.SO_REUSEADDR, value), value[0]);
         print(os.setsockopt(fd, os.IPPROTO_TCP, os.TCP_NODELAY, Int32Array.of(1)));
         print(os.getsockopt(fd, os.IPPROTO_TCP, os.TCP_NODELAY, value), value[0]);
         print(os.setsockopt(fd, os.IPPROTO_TCP, os.TCP_KEEPCNT, 5), os.getsockopt(fd, os.IPPROTO_TCP, os.TCP_KEEPCNT, value), value[0]);
         print(os.setsockopt(fd, 1234, value), os.getsockopt(99, os.SO_TYPE, value));
         print(os.setsockopt(fd, os.SO_TYPE, value));",
        "0 1\n0\n0 1\n0\n0 1\n0 0 5\n-92 -9\n-92\n",
    );
}

#[test]
fn fully_means_nothing_for_datagrams_and_for_a_peek() {
    script(
        "const [a, to] = udp();
         const [b] = udp();
         const buffer = new Uint8Array(8);
         const one = os.recv(a, buffer, {fully: true});
         await os.sendto(b, to, bytes('abc'));
         print(await one);
         const [c, d] = await pair();
         await os.send(c, bytes('xyz'));
         print(await os.recv(d, buffer, {flags: os.MSG_PEEK, fully: true}), text(buffer, 3));",
        "3\n3 xyz\n",
    );
}

#[test]
fn a_call_that_must_not_wait_does_not_wait_for_those_before_it() {
    script(
        "const [a, b] = await pair();
         const buffer = new Uint8Array(4);
         const first = os.recv(b, buffer);
         print(await fails(os.recv(b, new Uint8Array(4), undefined, os.MSG_DONTWAIT)));
         await os.send(a, bytes('x'));
         print(await first);",
        "-11\n1\n",
    );
}

#[test]
fn a_full_backlog_of_a_unix_listener_is_waited_for() {
    // poll(2) calls such a socket writable, so that only trying again helps.
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_owned();
    let outcome = support::run_in(
        &path,
        &format!(
            "{PRELUDE}
         const addr = {{family: os.AF_UNIX, path: '/socket'}};
         const l = os.socket(os.AF_UNIX, os.SOCK_STREAM);
         must(os.bind(l, addr));
         must(os.listen(l, 0));
         const clients = [];
         for (let i = 0; i < 4; i++) {{
             const fd = os.socket(os.AF_UNIX, os.SOCK_STREAM);
             clients.push(os.connect(fd, addr));
         }}
         for (let i = 0; i < 4; i++) await os.accept(l);
         print((await Promise.all(clients)).join());"
        ),
    );
    assert_eq!((outcome.out.as_str(), outcome.err.as_str()), ("0,0,0,0\n", ""));
}

#[test]
fn a_relative_unix_path_counts_from_the_directory_of_the_script() {
    let directory = tempfile::tempdir().expect("a directory");
    let source = format!(
        "{PRELUDE}
         must(os.mkdir('/inner'));
         must(os.chdir('inner'));
         const fd = os.socket(os.AF_UNIX, os.SOCK_STREAM);
         must(os.bind(fd, {{path: 'socket'}}));
         print(os.stat('/inner/socket')[1], os.bind(fd, {{path: ''}}) < 0);"
    );
    let outcome = support::run_in(directory.path(), &source);
    assert_eq!((outcome.out.as_str(), outcome.err.as_str()), ("0 true\n", ""));
}

/// As the examples of bellard/quickjs#405 make them: a service as text, flags and lengths left out, whole buffers, addresses as
/// they were returned.
#[test]
fn calls_with_the_omissions_of_the_proposals_examples_are_understood() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("page"), "x".repeat(5000)).expect("a file");
    let source = "
        import * as os from 'os';
        import * as std from 'std';
        const must = result => { if (typeof result === 'number' && result < 0) throw new Error(std.strerror(-result)); return result; };
        const bytes = text => Uint8Array.from(text, letter => letter.charCodeAt(0)).buffer;
        const [ai] = must(os.getaddrinfo('127.0.0.1', {service: '0'}));
        const server = must(os.socket(os.AF_INET, os.SOCK_STREAM));
        must(os.setsockopt(server, os.SO_REUSEADDR, new Uint32Array([1]).buffer));
        must(os.bind(server, ai));
        must(os.listen(server));
        const serve = async () => {
            const [fd, peer] = await os.accept(server);
            // What accept returns is an address for every call.
            print(os.bind(os.socket(peer.family, os.SOCK_DGRAM), peer));
            const letter = new Uint8Array(1);
            let path = '';
            while (await os.recv(fd, letter.buffer) > 0 && letter[0] !== 10) path += String.fromCharCode(...letter);
            const file = must(os.open(path));
            const piece = new Uint8Array(4096);
            for (let got = 0; (got = os.read(file, piece.buffer, 0, piece.byteLength)) > 0;) await os.send(fd, piece.buffer, got);
            os.close(fd);
        };
        const served = serve();
        const [addr] = must(os.getaddrinfo('127.0.0.1', {service: String(os.getsockname(server).port)}));
        const fd = must(os.socket(addr.family, addr.socktype));
        await os.connect(fd, addr);
        must(await os.send(fd, bytes('./page\\n')) > 0);
        const chunk = new Uint8Array(512);
        let count = 0;
        for (let got; (got = await os.recv(fd, chunk.buffer)) > 0;) count += got;
        await served;
        print(count, chunk[0]);
        try { os.bind(server, undefined); } catch (error) { print(error.name); }
    ";
    let outcome = support::run_in(directory.path(), source);
    assert_eq!(
        (outcome.out.as_str(), outcome.err.as_str()),
        ("0\n5000 120\nTypeError\n", "")
    );
}

#[test]
fn addresses_have_scopes_and_wrong_ones_say_what_is_wrong() {
    script(
        "const fd = os.socket(os.AF_INET6, os.SOCK_DGRAM);
         print(os.bind(fd, {addr: '::1', port: 0, scope: 1}), os.getsockname(fd).scope);
         const said = addr => { try { return os.bind(fd, addr); } catch (e) { return e.name + ': ' + e.message; } };
         print(said('::1'));
         print(said({addr: '127.0.0.1', port: 1}));
         print(said({addr: 'localhost', port: 1}));
         print(said({addr: '::1', port: 65536}));
         print(said({}));
         print(said({address: '::1', port: 1}));
         print(said({family: os.AF_INET, port: 1}));
         print(said({family: os.AF_UNIX}));
         try { await os.connect(fd, {host: '::1', port: 1}); } catch (e) { print(e.name + ': ' + e.message); }
         print(said({family: 77}));
         print(said({family: os.AF_UNIX, path: 5}));
         print(os.bind(os.socket(os.AF_INET, os.SOCK_DGRAM), {family: os.AF_INET6, addr: '::1', port: 0}));",
        "0 undefined
TypeError: the address must be an object {family, port, addr}
TypeError: the address's addr is not an IPv6 address: 127.0.0.1
TypeError: the address's addr is not an IPv6 address: localhost
TypeError: the address's port must be from 0 to 65535
TypeError: the address has no addr
TypeError: the address has no addr
TypeError: the address has no addr
TypeError: the address's path must be a string
TypeError: the address has no addr
TypeError: the address's family must be AF_INET, AF_INET6, AF_UNIX or AF_UNSPEC
TypeError: the address's path must be a string
-97
",
    );
}
