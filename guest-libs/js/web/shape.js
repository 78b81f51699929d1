// What the classes of this directory have in common.
(() => {
    const {defineProperty, getOwnPropertyDescriptor} = Object;
    const {ownKeys} = Reflect;
    const tests = [];

    /** Gives a class the form that Web IDL asks for: members that loops see, and a name for `Object.prototype.toString`. */
    function shape(type, constants = {}) {
        for (const object of [type, type.prototype]) {
            for (const key of ownKeys(object)) {
                const property = getOwnPropertyDescriptor(object, key);
                if (typeof key === "string" && key !== "constructor" && property.configurable &&
                    !["length", "name", "prototype"].includes(key)) {
                    defineProperty(object, key, {...property, enumerable: true});
                }
            }
            for (const key of ownKeys(constants)) {
                defineProperty(object, key, {value: constants[key], enumerable: true});
            }
        }
        defineProperty(type.prototype, Symbol.toStringTag, {value: type.name, configurable: true});
    }

    /** Has objects that `test` knows refused by `structuredClone`. */
    function platform(test) {
        tests[tests.length] = test;
    }

    function isPlatform(value) {
        for (let index = 0; index < tests.length; ++index) {
            if (tests[index](value)) {
                return true;
            }
        }
        return false;
    }

    /** A dictionary of Web IDL: an object, or nothing. */
    function plain(value, name) {
        if (value === undefined || value === null) {
            return {};
        }
        if (typeof value !== "object" && typeof value !== "function") {
            throw new TypeError(`${name} must be an object`);
        }
        return value;
    }

    return {shape, platform, isPlatform, plain};
})
