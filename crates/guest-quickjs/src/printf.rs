//! The formatter of `std.printf`, `std.sprintf` and `FILE.printf`: C's conversions as qjs has them.
//!
//! Not here: how an argument becomes a number or a string ([`Arguments`]), and where the text goes.

use std::sync::Arc;

use crate::sys::heap::{Bytes, Memory, NoMemory, Text};

/// The widest field and the longest precision. C allows two thousand million, which would let ten characters of
/// a script ask the host for gigabytes.
pub(crate) const MAX_WIDTH: usize = 65_536;

/// All padding of one call together, for the same reason.
pub(crate) const MAX_PADDING: usize = 1 << 20;

/// More digits than these a double does not have; zeros follow.
const MAX_DIGITS: usize = 1_100;

/// What a conversion asks of the script's arguments, one after the other. `None`: there are no more.
pub(crate) trait Arguments {
    /// An exception of the script, such as one that `valueOf` threw.
    type Error;

    /// The next argument as JavaScript's ToInt32 has it.
    fn int32(&mut self) -> Result<Option<i32>, Self::Error>;
    /// The next argument modulo 2^64; a BigInt too.
    fn int64(&mut self) -> Result<Option<i64>, Self::Error>;
    /// The next argument as a number.
    fn float(&mut self) -> Result<Option<f64>, Self::Error>;
    /// The next argument as a string, UTF-8.
    fn string(&mut self) -> Result<Option<Text>, Self::Error>;
    /// The next argument as a code point: the first of a string, or a number.
    fn code_point(&mut self) -> Result<Option<u32>, Self::Error>;
}

/// Why nothing was printed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure<E> {
    /// The format is not one of C's.
    Conversion,
    /// There are fewer arguments than conversions.
    Missing,
    /// A field is wider than [`MAX_WIDTH`], or all together than [`MAX_PADDING`].
    TooWide,
    /// The text needs more bytes than it may have.
    TooLong,
    /// There is no memory for it.
    Memory(NoMemory),
    /// What an argument threw.
    Argument(E),
}

impl<E> From<E> for Failure<E> {
    fn from(error: E) -> Self {
        Failure::Argument(error)
    }
}

/// The text of a format and its arguments, as bytes: a precision may cut a character of `%s` apart, as in C. It has not
/// more than `most` bytes.
pub(crate) fn format<A: Arguments>(
    memory: &Arc<Memory>,
    format: &str,
    args: &mut A,
    most: usize,
) -> Result<Bytes, Failure<A::Error>> {
    let mut out = Out {
        bytes: Bytes::new(memory),
        whole: Ok(()),
        padding: 0,
    };
    let mut rest = format;
    while let Some((text, after)) = rest.split_once('%') {
        out.push(text.as_bytes());
        let (spec, after) = Spec::parse(after, args)?;
        out.charge(&spec)?;
        spec.print(&mut out, args)?;
        out.check(most)?;
        rest = after;
    }
    out.push(rest.as_bytes());
    out.check(most)?;
    Ok(out.bytes)
}

/// What has been printed.
struct Out {
    bytes: Bytes,
    /// Whether there was memory for all of it.
    whole: Result<(), NoMemory>,
    padding: usize,
}

impl Out {
    fn push(&mut self, bytes: &[u8]) {
        self.whole = self.whole.and_then(|()| self.bytes.extend(bytes));
    }

    fn check<E>(&self, most: usize) -> Result<(), Failure<E>> {
        self.whole.map_err(Failure::Memory)?;
        if self.bytes.len() > most {
            return Err(Failure::TooLong);
        }
        Ok(())
    }

    /// Accounts for what a conversion may print beyond its argument.
    fn charge<E>(&mut self, spec: &Spec) -> Result<(), Failure<E>> {
        // A string's precision takes away, the others' add.
        let digits = if spec.kind == 's' {
            0
        } else {
            spec.precision.unwrap_or(0)
        };
        self.padding = self.padding.saturating_add(spec.width.max(digits));
        if self.padding > MAX_PADDING {
            return Err(Failure::TooWide);
        }
        Ok(())
    }

    fn pad(&mut self, byte: u8, mut count: usize) {
        let piece = [byte; 64];
        while let Some(bytes) = piece
            .get(..count.min(piece.len()))
            .filter(|bytes| !bytes.is_empty())
        {
            self.push(bytes);
            count -= bytes.len();
        }
    }
}

/// One conversion: `%[flags][width][.precision][l|ll]type`.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are C's flags, which are independent"
)]
struct Spec {
    zero: bool,
    alternate: bool,
    plus: bool,
    minus: bool,
    space: bool,
    width: usize,
    precision: Option<usize>,
    long: bool,
    kind: char,
}

