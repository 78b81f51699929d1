//! The JavaScript that guestnet ships: modules that scripts import as `guestnet:NAME`.

/// The source of a shipped module.
pub(crate) fn source(name: &str) -> Option<&'static str> {
    match name {
        "guestnet:io" => Some(include_str!("js/io.js")),
        "guestnet:http" => Some(include_str!("js/http.js")),
        "guestnet:sockets" => Some(include_str!("js/sockets.js")),
        _ => None,
    }
}
