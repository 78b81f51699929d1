//! The JavaScript that guestnet ships: modules that scripts import as `guestnet:NAME`. Their source is `guest-libs/js`.

/// The source of a shipped module.
pub(crate) fn source(name: &str) -> Option<&'static str> {
    match name {
        "guestnet:io" => Some(include_str!("../../../guest-libs/js/io.js")),
        "guestnet:http" => Some(include_str!("../../../guest-libs/js/http.js")),
        "guestnet:http/client" => Some(include_str!("../../../guest-libs/js/http/client.js")),
        "guestnet:http/message" => Some(include_str!("../../../guest-libs/js/http/message.js")),
        "guestnet:http/server" => Some(include_str!("../../../guest-libs/js/http/server.js")),
        "guestnet:sockets" => Some(include_str!("../../../guest-libs/js/sockets.js")),
        _ => None,
    }
}
