//! The formatter against what qjs, with the C library below it, prints for the same calls.
#![expect(clippy::approx_constant, reason = "digits to print, and not the number pi")]

use super::{Arguments, Failure, MAX_WIDTH, Memory, format};

/// An argument as a test gives it.
#[derive(Clone)]
enum Arg {
    Int(i64),
    Float(f64),
    Text(&'static str),
}

use Arg::{Float, Int, Text};

impl Arguments for std::vec::IntoIter<Arg> {
    type Error = &'static str;

    fn int32(&mut self) -> Result<Option<i32>, Self::Error> {
        Ok(self.int64()?.map(super::low_half))
    }

    fn int64(&mut self) -> Result<Option<i64>, Self::Error> {
        match self.next() {
            None => Ok(None),
            Some(Int(value)) => Ok(Some(value)),
            Some(Float(_) | Text(_)) => Err("not an integer"),
        }
    }

    fn float(&mut self) -> Result<Option<f64>, Self::Error> {
        match self.next() {
            None => Ok(None),
            Some(Float(value)) => Ok(Some(value)),
            Some(Int(_) | Text(_)) => Err("not a float"),
        }
    }

    fn string(&mut self) -> Result<Option<super::Text>, Self::Error> {
        match self.next() {
            None => Ok(None),
            Some(Text(text)) => super::Text::lossy(&Memory::new(0), text.as_bytes())
                .map(Some)
                .map_err(|_| "no memory"),
            Some(Int(_) | Float(_)) => Err("not a string"),
        }
    }

