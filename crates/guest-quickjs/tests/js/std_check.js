// Checks for the test scripts: a failed one throws, which ends the script with an error.

/** Two values are the same, compared as JSON where they are objects. */
export function equal(actual, expected, what = "") {
    const text = value =>
        typeof value === "bigint" ? `${value}n` : typeof value === "object" ? JSON.stringify(value) : String(value);
    if (typeof actual !== typeof expected || text(actual) !== text(expected)) {
        throw new Error(`${what}: ${text(actual)} is not ${text(expected)}`);
    }
}

/** Something holds. */
export function holds(value, what = "") {
    if (value !== true) {
        throw new Error(`${what} does not hold: ${String(value)}`);
    }
}

/** A call throws an error of this type, and its message has this in it. */
export function throws(type, text, call) {
    try {
        call();
    } catch (error) {
        if (!(error instanceof type) || !error.message.includes(text)) {
            throw new Error(`${error.name}: ${error.message} is not a ${type.name} with "${text}" in ${call}`);
        }
        return;
    }
    throw new Error(`nothing was thrown by ${call}`);
}

/** A promise is rejected with this value. */
export async function rejects(expected, promise, what = "") {
    let value;
    try {
        value = await promise;
    } catch (error) {
        return equal(error, expected, what);
    }
    throw new Error(`${what}: was not rejected: ${String(value)}`);
}

/** The bytes of a text that is ASCII. */
export const bytes = text => Uint8Array.from(text, letter => letter.charCodeAt(0));

/** The text of bytes that are ASCII. */
export const text = array => String.fromCharCode(...new Uint8Array(array));
