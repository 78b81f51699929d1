// structuredClone, of the HTML standard. Of what it can copy, scripts have no Blob and the like.
(({kind, share, isPlatform, plain}) => {
    const getter = (type, name) => {
        const {get} = Object.getOwnPropertyDescriptor(type.prototype, name);
        return value => Reflect.apply(get, value, []);
    };
    const method = (type, name) => {
        const call = type.prototype[name];
        return (value, ...args) => Reflect.apply(call, value, args);
    };
    const TypedArray = Object.getPrototypeOf(Uint8Array);
    const bufferOf = getter(TypedArray, "buffer"), offsetOf = getter(TypedArray, "byteOffset"), lengthOf = getter(TypedArray, "length");
    const viewBuffer = getter(DataView, "buffer"), viewOffset = getter(DataView, "byteOffset"), viewLength = getter(DataView, "byteLength");
    const bytes = getter(ArrayBuffer, "byteLength"), most = getter(ArrayBuffer, "maxByteLength");
    const resizable = getter(ArrayBuffer, "resizable"), detached = getter(ArrayBuffer, "detached");
    const transfer = method(ArrayBuffer, "transfer");
    const time = method(Date, "getTime");
    const source = getter(RegExp, "source"), flags = getter(RegExp, "flags");
    const mapEntries = method(Map, "forEach"), setEntries = method(Set, "forEach");
    const primitives = {Boolean: method(Boolean, "valueOf"), Number: method(Number, "valueOf"), String: method(String, "valueOf"),
        BigInt: method(BigInt, "valueOf")};
    const ARRAYS = {Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array,
        BigUint64Array, Float16Array: globalThis.Float16Array, Float32Array, Float64Array};
    const ERRORS = {Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError};

    const refuse = what => {
        throw new DOMException(`${what} cannot be cloned`, "DataCloneError");
    };
    const define = (object, key, value) =>
        Object.defineProperty(object, key, {value, writable: true, enumerable: true, configurable: true});

    /** A buffer of the same length, with its bytes. */
    function copied(buffer) {
        const length = bytes(buffer);
        const copy = resizable(buffer) ? new ArrayBuffer(length, {maxByteLength: most(buffer)}) : new ArrayBuffer(length);
        new Uint8Array(copy).set(new Uint8Array(buffer));
        return copy;
    }

    function cloneBuffer(buffer, memory) {
        const known = memory.get(buffer);
        if (known !== undefined) {
            return known;
        }
        let copy;
        if (kind(buffer) === "SharedArrayBuffer") {
            copy = share(buffer);
        } else {
            if (detached(buffer)) {
                refuse("an ArrayBuffer that is detached");
            }
            copy = copied(buffer);
        }
        memory.set(buffer, copy);
        return copy;
    }

    function cloneError(error, memory) {
        const {name} = error;
        const type = typeof name === "string" && Object.hasOwn(ERRORS, name) ? ERRORS[name] : Error;
        const message = Object.getOwnPropertyDescriptor(error, "message");
        const copy = new type();
        memory.set(error, copy);
        for (const [key, property] of [["message", message], ["cause", Object.getOwnPropertyDescriptor(error, "cause")]]) {
            if (property !== undefined && "value" in property) {
                const value = key === "message" ? `${property.value}` : clone(property.value, memory);
                Object.defineProperty(copy, key, {value, writable: true, configurable: true});
            }
        }
        return copy;
    }

    function cloneProperties(value, copy, memory) {
        for (const key of Object.keys(value)) {
            // A getter may have removed it.
            if (Object.hasOwn(value, key)) {
                define(copy, key, clone(value[key], memory));
            }
        }
        return copy;
    }

    function clone(value, memory) {
        if (typeof value === "symbol") {
            refuse("a symbol");
        }
        if (typeof value === "function") {
            refuse("a function");
        }
        if (typeof value !== "object" || value === null) {
            return value;
        }
        const known = memory.get(value);
        if (known !== undefined) {
            return known;
        }
        const keep = copy => {
            memory.set(value, copy);
            return copy;
        };
        const type = kind(value);
        if (Object.hasOwn(primitives, type)) {
            return keep(Object(primitives[type](value)));
        }
        if (Object.hasOwn(ARRAYS, type)) {
            const buffer = bufferOf(value), offset = offsetOf(value), length = lengthOf(value);
            const copy = cloneBuffer(buffer, memory);
            return keep(new ARRAYS[type](copy, offset, length));
        }
        switch (type) {
        case "Date":
            return keep(new Date(time(value)));
        case "RegExp":
            return keep(new RegExp(source(value), flags(value)));
        case "ArrayBuffer":
        case "SharedArrayBuffer":
            return cloneBuffer(value, memory);
        case "DataView": {
            const offset = viewOffset(value), length = viewLength(value);
            return keep(new DataView(cloneBuffer(viewBuffer(value), memory), offset, length));
        }
        case "Map": {
            const copy = keep(new Map()), entries = [];
            mapEntries(value, (item, key) => entries.push([key, item]));
            for (const [key, item] of entries) {
                copy.set(clone(key, memory), clone(item, memory));
            }
            return copy;
        }
        case "Set": {
            const copy = keep(new Set()), items = [];
            setEntries(value, item => items.push(item));
            for (const item of items) {
                copy.add(clone(item, memory));
            }
            return copy;
        }
        case "Error":
            return cloneError(value, memory);
        case "DOMException":
            return keep(new DOMException(value.message, value.name));
        case "Array": {
            const copy = keep([]);
            copy.length = value.length;
            return cloneProperties(value, copy, memory);
        }
        case "Object":
        case "Arguments":
            if (isPlatform(value)) {
                refuse("an object of this class");
            }
            return cloneProperties(value, keep({}), memory);
        default:
            return refuse(`an object of the class ${type}`);
        }
    }

    function structuredClone(value, options) {
        if (arguments.length === 0) {
            throw new TypeError("1 argument is needed");
        }
        const memory = new Map();
        const buffers = new Set(), list = plain(options, "the options of structuredClone").transfer;
        for (const buffer of list ?? []) {
            if (kind(buffer) !== "ArrayBuffer" || detached(buffer) || buffers.has(buffer)) {
                refuse("what is to be transferred, but is no ArrayBuffer, detached, or there twice");
            }
            buffers.add(buffer);
        }
        const moved = [...buffers].map(buffer => [buffer, cloneBuffer(buffer, memory)]);
        const copy = clone(value, memory);
        for (const [buffer, target] of moved) {
            if (detached(buffer)) {
                refuse("an ArrayBuffer that is detached");
            }
            // A getter may have written to it meanwhile.
            if (bytes(buffer) === bytes(target)) {
                new Uint8Array(target).set(new Uint8Array(buffer));
            }
            transfer(buffer, 0);
        }
        return copy;
    }

    return {structuredClone};
})
