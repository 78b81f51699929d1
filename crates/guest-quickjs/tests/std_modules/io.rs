//! `guestnet:io` on descriptors that are no sockets.

use crate::harness::Run;

#[test]
fn a_read_of_a_pipe_ends_when_the_pipe_is_closed() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            import { read } from "guestnet:io";
            const [from] = os.pipe();
            const reading = read(from, new Uint8Array(4)).catch(error => error.code);
            os.setTimeout(() => os.close(from), 0);
            print(await reading);
            "#,
        )
        .expect("ECANCELED\n");
}

#[test]
fn each_reader_of_a_pipe_gets_its_turn() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            import { read } from "guestnet:io";
            const [from, to] = os.pipe();
            const both = [0, 1].map(() => read(from, new Uint8Array(4)));
            os.setTimeout(() => os.write(to, new Uint8Array(3)), 0);
            print(await both[0]);
            os.write(to, new Uint8Array(2));
            print(await both[1]);
            "#,
        )
        .expect("3\n2\n");
}
