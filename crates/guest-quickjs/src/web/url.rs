//! The URL parser of `URL` and `URLSearchParams`: that of the crate `url`.

use guestnet_core::Host;
use rquickjs::{Exception, Result, Value};
use url::{Url, quirks};

use crate::budget::Charge;
use crate::native::{Call, Member};
use crate::std_module::file::text;
use crate::sys::heap::{Bytes, NoMemory, Text};
use crate::sys::value;

/// The longest URL, in bytes.
const MAX_URL: usize = 16 << 20;

/// How many times its length the parser may need: a byte can become three, and a character of a domain eighteen others.
const COPIES: usize = 24;

/// What the parser needs for the shortest URL.
const PARSER: usize = 4 << 10;

pub(super) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("parse", 2, parse),
        Member::Function("change", 3, change),
        Member::Function("decode", 1, decode),
    ]
}

/// The numbers of a URL's parts in `url.js`; `href` is the first of them, and `origin` the second.
const PARTS: [fn(&Url) -> &str; 9] = [
    quirks::protocol,
    quirks::username,
    quirks::password,
    quirks::host,
    quirks::hostname,
    quirks::port,
    quirks::pathname,
    quirks::search,
    quirks::hash,
];

/// `parse(url[, base])`: the parts of a URL, or nothing if it is none.
fn parse<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let url = call.string(0, "the URL")?;
    let base = match call.arg(1) {
        base if base.is_undefined() => None,
        _ => Some(call.string(1, "the base URL")?),
    };
    let _charge = charge(call, &[&url, base.as_ref().unwrap_or(&url)])?;
    let base = base.map(|base| Url::parse(&base)).transpose();
    let parsed = base.and_then(|base| Url::options().base_url(base.as_ref()).parse(&url));
    match parsed {
        Ok(url) => parts(call, &url),
        Err(_) => call.value(rquickjs::Undefined),
    }
}

/// `change(href, part, value)`: the parts of a URL of which one was set, or nothing if it stays as it is.
fn change<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let href = call.string(0, "the URL")?;
    let to = call.string(2, "the value")?;
    let _charge = charge(call, &[&href, &to])?;
    let Ok(mut url) = Url::parse(&href) else {
        return call.value(rquickjs::Undefined);
    };
    let changed = match call.int(1, "the part")? {
        2 => quirks::set_protocol(&mut url, &to),
        3 => quirks::set_username(&mut url, &to),
        4 => quirks::set_password(&mut url, &to),
        5 => quirks::set_host(&mut url, &to),
        6 => quirks::set_hostname(&mut url, &to),
        7 => quirks::set_port(&mut url, &to),
        8 => {
            quirks::set_pathname(&mut url, &to);
            Ok(())
        }
        9 => {
            quirks::set_search(&mut url, &to);
            Ok(())
        }
        10 => {
            quirks::set_hash(&mut url, &to);
            Ok(())
        }
        _ => Err(()),
    };
    match changed {
        Ok(()) => parts(call, &url),
        Err(()) => call.value(rquickjs::Undefined),
    }
}

/// `decode(text)`: a text with its percent-encoded bytes as they are, in UTF-8.
fn decode<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let encoded = call.string(0, "the text")?;
    let mut decoded = Bytes::new(&call.state().memory);
    percent_decode(encoded.as_bytes(), |bytes| decoded.extend(bytes))
        .map_err(|error| error.throw(call.ctx()))?;
    text(call, &decoded)
}

/// Gives the bytes that a text stands for to `push`, piece by piece.
fn percent_decode<E>(
    mut text: &[u8],
    mut push: impl FnMut(&[u8]) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    while !text.is_empty() {
        if let [b'%', high, low, rest @ ..] = text
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            push(&[high << 4 | low])?;
            text = rest;
            continue;
        }
        let next = text.iter().skip(1).position(|&byte| byte == b'%');
        let (piece, rest) = text.split_at(next.map_or(text.len(), |next| next + 1));
        push(piece)?;
        text = rest;
    }
    Ok(())
}

/// What the parser takes while it is at work, and the parts until the engine has them.
fn charge<H: Host + 'static>(call: &Call<'_, '_, H>, texts: &[&Text]) -> Result<Charge> {
    let len: usize = texts.iter().map(|text| text.len()).sum();
    if len > MAX_URL {
        return Err(Exception::throw_range(call.ctx(), "the URL is too long"));
    }
    let charge = call.state().memory.budget().charge(PARSER + len * COPIES);
    charge.ok_or_else(|| NoMemory.throw(call.ctx()))
}

fn parts<'js, H: Host + 'static>(call: &Call<'_, 'js, H>, url: &Url) -> Result<Value<'js>> {
    let origin = origin(url);
    let text = |part: &str| call.value(part);
    let mut parts = vec![text(quirks::href(url))?, text(&origin)?];
    for part in PARTS {
        parts.push(text(part(url))?);
    }
    value::list(call.ctx(), &parts)
}

/// The crate's own one lets a `blob:` URL have the origin of any URL in it; the standard only that of one for HTTP.
fn origin(url: &Url) -> String {
    if url.scheme() == "blob" && !matches!(url.path().split_once(':'), Some(("http" | "https", _))) {
        return "null".to_owned();
    }
    quirks::origin(url)
}

#[cfg(test)]
mod tests {
    use super::percent_decode;

    #[test]
    fn what_is_no_escape_stays() {
        for (from, to) in [
            ("%41%4a%6A", "AJj"),
            ("%", "%"),
            ("%4", "%4"),
            ("%4g%%41", "%4g%A"),
            ("a%00b", "a\0b"),
            ("%2541", "%41"),
            ("", ""),
        ] {
            let mut bytes = Vec::new();
            let push = |piece: &[u8]| {
                bytes.extend_from_slice(piece);
                Ok::<(), ()>(())
            };
            percent_decode(from.as_bytes(), push).unwrap();
            assert_eq!(bytes, to.as_bytes(), "{from}");
        }
    }
}
