//! The modules that guestnet ships, over sockets of the loopback.

use crate::harness::Run;

#[test]
fn the_shipped_modules_do_what_they_say() {
    Run::new().file("std_http.js").expect("ok\n");
}
