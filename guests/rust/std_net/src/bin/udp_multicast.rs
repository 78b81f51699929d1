//! Groups: options, joining and leaving, and a datagram that a member receives.

use std::io;

use std_net::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std_net::show;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
const GROUP_6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 9);

fn main() -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let here = Ipv4Addr::LOCALHOST;
    show("loop", socket.multicast_loop_v4());
    show(
        "switched off",
        socket
            .set_multicast_loop_v4(false)
            .and_then(|()| socket.multicast_loop_v4()),
    );
    show(
        "and on",
        socket
            .set_multicast_loop_v4(true)
            .and_then(|()| socket.multicast_loop_v4()),
    );
    show("ttl", socket.multicast_ttl_v4());
    show(
        "another",
        socket
            .set_multicast_ttl_v4(5)
            .and_then(|()| socket.multicast_ttl_v4()),
    );
    show("join", socket.join_multicast_v4(&GROUP, &here));
    show("again", socket.join_multicast_v4(&GROUP, &here));
    show("no group", socket.join_multicast_v4(&here, &here));
    show("leave", socket.leave_multicast_v4(&GROUP, &here));
    show("again", socket.leave_multicast_v4(&GROUP, &here));
    show(
        "a member receives",
        socket.join_multicast_v4(&GROUP, &here).and_then(|()| {
            // The interface is that of the sender's own address.
            let sender = UdpSocket::bind((here, 0))?;
            sender.send_to(b"to the group", (GROUP, socket.local_addr()?.port()))?;
            let (len, from) = socket.recv_from(&mut [0; 32])?;
            Ok((len, from == sender.local_addr()?))
        }),
    );
    let six = UdpSocket::bind("[::]:0")?;
    show("loop of IPv6", six.multicast_loop_v6());
    show(
        "switched off",
        six.set_multicast_loop_v6(false)
            .and_then(|()| six.multicast_loop_v6()),
    );
    show("no group", six.join_multicast_v6(&Ipv6Addr::LOCALHOST, 0));
    show("leave what was not joined", six.leave_multicast_v6(&GROUP_6, 1));
    Ok(())
}
