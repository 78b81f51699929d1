//! A hostile component. The first argument says which attack, the others are its; what each prints is judged by the tests in
//! `tests/tests/attacks`.

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (Some(attack), arguments) = (words.first(), words.get(1..).unwrap_or_default()) else {
        panic!("which attack?");
    };
    match *attack {
        "act" => attacks::act::run(arguments),
        "bounds" => attacks::bounds::run(arguments),
        "buffers" => attacks::buffers::run(arguments),
        "files" => attacks::files::run(arguments),
        "handles" => attacks::handles::run(arguments),
        "limits" => attacks::limits::run(arguments),
        "listen" => attacks::listen::run(arguments),
        "names" => attacks::names::run(arguments),
        "random" => attacks::random::run(arguments),
        "reach" => attacks::reach::run(arguments),
        "receive" => attacks::receive::run(arguments),
        "spin" => attacks::spin::run(arguments),
        other => panic!("no attack {other:?}"),
    }
}
