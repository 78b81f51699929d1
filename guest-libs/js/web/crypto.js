// crypto.getRandomValues and crypto.randomUUID, of the Web Cryptography API.
(({fill, uuid, kind, shape, platform}) => {
    const INTEGERS = ["Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array",
        "BigInt64Array", "BigUint64Array"];
    const MOST = 65536;
    const length = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array).prototype, "byteLength").get;
    const {apply} = Reflect;
    const secret = {};

    class Crypto {
        #brand;

        static {
            platform(value => #brand in value);
        }

        constructor(key) {
            if (key !== secret) {
                throw new TypeError("Crypto has no constructor");
            }
        }

        getRandomValues(array) {
            this.#brand;
            if (!INTEGERS.includes(kind(array))) {
                throw new DOMException("the array must be a typed array of integers", "TypeMismatchError");
            }
            if (apply(length, array, []) > MOST) {
                throw new DOMException(`at most ${MOST} bytes are made at a time`, "QuotaExceededError");
            }
            fill(array);
            return array;
        }

        randomUUID() {
            this.#brand;
            return uuid();
        }
    }

    shape(Crypto);
    return {Crypto, crypto: new Crypto(secret)};
})
