//! [`JsValue`]: a value of JavaScript's, copied. Not here: how an engine is asked for it.

/// A property of an object, as far as an option can have it.
#[derive(Debug, PartialEq)]
pub(crate) enum JsValue {
    /// `undefined`.
    Undefined,
    /// A boolean.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// A string.
    String(String),
    /// An array of strings.
    Strings(Vec<String>),
    /// Anything else.
    Other,
}

impl JsValue {
    /// One string.
    pub(crate) fn text(self) -> Option<String> {
        match self {
            JsValue::String(text) => Some(text),
            JsValue::Undefined
            | JsValue::Boolean(_)
            | JsValue::Number(_)
            | JsValue::Strings(_)
            | JsValue::Other => None,
        }
    }

    /// One string or several.
    pub(crate) fn texts(self) -> Option<Vec<String>> {
        match self {
            JsValue::String(text) => Some(vec![text]),
            JsValue::Strings(texts) => Some(texts),
            JsValue::Undefined | JsValue::Boolean(_) | JsValue::Number(_) | JsValue::Other => None,
        }
    }
}