    fn code_point(&mut self) -> Result<Option<u32>, Self::Error> {
        match self.next() {
            None => Ok(None),
            Some(Text(text)) => Ok(text.chars().next().map(u32::from)),
            Some(Int(value)) => Ok(Some(super::low_half(value).cast_unsigned())),
            Some(Float(_)) => Err("not a character"),
        }
    }
}

fn print(text: &str, args: &[Arg]) -> Result<String, Failure<&'static str>> {
    let mut args = Vec::from(args).into_iter();
    let bytes = format(&Memory::new(0), text, &mut args, 1 << 26)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[track_caller]
fn expect(text: &str, args: &[Arg], expected: &str) {
    assert_eq!(print(text, args).as_deref(), Ok(expected), "{text:?}");
}

#[test]
fn integers_are_printed_as_c_prints_them() {
    expect("%d|%i|%u", &[Int(-5), Int(42), Int(-1)], "-5|42|4294967295");
    let same = [Int(42), Int(42), Int(42), Int(42), Int(42)];
    expect("%5d|%-5d|%05d|%+d|% d", &same, "   42|42   |00042|+42| 42");
    let numbers = [Int(255), Int(255), Int(8), Int(255), Int(8), Int(0)];
    expect("%x|%X|%o|%#x|%#o|%#x", &numbers, "ff|FF|10|0xff|010|0");
    let sevens = [Int(7), Int(7), Int(7), Int(7), Int(0)];
    expect(
        "%.3d|%8.3d|%-8.3d|%08.3d|%.0d",
        &sevens,
        "007|     007|007     |     007|",
    );
    let same = [Int(26), Int(26), Int(26), Int(26)];
    expect(
        "%#x|%#10x|%-#10x|%#010x",
        &same,
        "0x1a|      0x1a|0x1a      |0x0000001a",
    );
    expect("%#5o|%'d", &[Int(8), Int(1_234_567)], "  010|1234567");
}

#[test]
fn integers_are_cut_to_32_bits_unless_they_are_long() {
    expect(
        "%d|%ld|%lld",
        &[Int(1 << 32 | 1), Int(1 << 40), Int(i64::MIN)],
        "1|1099511627776|-9223372036854775808",
    );
    expect(
        "%lu|%lx|%llX|%lo",
        &[Int(-1), Int(-1), Int(-1), Int(-1)],
        "18446744073709551615|ffffffffffffffff|FFFFFFFFFFFFFFFF|1777777777777777777777",
    );
}

#[test]
fn characters_and_strings_are_utf8() {
    expect(
        "%c%c%c|%-5c|",
        &[Int(65), Text("é"), Int(0x1f600), Text("x")],
        "Aé😀|x|",
    );
    expect("%c%c", &[Int(-1), Int(0xd800)], "\u{fffd}\u{fffd}");
    let same = [Text("abc"), Text("abc"), Text("abc"), Text("abc")];
    expect("%s|%10s|%-10s|%.2s", &same, "abc|       abc|abc       |ab");
    expect("%ls", &[Text("wide")], "wide");
    // The precision counts bytes.
    expect("%.3s", &[Text("héé")], "hé");
    expect("%.2s", &[Text("héé")], "h\u{fffd}");
}

#[test]
fn fixed_and_exponential_floats_are_printed_as_c_prints_them() {
    let pi = Float(3.14159);
    expect(
        "%f|%.0f|%#.0f|%.2f|%10.3f|%-10.3f|%010.3f",
        &[
            pi.clone(),
            Float(2.5),
            Float(2.5),
            Float(1.005),
            pi.clone(),
            pi,
            Float(-3.14159),
        ],
        "3.141590|2|2.|1.00|     3.142|3.142     |-00003.142",
    );
    expect(
        "%.0f|%.0f|%.0f|%f",
        &[Float(0.5), Float(1.5), Float(3.5), Float(-0.0)],
        "0|2|4|-0.000000",
    );
    expect(
        "%e|%.0e|%#.0e|%.3e|%E",
        &[
            Float(12345.678),
            Float(12345.678),
            Float(5.0),
            Float(0.000_123_45),
            Float(1e100),
        ],
        "1.234568e+04|1e+04|5.e+00|1.234e-04|1.000000E+100",
    );
    expect(
        "%+.2e|% .2e|%lf",
        &[Float(1.5), Float(1.5), Float(1.5)],
        "+1.50e+00| 1.50e+00|1.500000",
    );
    expect("%.30f", &[Float(0.1)], "0.100000000000000005551115123126");
}

#[test]
fn general_floats_are_printed_as_c_prints_them() {
    let values = [0.0001, 0.00001, 100_000.0, 1_000_000.0, 1e-10, 1.0, 1234.5, 1e-10].map(Float);
    expect(
        "%g|%g|%g|%g|%g|%#g|%.3g|%G",
        &values,
        "0.0001|1e-05|100000|1e+06|1e-10|1.00000|1.23e+03|1E-10",
    );
    expect(
        "%.15g|%.17g",
        &[Float(0.1), Float(0.1)],
        "0.1|0.10000000000000001",
    );
    expect(
        "%g|%g|%#.3g",
        &[Float(123_456_789.0), Float(0.0), Float(0.5)],
        "1.23457e+08|0|0.500",
    );
}

#[test]
fn hexadecimal_floats_are_printed_as_c_prints_them() {
    let values = [1.0, 0.5, 0.0, 3.14, 1.5, 3.14159, 0.1].map(Float);
    expect(
        "%a|%a|%a|%A|%.0a|%.3a|%.20a",
        &values,
        "0x1p+0|0x1p-1|0x0p+0|0X1.91EB851EB851FP+1|0x2p+0|0x1.922p+1|0x1.999999999999a0000000p-4",
    );
    expect(
        "%a|%a",
        &[Float(5e-324), Float(-1.5)],
        "0x0.0000000000001p-1022|-0x1.8p+0",
    );
    let values = [255.99, 255.99, 0.99].map(Float);
    expect("%a|%.1a|%.0a", &values, "0x1.fffae147ae148p+7|0x2.0p+7|0x2p-1");
}

#[test]
fn what_is_not_finite_has_a_name_and_no_zeros() {
    let values = [
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::INFINITY,
        f64::INFINITY,
        f64::INFINITY,
    ];
    expect(
        "%f|%e|%g|%F|%010f|%+f",
        &values.map(Float),
        "inf|-inf|nan|INF|       inf|+inf",
    );
}

#[test]
fn widths_and_precisions_can_be_arguments() {
    expect(
        "%*d|%-*d|%.*f|%*d",
        &[
            Int(5),
            Int(42),
            Int(5),
            Int(42),
            Int(2),
            Float(3.14159),
            Int(-5),
            Int(42),
        ],
        "   42|42   |3.14|42   ",
    );
    expect("%.*f", &[Int(-1), Float(1.5)], "1.500000");
}

#[test]
fn a_percent_sign_and_plain_text_stay() {
    expect("100%%", &[], "100%");
    expect("%5%|", &[], "%|");
    expect("né", &[], "né");
    expect("", &[], "");
}

#[test]
fn wrong_formats_and_missing_arguments_are_different_errors() {
    for wrong in ["%", "%y", "%p", "%n", "%-", "%l", "%5", "%.", "%é", "%hd"] {
        assert_eq!(print(wrong, &[Int(1)]), Err(Failure::Conversion), "{wrong}");
    }
    for short in ["%d", "%s", "%c", "%f", "%x", "%*d", "%.*d"] {
        assert_eq!(print(short, &[]), Err(Failure::Missing), "{short}");
    }
    assert_eq!(
        print("%d", &[Text("x")]),
        Err(Failure::Argument("not an integer"))
    );
}

#[test]
fn a_field_cannot_ask_for_gigabytes() {
    let huge = format!("%{}d", MAX_WIDTH + 1);
    assert_eq!(print(&huge, &[Int(1)]), Err(Failure::TooWide));
    assert_eq!(print("%99999999999999999999d", &[Int(1)]), Err(Failure::TooWide));
    assert_eq!(print("%.99999999999f", &[Float(1.0)]), Err(Failure::TooWide));
    assert_eq!(
        print("%*d", &[Int(i64::from(i32::MIN)), Int(1)]),
        Err(Failure::TooWide)
    );
    let wide = format!("%{MAX_WIDTH}d");
    assert_eq!(print(&wide, &[Int(1)]).map(|text| text.len()), Ok(MAX_WIDTH));
    let many = wide.repeat(17);
    assert_eq!(
        print(&many, &vec![Int(1); 17]).map(|text| text.len()),
        Err(Failure::TooWide)
    );
    let precise = format!("%.{MAX_WIDTH}f").repeat(17);
    assert_eq!(
        print(&precise, &vec![Float(1.0); 17]).map(|text| text.len()),
        Err(Failure::TooWide)
    );
}
