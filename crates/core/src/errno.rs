//! [`Errno`]: the error numbers of POSIX and Linux, by name and without any ABI's numbering.
//!
//! Not here: the numbers. Each host converts from its kernel's, each adapter to its guest's (`abi.rs`, `convert.rs`).

/// Declares the enum, its names and its messages from one list, so that they cannot drift apart.
macro_rules! errnos {
    ($($variant:ident $name:literal $message:literal,)*) => {
        /// An error of a socket call: one of errno(3)'s names.
        ///
        /// The type has no numeric value: an ABI's numbers belong to its adapter.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Errno {
            $(#[doc = concat!("`", $name, "`: ", $message, ".")] $variant,)*
        }

        impl Errno {
            /// Every value, in declaration order.
            pub const ALL: &'static [Errno] = &[$(Errno::$variant,)*];

            /// The name as errno(3) spells it, such as `"ECONNREFUSED"`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Errno::$variant => $name,)* }
            }

            /// The message that strerror(3) gives in the C locale.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Errno::$variant => $message,)* }
            }
        }
    };
}

errnos! {
    Perm "EPERM" "Operation not permitted",
    Noent "ENOENT" "No such file or directory",
    Srch "ESRCH" "No such process",
    Intr "EINTR" "Interrupted system call",
    Io "EIO" "Input/output error",
    Nxio "ENXIO" "No such device or address",
    Toobig "E2BIG" "Argument list too long",
    Noexec "ENOEXEC" "Exec format error",
    Badf "EBADF" "Bad file descriptor",
    Child "ECHILD" "No child processes",
    Again "EAGAIN" "Resource temporarily unavailable",
    Nomem "ENOMEM" "Cannot allocate memory",
    Acces "EACCES" "Permission denied",
    Fault "EFAULT" "Bad address",
    Notblk "ENOTBLK" "Block device required",
    Busy "EBUSY" "Device or resource busy",
    Exist "EEXIST" "File exists",
    Xdev "EXDEV" "Invalid cross-device link",
    Nodev "ENODEV" "No such device",
    Notdir "ENOTDIR" "Not a directory",
    Isdir "EISDIR" "Is a directory",
    Inval "EINVAL" "Invalid argument",
    Nfile "ENFILE" "Too many open files in system",
    Mfile "EMFILE" "Too many open files",
    Notty "ENOTTY" "Inappropriate ioctl for device",
    Txtbsy "ETXTBSY" "Text file busy",
    Fbig "EFBIG" "File too large",
    Nospc "ENOSPC" "No space left on device",
    Spipe "ESPIPE" "Illegal seek",
    Rofs "EROFS" "Read-only file system",
    Mlink "EMLINK" "Too many links",
    Pipe "EPIPE" "Broken pipe",
    Dom "EDOM" "Numerical argument out of domain",
    Range "ERANGE" "Numerical result out of range",
    Deadlk "EDEADLK" "Resource deadlock avoided",
    Nametoolong "ENAMETOOLONG" "File name too long",
    Nolck "ENOLCK" "No locks available",
    Nosys "ENOSYS" "Function not implemented",
    Notempty "ENOTEMPTY" "Directory not empty",
    Loop "ELOOP" "Too many levels of symbolic links",
    Nomsg "ENOMSG" "No message of desired type",
    Idrm "EIDRM" "Identifier removed",
    Nostr "ENOSTR" "Device not a stream",
    Nodata "ENODATA" "No data available",
    Time "ETIME" "Timer expired",
    Nosr "ENOSR" "Out of streams resources",
    Nonet "ENONET" "Machine is not on the network",
    Nolink "ENOLINK" "Link has been severed",
    Comm "ECOMM" "Communication error on send",
    Proto "EPROTO" "Protocol error",
    Multihop "EMULTIHOP" "Multihop attempted",
    Badmsg "EBADMSG" "Bad message",
    Overflow "EOVERFLOW" "Value too large for defined data type",
    Ilseq "EILSEQ" "Invalid or incomplete multibyte or wide character",
    Users "EUSERS" "Too many users",
    Notsock "ENOTSOCK" "Socket operation on non-socket",
    Destaddrreq "EDESTADDRREQ" "Destination address required",
    Msgsize "EMSGSIZE" "Message too long",
    Prototype "EPROTOTYPE" "Protocol wrong type for socket",
    Noprotoopt "ENOPROTOOPT" "Protocol not available",
    Protonosupport "EPROTONOSUPPORT" "Protocol not supported",
    Socktnosupport "ESOCKTNOSUPPORT" "Socket type not supported",
    Opnotsupp "EOPNOTSUPP" "Operation not supported",
    Pfnosupport "EPFNOSUPPORT" "Protocol family not supported",
    Afnosupport "EAFNOSUPPORT" "Address family not supported by protocol",
    Addrinuse "EADDRINUSE" "Address already in use",
    Addrnotavail "EADDRNOTAVAIL" "Cannot assign requested address",
    Netdown "ENETDOWN" "Network is down",
    Netunreach "ENETUNREACH" "Network is unreachable",
    Netreset "ENETRESET" "Network dropped connection on reset",
    Connaborted "ECONNABORTED" "Software caused connection abort",
    Connreset "ECONNRESET" "Connection reset by peer",
    Nobufs "ENOBUFS" "No buffer space available",
    Isconn "EISCONN" "Transport endpoint is already connected",
    Notconn "ENOTCONN" "Transport endpoint is not connected",
    Shutdown "ESHUTDOWN" "Cannot send after transport endpoint shutdown",
    Toomanyrefs "ETOOMANYREFS" "Too many references: cannot splice",
    Timedout "ETIMEDOUT" "Connection timed out",
    Connrefused "ECONNREFUSED" "Connection refused",
    Hostdown "EHOSTDOWN" "Host is down",
    Hostunreach "EHOSTUNREACH" "No route to host",
    Already "EALREADY" "Operation already in progress",
    Inprogress "EINPROGRESS" "Operation now in progress",
    Stale "ESTALE" "Stale file handle",
    Remoteio "EREMOTEIO" "Remote I/O error",
    Dquot "EDQUOT" "Disk quota exceeded",
    Nomedium "ENOMEDIUM" "No medium found",
    Canceled "ECANCELED" "Operation canceled",
    Nokey "ENOKEY" "Required key not available",
    Keyrejected "EKEYREJECTED" "Key was rejected by service",
    Ownerdead "EOWNERDEAD" "Owner died",
    Notrecoverable "ENOTRECOVERABLE" "State not recoverable",
}

impl std::fmt::Debug for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::fmt::Display for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name(), self.message())
    }
}

impl std::error::Error for Errno {}

/// The result of a socket call.
pub type Result<T, E = Errno> = std::result::Result<T, E>;
