// URL and URLSearchParams, of the URL standard.
(({parse, change, decode, shape, platform}) => {
    // The order in which the natives give the parts of a URL.
    const HREF = 0, ORIGIN = 1, PROTOCOL = 2, USERNAME = 3, PASSWORD = 4, HOST = 5, HOSTNAME = 6, PORT = 7, PATHNAME = 8,
        SEARCH = 9, HASH = 10;
    const ESCAPED = {"!": "%21", "'": "%27", "(": "%28", ")": "%29", "~": "%7E", "%20": "+"};
    const wellFormed = value => `${value}`.toWellFormed();

    /** Of application/x-www-form-urlencoded. */
    const encode = text => encodeURIComponent(text).replace(/[!'()~]|%20/g, letter => ESCAPED[letter]);
    const decoded = text => {
        text = text.replaceAll("+", " ");
        return text.includes("%") ? decode(text) : text;
    };

    function pairs(query) {
        const list = [];
        for (const part of query.split("&")) {
            if (part !== "") {
                const equals = part.indexOf("=");
                list.push(equals < 0 ? [decoded(part), ""] : [decoded(part.slice(0, equals)), decoded(part.slice(equals + 1))]);
            }
        }
        return list;
    }

    function needs(given, count) {
        if (given < count) {
            throw new TypeError(`${count} argument${count > 1 ? "s are" : " is"} needed`);
        }
    }

    let attach, refresh;

    class URLSearchParams {
        #list = [];
        #changed = null;

        static {
            platform(value => #list in value);
            attach = (params, changed) => params.#changed = changed;
            refresh = (params, query) => params.#list = pairs(query);
        }

        constructor(init = "") {
            if ((typeof init === "object" || typeof init === "function") && init !== null) {
                const iterate = init[Symbol.iterator];
                if (iterate !== undefined && iterate !== null) {
                    for (const pair of init) {
                        if (typeof pair !== "object" && typeof pair !== "function" || pair === null) {
                            throw new TypeError("each item must be a name and a value");
                        }
                        const [...both] = pair;
                        if (both.length !== 2) {
                            throw new TypeError("each item must be a name and a value");
                        }
                        this.#list.push([wellFormed(both[0]), wellFormed(both[1])]);
                    }
                    return;
                }
                const record = new Map();
                for (const key of Reflect.ownKeys(init)) {
                    if (Object.getOwnPropertyDescriptor(init, key)?.enumerable) {
                        record.set(wellFormed(key), wellFormed(init[key]));
                    }
                }
                this.#list = [...record];
                return;
            }
            const text = wellFormed(init);
            this.#list = pairs(text.startsWith("?") ? text.slice(1) : text);
        }

        #update() {
            this.#changed?.(this.toString());
        }

        get size() {
            return this.#list.length;
        }

        append(name, value) {
            this.#list;
            needs(arguments.length, 2);
            this.#list.push([wellFormed(name), wellFormed(value)]);
            this.#update();
        }

        delete(name, value = undefined) {
            this.#list;
            needs(arguments.length, 1);
            name = wellFormed(name);
            value = value === undefined ? undefined : wellFormed(value);
            this.#list = this.#list.filter(pair => pair[0] !== name || value !== undefined && pair[1] !== value);
            this.#update();
        }

        get(name) {
            this.#list;
            needs(arguments.length, 1);
            name = wellFormed(name);
            return this.#list.find(pair => pair[0] === name)?.[1] ?? null;
        }

        getAll(name) {
            this.#list;
            needs(arguments.length, 1);
            name = wellFormed(name);
            return this.#list.filter(pair => pair[0] === name).map(pair => pair[1]);
        }

        has(name, value = undefined) {
            this.#list;
            needs(arguments.length, 1);
            name = wellFormed(name);
            value = value === undefined ? undefined : wellFormed(value);
            return this.#list.some(pair => pair[0] === name && (value === undefined || pair[1] === value));
        }

        set(name, value) {
            this.#list;
            needs(arguments.length, 2);
            name = wellFormed(name);
            value = wellFormed(value);
            const first = this.#list.findIndex(pair => pair[0] === name);
            if (first < 0) {
                this.#list.push([name, value]);
            } else {
                this.#list[first][1] = value;
                this.#list = this.#list.filter((pair, index) => index <= first || pair[0] !== name);
            }
            this.#update();
        }

        sort() {
            this.#list.sort((one, other) => one[0] < other[0] ? -1 : one[0] > other[0] ? 1 : 0);
            this.#update();
        }

        forEach(callback, self = undefined) {
            this.#list;
            if (typeof callback !== "function") {
                throw new TypeError("the callback must be a function");
            }
            for (let index = 0; index < this.#list.length; ++index) {
                const [name, value] = this.#list[index];
                Reflect.apply(callback, self, [value, name, this]);
            }
        }

        * #iterate(part) {
            for (let index = 0; index < this.#list.length; ++index) {
                yield part(this.#list[index]);
            }
        }

        entries() {
            return this.#iterate(([name, value]) => [name, value]);
        }

        keys() {
            return this.#iterate(pair => pair[0]);
        }

        values() {
            return this.#iterate(pair => pair[1]);
        }

        toString() {
            return this.#list.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
        }
    }
    shape(URLSearchParams);
    Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, {
        value: URLSearchParams.prototype.entries,
        writable: true,
        configurable: true,
    });

    const parts = (url, base) => parse(wellFormed(url), base === undefined ? undefined : wellFormed(base));

    class URL {
        #parts;
        #params = null;

        static {
            platform(value => #parts in value);
        }

        constructor(url, base = undefined) {
            needs(arguments.length, 1);
            this.#parts = parts(url, base);
            if (this.#parts === undefined) {
                const error = new TypeError("Invalid URL");
                error.code = "ERR_INVALID_URL";
                throw error;
            }
        }

        static canParse(url, base = undefined) {
            needs(arguments.length, 1);
            return parts(url, base) !== undefined;
        }

        static parse(url, base = undefined) {
            needs(arguments.length, 1);
            return URL.canParse(url, base) ? new URL(url, base) : null;
        }

        #set(part, value) {
            this.#parts = change(this.#parts[HREF], part, wellFormed(value)) ?? this.#parts;
        }

        #refresh() {
            if (this.#params !== null) {
                refresh(this.#params, this.#parts[SEARCH].slice(1));
            }
        }

        get href() {
            return this.#parts[HREF];
        }

        set href(value) {
            const changed = parts(value);
            if (changed === undefined) {
                throw new TypeError("Invalid URL");
            }
            this.#parts = changed;
            this.#refresh();
        }

        get origin() {
            return this.#parts[ORIGIN];
        }

        get protocol() {
            return this.#parts[PROTOCOL];
        }

        set protocol(value) {
            this.#set(PROTOCOL, value);
        }

        get username() {
            return this.#parts[USERNAME];
        }

        set username(value) {
            this.#set(USERNAME, value);
        }

        get password() {
            return this.#parts[PASSWORD];
        }

        set password(value) {
            this.#set(PASSWORD, value);
        }

        get host() {
            return this.#parts[HOST];
        }

        set host(value) {
            this.#set(HOST, value);
        }

        get hostname() {
            return this.#parts[HOSTNAME];
        }

        set hostname(value) {
            this.#set(HOSTNAME, value);
        }

        get port() {
            return this.#parts[PORT];
        }

        set port(value) {
            this.#set(PORT, value);
        }

        get pathname() {
            return this.#parts[PATHNAME];
        }

        set pathname(value) {
            this.#set(PATHNAME, value);
        }

        get search() {
            return this.#parts[SEARCH];
        }

        set search(value) {
            this.#set(SEARCH, value);
            this.#refresh();
        }

        get searchParams() {
            if (this.#params === null) {
                this.#params = new URLSearchParams(this.#parts[SEARCH]);
                attach(this.#params, query => this.#set(SEARCH, query));
            }
            return this.#params;
        }

        get hash() {
            return this.#parts[HASH];
        }

        set hash(value) {
            this.#set(HASH, value);
        }

        toString() {
            return this.#parts[HREF];
        }

        toJSON() {
            return this.#parts[HREF];
        }
    }

    shape(URL);
    return {URL, URLSearchParams};
})
