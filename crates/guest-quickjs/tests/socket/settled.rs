//! Promises that are settled when a call returns: they are made by hand, and must be what the engine's own are.

use crate::support::script;

#[test]
fn a_promise_that_is_settled_at_once_is_one_of_the_engines_own() {
    script(
        "const [fd, to] = udp();
         const sent = os.sendto(fd, to, bytes('abc'));
         const received = os.recvfrom(fd, new Uint8Array(8));
         for (const promise of [sent, received]) {
             print(promise instanceof Promise, Object.getPrototypeOf(promise) === Promise.prototype,
                 Reflect.ownKeys(promise).length, Object.isExtensible(promise), String(promise),
                 Promise.resolve(promise) === promise, promise.then() !== promise);
         }
         print(sent !== os.sendto(fd, to, bytes('d')), await sent, (await received)[0], (await received) === (await received));
         sent.own = 1;
         Object.setPrototypeOf(received, null);
         print(sent.own, await Promise.prototype.then.call(received, ([count]) => count));
         print((await Promise.allSettled([sent, os.sendto(fd, to, bytes('')), fails(os.sendto(99, to, bytes('')))]))
             .map(({status, value}) => `${status} ${value}`).join());",
        "true true 0 true [object Promise] true true\n\
         true true 0 true [object Promise] true true\n\
         true 3 3 true\n\
         1 3\n\
         fulfilled 3,fulfilled 0,fulfilled -9\n",
    );
}

#[test]
fn its_reactions_run_in_the_microtasks_in_which_those_of_the_engines_own_run() {
    script(
        "const [fd, to] = udp();
         const order = make => new Promise(done => {
             const seen = [];
             const ticks = async name => { for (let i = 0; i < 6; i++) { seen.push(name + i); await null; } };
             ticks('a');
             const promise = make();
             promise.then(() => seen.push('then'));
             promise.finally(() => seen.push('finally')).then(() => seen.push('after'));
             (async () => { await promise; seen.push('await'); })();
             (async () => { try { return await (async () => promise)(); } finally { seen.push('returned'); } })();
             new Promise(resolve => resolve(promise)).then(() => seen.push('adopted'));
             ticks('b').then(() => setTimeout(() => done(seen.join()), 1));
         });
         const message = bytes('x'), buffer = new Uint8Array(4);
         const own = await order(() => Promise.resolve([1]));
         print(own.includes('adopted'));
         print(await order(() => os.sendto(fd, to, message)) === own, await order(() => os.recvfrom(fd, buffer)) === own);",
        "true\ntrue true\n",
    );
}

/// What scripts may put before the arrays that calls give: each is seen as often, and does the same, as with `Promise.resolve`.
#[test]
fn a_then_that_the_result_inherits_is_asked_as_the_engine_asks_it() {
    script(
        "const [fd, to] = udp();
         const message = bytes('x'), buffer = new Uint8Array(4);
         let seen = [];
         const then = function (resolve, reject) { seen.push('called'); resolve('thenable ' + this.length); };
         const throwing = () => { seen.push('called'); throw 'thrown'; };
         const getter = value => ({get() { seen.push('got'); if (value === throwing) throw 'by the getter'; return value; }});
         const changes = {
             'nothing': () => () => {},
         };
         for (const [name, target] of [['array', Array.prototype], ['object', Object.prototype]]) {
             for (const [what, descriptor] of Object.entries({
                 data: {value: then}, throwing: {value: throwing}, number: {value: 5},
                 getter: getter(then), wrong: getter(5), failing: getter(throwing),
             })) {
                 changes[name + ' ' + what] = () => {
                     Object.defineProperty(target, 'then', {...descriptor, configurable: true});
                     return () => { delete target.then; };
                 };
             }
         }
         changes.proxy = () => {
             const handler = new Proxy({}, {get(_, trap) { return (...args) => {
                 if (args[1] === 'then' || trap === 'getPrototypeOf') seen.push(trap);
                 return Reflect[trap](...args);
             }; }});
             Object.setPrototypeOf(Array.prototype, new Proxy({__proto__: Object.prototype}, handler));
             return () => Object.setPrototypeOf(Array.prototype, Object.prototype);
         };
         changes.parent = () => {
             Object.setPrototypeOf(Array.prototype, {__proto__: Object.prototype, then});
             return () => Object.setPrototypeOf(Array.prototype, Object.prototype);
         };
         changes.none = () => {
             Object.setPrototypeOf(Array.prototype, null);
             return () => Object.setPrototypeOf(Array.prototype, Object.prototype);
         };
         const outcome = (change, make) => {
             seen = [];
             let result = 'pending';
             const restore = change();
             const promise = make();
             restore();
             const now = seen.slice();
             return Promise.prototype.then.call(promise, value => 'fulfilled ' + (typeof value === 'string' ? value : value.length),
                 reason => 'rejected ' + reason).then(result => `${result} [${now}] [${seen}]`);
         };
         for (const [name, change] of Object.entries(changes)) {
             const own = await outcome(change, () => Promise.resolve([1, {}]));
             await os.sendto(fd, to, message);
             const ours = await outcome(change, () => os.recvfrom(fd, buffer));
             if (own !== ours) print(name, own, '/', ours);
         }
         print(Object.keys(changes).length);",
        "16\n",
    );
}

#[test]
fn what_a_script_does_to_promises_reaches_it() {
    script(
        "const [fd, to] = udp();
         const message = bytes('x');
         const Own = Promise;
         const plainThen = Own.prototype.then;
         let thens = 0;
         Own.prototype.then = function (...args) { thens++; return plainThen.apply(this, args); };
         await os.sendto(fd, to, message);
         print('an await asks no then:', thens);
         Object.defineProperty(Own.prototype, 'constructor', {value: class extends Own {}, configurable: true, writable: true});
         await os.sendto(fd, to, message);
         print('but for another constructor:', thens);
         Own.prototype.constructor = Own;
         Own.prototype.then = plainThen;
         class Other extends Own { static get [Symbol.species]() { return Own; } }
         const sent = os.sendto(fd, to, message);
         sent.constructor = Other;
         print(sent.then() instanceof Other, Other.resolve(sent) === sent);
         globalThis.Promise = Other;
         print(os.sendto(fd, to, message) instanceof Other, os.sendto(fd, to, message) instanceof Own);",
        "an await asks no then: 0\n\
         but for another constructor: 1\n\
         false true\n\
         false true\n",
    );
}

#[test]
fn it_is_collected_with_all_that_it_holds_and_in_any_circle() {
    script(
        "import * as std from 'std';
         const [fd, to] = udp();
         const message = bytes('x'), buffer = new Uint8Array(4);
         const gone = [];
         const registry = new FinalizationRegistry(name => gone.push(name));
         await (async () => {
             for (let i = 0; i < 1000; i++) {
                 const sent = os.sendto(fd, to, message);
                 const received = os.recvfrom(fd, buffer);
                 const result = await received;
                 // The promise holds the array, and the array the promise.
                 result.push(received, sent);
                 sent.received = received;
                 registry.register(received, i);
             }
         })();
         std.gc();
         await new Promise(done => setTimeout(done, 1));
         print(gone.length >= 999);
         const kept = Array.from({length: 1000}, () => os.sendto(fd, to, bytes('xy')));
         std.gc();
         print((await Promise.all(kept)).every(count => count === 2));",
        "true\ntrue\n",
    );
}
