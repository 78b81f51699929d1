//! A receive that waits in the host's own call, for an adapter whose waiting is done elsewhere.

use std::io::IoSliceMut;

use super::metered;
use super::state::Socket;
use super::transfer::recv_once;
use crate::addr::Kind;
use crate::errno::Result;
use crate::fd::{Slots, Target};
use crate::guest::{Call, GuestThread};
use crate::host::{Host, RecvFlags, RecvMeta};
use crate::open_file::OpenFile;

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// recv(2) on a stream that waits as long as it takes, whatever the descriptor's mode and its `SO_RCVTIMEO`: for an adapter that
    /// polls, and at the moment has nothing else to poll for. It is one system call, where a poll and a receive are two.
    ///
    /// `None`: nothing was done, and the adapter polls. The host cannot wait so ([`Host::waiting`]), it is not a stream, a limit counts its
    /// bytes, `SO_RCVLOWAT` or a flag asks for more than what is there, or descriptors are under way to it.
    ///
    /// # Errors
    /// Those of [`GuestThread::recv`]; `EAGAIN`: the guest was stopped, which the adapter's next poll says.
    pub fn recv_in_call(
        &mut self,
        fd: impl Target<T::Pin>,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Option<Result<RecvMeta>> {
        let received = self.with_socket(fd, |call, socket| Ok(call.recv_in_call(socket, bufs, flags)));
        let result = received.unwrap_or_else(|errno| Some(Err(errno)))?;
        self.trace_recv(fd, &result, flags);
        Some(result)
    }
}

impl<H: Host, F> Call<'_, H, F> {
    fn recv_in_call(
        &mut self,
        socket: &Socket<H::Io>,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Option<Result<RecvMeta>> {
        let all = socket.low_water.get() > 1 || flags.intersects(RecvFlags::WAITALL | RecvFlags::OOB);
        let counted = metered::counts(self.meter, socket);
        if socket.kind != Kind::Stream || all || counted || self.brings_rights(socket) {
            return None;
        }
        let meter = self.meter;
        let received = self.host.waiting(&socket.io, |host| {
            recv_once(host, meter, socket, bufs, flags - RecvFlags::DONTWAIT, true)
        })?;
        Some(received.inspect(|received| self.count_received(socket, *received, flags)))
    }
}
