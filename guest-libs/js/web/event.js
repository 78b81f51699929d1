// Event, CustomEvent, EventTarget, AbortController and AbortSignal, of the DOM standard, without a tree: an event has one target.
(({background, clear, now, cancel, shape, platform, plain}) => {
    const {apply} = Reflect;
    const AT_TARGET = 2;
    const needs = (given, count) => {
        if (given < count) {
            throw new TypeError(`${count} argument${count > 1 ? "s are" : " is"} needed`);
        }
    };

    let stateOf;

    class Event {
        #state;

        static {
            stateOf = event => event.#state;
            platform(value => #state in value);
        }

        constructor(type, init) {
            needs(arguments.length, 1);
            type = `${type}`;
            const {bubbles, cancelable, composed} = plain(init, "the options of an Event");
            this.#state = {
                type,
                bubbles: Boolean(bubbles),
                cancelable: Boolean(cancelable),
                composed: Boolean(composed),
                time: now(),
                target: null,
                current: null,
                dispatched: false,
                canceled: false,
                passive: false,
                stopped: false,
                ended: false,
                trusted: false,
            };
        }

        get type() {
            return this.#state.type;
        }

        get target() {
            return this.#state.target;
        }

        get srcElement() {
            return this.#state.target;
        }

        get currentTarget() {
            return this.#state.current;
        }

        get eventPhase() {
            return this.#state.current === null ? 0 : AT_TARGET;
        }

        get bubbles() {
            return this.#state.bubbles;
        }

        get cancelable() {
            return this.#state.cancelable;
        }

        get composed() {
            return this.#state.composed;
        }

        get defaultPrevented() {
            return this.#state.canceled;
        }

        get returnValue() {
            return !this.#state.canceled;
        }

        set returnValue(value) {
            if (!value) {
                this.preventDefault();
            }
        }

        get cancelBubble() {
            return this.#state.stopped;
        }

        set cancelBubble(value) {
            if (value) {
                this.#state.stopped = true;
            }
        }

        get isTrusted() {
            return this.#state.trusted;
        }

        get timeStamp() {
            return this.#state.time;
        }

        composedPath() {
            return this.#state.current === null ? [] : [this.#state.current];
        }

        preventDefault() {
            const state = this.#state;
            if (state.cancelable && !state.passive) {
                state.canceled = true;
            }
        }

        stopPropagation() {
            this.#state.stopped = true;
        }

        stopImmediatePropagation() {
            this.#state.stopped = this.#state.ended = true;
        }
    }
    shape(Event, {NONE: 0, CAPTURING_PHASE: 1, AT_TARGET, BUBBLING_PHASE: 3});

    class CustomEvent extends Event {
        #detail;

        constructor(type, init) {
            needs(arguments.length, 1);
            super(type, init);
            this.#detail = plain(init, "the options of a CustomEvent").detail ?? null;
        }

        get detail() {
            return this.#detail;
        }
    }
    shape(CustomEvent);

    let listen, unlisten, listenersOf;

    class EventTarget {
        #listeners = {__proto__: null};

        static {
            platform(value => #listeners in value);
            listenersOf = target => target.#listeners;
            listen = (target, type, listener) => {
                const list = target.#listeners[type] ??= [];
                for (let index = 0; index < list.length; ++index) {
                    if (list[index].callback === listener.callback && list[index].capture === listener.capture) {
                        return;
                    }
                }
                list.push(listener);
                changed(target, type);
            };
            unlisten = (target, type, callback, capture) => {
                const list = target.#listeners[type] ?? [];
                const index = list.findIndex(one => one.callback === callback && one.capture === capture);
                if (index >= 0) {
                    list[index].removed = true;
                    list.splice(index, 1);
                    if (list.length === 0) {
                        delete target.#listeners[type];
                    }
                    changed(target, type);
                }
            };
        }

        addEventListener(type, callback, options) {
            this.#listeners;
            needs(arguments.length, 2);
            type = `${type}`;
            if (typeof options === "boolean") {
                options = {capture: options};
            }
            const {capture, once, passive, signal} = plain(options, "the options of addEventListener");
            if (signal !== undefined) {
                check(signal);
            }
            if (callback === null || callback === undefined) {
                return;
            }
            if (typeof callback !== "function" && typeof callback !== "object") {
                throw new TypeError("the listener must be a function or an object");
            }
            if (signal?.aborted) {
                return;
            }
            listen(this, type, {
                callback,
                capture: Boolean(capture),
                once: Boolean(once),
                passive: Boolean(passive),
                removed: false,
            });
            if (signal !== undefined) {
                follow(signal, () => unlisten(this, type, callback, Boolean(capture)));
            }
        }

        removeEventListener(type, callback, options) {
            this.#listeners;
            needs(arguments.length, 2);
            const capture = typeof options === "boolean" ? options : plain(options, "the options of removeEventListener").capture;
            unlisten(this, `${type}`, callback, Boolean(capture));
        }

        dispatchEvent(event) {
            this.#listeners;
            needs(arguments.length, 1);
            const state = stateOf(event);
            if (state.dispatched) {
                throw new DOMException("the event is being dispatched", "InvalidStateError");
            }
            state.trusted = false;
            return dispatch(this, event);
        }
    }
    shape(EventTarget);

    function dispatch(target, event) {
        const state = stateOf(event);
        const list = [...listenersOf(target)[state.type] ?? []];
        state.dispatched = true;
        state.target = state.current = target;
        for (const capture of [true, false]) {
            for (const listener of list) {
                if (listener.capture !== capture || listener.removed || state.ended) {
                    continue;
                }
                if (listener.once) {
                    unlisten(target, state.type, listener.callback, capture);
                }
                state.passive = listener.passive;
                try {
                    if (typeof listener.callback === "function") {
                        apply(listener.callback, target, [event]);
                    } else {
                        listener.callback.handleEvent(event);
                    }
                } catch (error) {
                    // The other listeners are called; then it ends the script as any error that nothing catches.
                    queueMicrotask(() => {
                        throw error;
                    });
                }
                state.passive = false;
            }
            if (state.stopped) {
                break;
            }
        }
        state.current = null;
        state.dispatched = state.stopped = state.ended = false;
        return !state.canceled;
    }

    const secret = {};
    let signalOf;

    class AbortSignal extends EventTarget {
        #state = {
            aborted: false,
            reason: undefined,
            // What is done when it is aborted, before the event.
            steps: [],
            // The calls of os that wait and that it ends: their descriptors by their ids.
            calls: {__proto__: null},
            // Whom this one is the source of, and the records that others have of this one.
            dependents: [],
            holders: [],
            sources: [],
            handler: null,
        };

        static {
            signalOf = signal => signal.#state;
        }

        constructor(key) {
            if (key !== secret) {
                throw new TypeError("AbortSignal has no constructor");
            }
            super();
        }

        static abort(reason) {
            const signal = new AbortSignal(secret);
            const state = signalOf(signal);
            state.aborted = true;
            state.reason = reason === undefined ? new DOMException("the operation was aborted", "AbortError") : reason;
            return signal;
        }

        static timeout(milliseconds) {
            needs(arguments.length, 1);
            const delay = Math.trunc(+milliseconds);
            if (!(delay >= 0 && delay <= Number.MAX_SAFE_INTEGER)) {
                throw new TypeError("the time must be a number of milliseconds");
            }
            const signal = new AbortSignal(secret);
            const record = {weak: new WeakRef(signal), strong: null};
            signalOf(signal).holders.push(record);
            const timer = background(() => {
                const signal = record.weak.deref();
                if (signal !== undefined) {
                    abort(signal, new DOMException("the operation timed out", "TimeoutError"));
                }
            }, delay);
            forgotten ??= new FinalizationRegistry(clear);
            forgotten.register(signal, timer);
            return signal;
        }

        static any(signals) {
            needs(arguments.length, 1);
            const all = [...signals];
            all.forEach(check);
            const signal = new AbortSignal(secret);
            const aborted = all.find(source => signalOf(source).aborted);
            if (aborted !== undefined) {
                signalOf(signal).aborted = true;
                signalOf(signal).reason = signalOf(aborted).reason;
                return signal;
            }
            const sources = new Set();
            for (const source of all) {
                const {sources: its} = signalOf(source);
                (its.length > 0 ? its : [source]).forEach(root => sources.add(root));
            }
            for (const source of sources) {
                const state = signalOf(source);
                const record = {weak: new WeakRef(signal), strong: null};
                if (state.dependents.length >= (state.room ?? 16)) {
                    state.dependents = state.dependents.filter(other => other.weak.deref() !== undefined);
                    state.room = state.dependents.length * 2 + 16;
                }
                state.dependents.push(record);
                signalOf(signal).holders.push(record);
                signalOf(signal).sources.push(source);
            }
            return signal;
        }

        get aborted() {
            return this.#state.aborted;
        }

        get reason() {
            return this.#state.reason;
        }

        throwIfAborted() {
            if (this.#state.aborted) {
                throw this.#state.reason;
            }
        }

        get onabort() {
            return this.#state.handler?.current ?? null;
        }

        set onabort(value) {
            const state = this.#state;
            if (typeof value !== "function" && (typeof value !== "object" || value === null)) {
                if (state.handler !== null) {
                    unlisten(this, "abort", state.handler, false);
                    state.handler = null;
                }
                return;
            }
            if (state.handler !== null) {
                state.handler.current = value;
                return;
            }
            const handler = {
                current: value,
                handleEvent: event => typeof handler.current === "function" && apply(handler.current, this, [event]),
            };
            state.handler = handler;
            listen(this, "abort", {callback: handler, capture: false, once: false, passive: false, removed: false});
        }
    }
    shape(AbortSignal);
    let forgotten;

    function check(signal) {
        try {
            signalOf(signal);
        } catch {
            throw new TypeError("the signal must be an AbortSignal");
        }
    }

    /** A signal that something waits for must not be lost while one of its sources or its timer is there. */
    function hold(signal) {
        const state = signalOf(signal);
        const strong = !state.aborted && (state.steps.length > 0 || listenersOf(signal).abort !== undefined) ? signal : null;
        for (const record of state.holders) {
            record.strong = strong;
        }
    }

    function changed(target, type) {
        if (type === "abort" && target instanceof AbortSignal) {
            hold(target);
        }
    }

    /** Has `step` done when the signal is aborted. */
    function follow(signal, step) {
        signalOf(signal).steps.push(step);
        hold(signal);
    }

    function abort(signal, reason) {
        const state = signalOf(signal);
        if (state.aborted) {
            return;
        }
        const all = [signal];
        for (const record of state.dependents) {
            const dependent = record.weak.deref();
            if (dependent !== undefined && !signalOf(dependent).aborted) {
                all.push(dependent);
            }
        }
        for (const one of all) {
            signalOf(one).aborted = true;
            signalOf(one).reason = reason;
        }
        for (const one of all) {
            finish(one);
        }
    }

    function finish(signal) {
        const state = signalOf(signal);
        const {steps, calls, reason} = state;
        state.steps = [];
        state.calls = {__proto__: null};
        state.dependents = [];
        for (const step of steps) {
            step();
        }
        for (const id in calls) {
            cancel(+id, calls[id], reason);
        }
        const event = new Event("abort");
        stateOf(event).trusted = true;
        dispatch(signal, event);
        hold(signal);
        state.sources = state.holders = [];
    }

    class AbortController {
        #signal = new AbortSignal(secret);

        static {
            platform(value => #signal in value);
        }

        get signal() {
            return this.#signal;
        }

        abort(reason) {
            abort(this.#signal, reason === undefined ? new DOMException("the operation was aborted", "AbortError") : reason);
        }
    }
    shape(AbortController);

    return {
        Event, CustomEvent, EventTarget, AbortController, AbortSignal,
        // For calls of os.
        aborted(signal) {
            check(signal);
            const {aborted, reason} = signalOf(signal);
            return aborted ? [reason] : undefined;
        },
        attach: (signal, id, fd) => signalOf(signal).calls[id] = fd,
        detach: (signal, id) => delete signalOf(signal).calls[id],
    };
})
