//! `print` and `console.log`: what qjs prints for the same values, but where a comment says otherwise.

use crate::harness::Run;

#[test]
fn values_are_printed_as_qjs_prints_them() {
    Run::new()
        .file("std_print.js")
        .expect(include_str!("../js/std_print.expected"));
}

#[test]
fn printing_runs_no_code_of_the_script() {
    Run::new()
        .text(
            r#"
            const ran = () => { throw new Error("it ran"); };
            const trap = new Proxy({}, { get: ran, ownKeys: ran, getPrototypeOf: ran, getOwnPropertyDescriptor: ran });
            class Odd { toString() { ran(); } valueOf() { ran(); } get x() { ran(); } get [Symbol.toStringTag]() { ran(); } }
            const error = new Error("seen");
            error.stack = "";
            Object.defineProperty(error, "name", { get: ran });
            Object.setPrototypeOf(Odd.prototype, trap);
            const values = [new Map([[1, 2]]), new Set([1])];
            for (const type of [Map, Set]) {
                type.prototype.entries = ran;
                Object.getPrototypeOf(new type().keys()).next = ran;
                Object.defineProperty(type.prototype, "size", { get: ran });
            }
            Date.prototype.toISOString = ran;
            for (const name of ["source", "flags", "global"]) Object.defineProperty(RegExp.prototype, name, { get: ran });
            Object.defineProperty(Object.getPrototypeOf(Uint8Array.prototype), "length", { get: ran });
            Object.defineProperty(Array.prototype, Symbol.iterator, { value: ran });
            Object.defineProperty(Object.prototype, "value", { get: ran, set: ran });
            print(trap, new Odd(), error, values[0], values[1], new Date(0), /x/g, new Uint8Array(1));
            "#,
        )
        .expect("Object {  } {  } Error: seen\n Map(1) { 1 => 2 } Set(1) { 1 } 1970-01-01T00:00:00.000Z /x/g Uint8Array(1) [ 0 ]\n");
}

#[test]
fn an_array_that_follows_its_buffer_is_as_long_as_it_is_now() {
    Run::new()
        .text(
            r#"
            const buffer = new ArrayBuffer(4, { maxByteLength: 8 });
            const all = [new Uint8Array(buffer), new Uint16Array(buffer, 2), new Uint8Array(buffer, 2, 2)];
            for (const size of [8, 3, 0]) {
                buffer.resize(size);
                print(...all);
            }
            const shared = new SharedArrayBuffer(2, { maxByteLength: 4 });
            const follows = new Uint16Array(shared);
            shared.grow(4);
            print(follows);
            "#,
        )
        .expect(
            "Uint8Array(8) [ 0, 0, 0, 0, 0, 0, 0, 0 ] Uint16Array(3) [ 0, 0, 0 ] Uint8Array(2) [ 0, 0 ]\n\
             Uint8Array(3) [ 0, 0, 0 ] Uint16Array(0) [  ] Uint8Array(0) [  ]\n\
             Uint8Array(0) [  ] Uint16Array(0) [  ] Uint8Array(0) [  ]\n\
             Uint16Array(2) [ 0, 0 ]\n",
        );
}