impl Spec {
    /// Reads what stands behind a `%`, and says what follows it.
    fn parse<'a, A: Arguments>(text: &'a str, args: &mut A) -> Result<(Spec, &'a str), Failure<A::Error>> {
        let mut spec = Spec::default();
        let mut rest = text;
        loop {
            let mut chars = rest.chars();
            match chars.next() {
                Some('0') => spec.zero = true,
                Some('#') => spec.alternate = true,
                Some('+') => spec.plus = true,
                Some('-') => spec.minus = true,
                Some(' ') => spec.space = true,
                // Groups of thousands, of which the C locale has none.
                Some('\'') => {}
                _ => break,
            }
            rest = chars.as_str();
        }
        if let Some(after) = rest.strip_prefix('*') {
            let width = args.int32()?.ok_or(Failure::Missing)?;
            spec.minus |= width < 0;
            spec.width = checked(u64::from(width.unsigned_abs()))?;
            rest = after;
        } else {
            (spec.width, rest) = number(rest)?;
        }
        if let Some(after) = rest.strip_prefix('.') {
            rest = after;
            if let Some(after) = rest.strip_prefix('*') {
                let precision = args.int32()?.ok_or(Failure::Missing)?;
                // A negative one is as if there were none.
                spec.precision = match u64::try_from(precision) {
                    Ok(precision) => Some(checked(precision)?),
                    Err(_) => None,
                };
                rest = after;
            } else {
                let precision;
                (precision, rest) = number(rest)?;
                spec.precision = Some(precision);
            }
        }
        if let Some(after) = rest.strip_prefix('l') {
            spec.long = true;
            rest = after.strip_prefix('l').unwrap_or(after);
        }
        let mut chars = rest.chars();
        spec.kind = chars.next().ok_or(Failure::Conversion)?;
        Ok((spec, chars.as_str()))
    }

    fn print<A: Arguments>(&self, out: &mut Out, args: &mut A) -> Result<(), Failure<A::Error>> {
        match self.kind {
            '%' => {
                out.push(b"%");
            }
            'c' => {
                // Flags, width and precision mean nothing here, as in qjs.
                let code = args.code_point()?.ok_or(Failure::Missing)?;
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                let mut buffer = [0; 4];
                out.push(character.encode_utf8(&mut buffer).as_bytes());
            }
            's' => {
                let text = args.string()?.ok_or(Failure::Missing)?;
                let shown = self
                    .precision
                    .and_then(|precision| text.as_bytes().get(..precision));
                self.field(out, "", shown.unwrap_or(text.as_bytes()), false);
            }
            'd' | 'i' => {
                let value = args.int64()?.ok_or(Failure::Missing)?;
                let value = if self.long {
                    value
                } else {
                    i64::from(low_half(value))
                };
                self.integer(out, self.sign(value < 0), "", value.unsigned_abs().to_string());
            }
            'u' | 'o' | 'x' | 'X' => {
                let value = args.int64()?.ok_or(Failure::Missing)?;
                let value = if self.long {
                    value.cast_unsigned()
                } else {
                    u64::from(low_half(value).cast_unsigned())
                };
                let (prefix, digits) = match self.kind {
                    'x' => ("0x", format!("{value:x}")),
                    'X' => ("0X", format!("{value:X}")),
                    'o' => ("", format!("{value:o}")),
                    _ => ("", value.to_string()),
                };
                match (self.alternate && value != 0, self.kind) {
                    // The zero of an octal number counts as one of its digits.
                    (true, 'o') => self.integer(out, "", "", format!("0{digits}")),
                    (true, _) => self.integer(out, "", prefix, digits),
                    (false, _) => self.integer(out, "", "", digits),
                }
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'a' | 'A' => {
                let value = args.float()?.ok_or(Failure::Missing)?;
                self.float(out, value);
            }
            _ => return Err(Failure::Conversion),
        }
        Ok(())
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    fn integer(&self, out: &mut Out, sign: &str, prefix: &str, digits: String) {
        let Some(precision) = self.precision else {
            return self.field(out, &format!("{sign}{prefix}"), digits.as_bytes(), self.zero);
        };
        // A precision turns the flag 0 off; with 0 for both, nothing is printed.
        let digits = if precision == 0 && digits == "0" {
            String::new()
        } else {
            digits
        };
        let zeros = "0".repeat(precision.saturating_sub(digits.len()));
        self.field(out, &format!("{sign}{prefix}{zeros}"), digits.as_bytes(), false)
    }

    fn float(&self, out: &mut Out, value: f64) {
        let sign = self.sign(value.is_sign_negative() && !value.is_nan());
        let magnitude = value.abs();
        let upper = self.kind.is_ascii_uppercase();
        let cased = |text: String| if upper { text.to_ascii_uppercase() } else { text };
        if !magnitude.is_finite() {
            let text = if magnitude.is_nan() { "nan" } else { "inf" };
            return self.field(out, sign, cased(text.to_owned()).as_bytes(), false);
        }
        let precision = self.precision.unwrap_or(6);
        let (prefix, text) = match self.kind.to_ascii_lowercase() {
            'f' => ("", fixed(magnitude, precision, self.alternate)),
            'e' => ("", exponential(magnitude, precision, self.alternate)),
            'g' => ("", general(magnitude, precision.max(1), self.alternate)),
            _ => ("0x", hexadecimal(magnitude, self.precision, self.alternate)),
        };
        let prefix = if upper {
            prefix.to_ascii_uppercase()
        } else {
            prefix.to_owned()
        };
        self.field(out, &format!("{sign}{prefix}"), cased(text).as_bytes(), self.zero)
    }

    /// Prints a field: spaces, the sign or `0x`, zeros, the text, spaces.
    fn field(&self, out: &mut Out, lead: &str, text: &[u8], zeros: bool) {
        let missing = self.width.saturating_sub(lead.len() + text.len());
        if !self.minus && !zeros {
            out.pad(b' ', missing);
        }
        out.push(lead.as_bytes());
        if !self.minus && zeros {
            out.pad(b'0', missing);
        }
        out.push(text);
        if self.minus {
            out.pad(b' ', missing);
        }
    }
}

/// The decimal number at the beginning of a text (0 if there is none), and what follows.
fn number<E>(text: &str) -> Result<(usize, &str), Failure<E>> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let value = if digits.is_empty() {
        0
    } else {
        digits.parse().map_err(|_| Failure::TooWide)?
    };
    Ok((checked(value)?, rest))
}

fn checked<E>(value: u64) -> Result<usize, Failure<E>> {
    usize::try_from(value)
        .ok()
        .filter(|&value| value <= MAX_WIDTH)
        .ok_or(Failure::TooWide)
}

/// The low 32 bits, as C's conversion to `int` leaves them.
#[expect(clippy::cast_possible_truncation, reason = "the truncation is what C does")]
const fn low_half(value: i64) -> i32 {
    value as i32
}

/// `%f` of a number that is not negative.
fn fixed(value: f64, precision: usize, point: bool) -> String {
    let digits = precision.min(MAX_DIGITS);
    let mut text = format!("{value:.digits$}");
    text.extend(std::iter::repeat_n('0', precision - digits));
    if point && precision == 0 {
        text.push('.');
    }
    text
}

/// Mantissa and decimal exponent with so many digits after the point.
fn scientific(value: f64, precision: usize) -> (String, i32) {
    let digits = precision.min(MAX_DIGITS);
    let text = format!("{value:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mut mantissa = mantissa.to_owned();
    mantissa.extend(std::iter::repeat_n('0', precision - digits));
    (mantissa, exponent.parse().unwrap_or(0))
}

/// `%e` of a number that is not negative.
fn exponential(value: f64, precision: usize, point: bool) -> String {
    let (mut mantissa, exponent) = scientific(value, precision);
    if point && precision == 0 {
        mantissa.push('.');
    }
    with_exponent(&mantissa, exponent)
}

/// C's exponent: a sign and at least two digits.
fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// `%g` of a number that is not negative; the precision counts significant digits.
fn general(value: f64, precision: usize, keep_zeros: bool) -> String {
    let (mantissa, exponent) = scientific(value, precision - 1);
    let digits = i64::try_from(precision).unwrap_or(i64::MAX);
    let strip = |text: String| -> String {
        if keep_zeros {
            let bare = !text.contains('.');
            return if bare { text + "." } else { text };
        }
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    };
    let exponent_wide = i64::from(exponent);
    if exponent_wide < -4 || exponent_wide >= digits {
        return with_exponent(&strip(mantissa), exponent);
    }
    let places = usize::try_from(digits - 1 - exponent_wide).unwrap_or(0);
    strip(fixed(value, places, false))
}

/// `%a` of a number that is not negative, without the `0x`.
fn hexadecimal(value: f64, precision: Option<usize>, point: bool) -> String {
    const MANTISSA_BITS: u32 = 52;
    const MANTISSA_DIGITS: usize = 13;
    let bits = value.to_bits();
    let fraction = bits & ((1 << MANTISSA_BITS) - 1);
    let biased = i32::try_from(bits >> MANTISSA_BITS & 0x7ff).unwrap_or(0);
    let (mut whole, exponent) = match (biased, fraction) {
        (0, 0) => (0, 0),
        (0, _) => (0, -1022),
        _ => (1, biased - 1023),
    };
    let mut digits = format!("{fraction:013x}");
    match precision {
        None => digits.truncate(digits.trim_end_matches('0').len()),
        Some(precision) if precision < MANTISSA_DIGITS => {
            let dropped = 4 * (MANTISSA_DIGITS - precision);
            // To the nearest, ties to the even one: a number of at most 53 bits, whose carry goes into `whole`.
            let all = whole << MANTISSA_BITS | fraction;
            let half = 1_u64 << (dropped - 1);
            let kept = all >> dropped;
            let low = all & ((1 << dropped) - 1);
            let up = low > half || (low == half && kept & 1 == 1);
            let kept = kept + u64::from(up);
            let left = 4 * precision;
            whole = kept >> left;
            let kept = kept & ((1 << left) - 1);
            digits = if precision == 0 {
                String::new()
            } else {
                format!("{kept:0precision$x}")
            };
        }
        Some(precision) => digits.extend(std::iter::repeat_n('0', precision - MANTISSA_DIGITS)),
    }
    let dot = if digits.is_empty() && !point { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{whole}{dot}{digits}p{sign}{}", exponent.unsigned_abs())
}

#[cfg(test)]
#[path = "printf/tests.rs"]
mod tests;
