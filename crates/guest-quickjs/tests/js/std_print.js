// Values of every kind. The expected text is what qjs prints.
const sym = Symbol("s");
const circ = { a: 1 }; circ.self = circ; circ.deep = { up: circ };
class Foo { constructor() { this.x = 1; } get y() { return 2; } static z = 3; }
function fn(a) {} ; fn.prop = 1;
const err = new RangeError("bad"); err.stack = "    at here\n";
const err2 = new Error("m", {cause: 1}); Object.defineProperty(err2, "stack", { value: undefined }); err2.extra = 5;
const err3 = new TypeError(""); Object.defineProperty(err3, "stack", { value: undefined });
const a = [1,2]; a.length = 5; const b = [1,2]; b.foo = "x";
const nul = Object.create(null); nul.k = 1;
const cases = { num: 1, neg0: -0, f: 1.5, big: 10n, hugebig: 2n**100n, nan: NaN, inf: -Infinity, str: "s\n\"q\"'\\\u0001é😀", undef: undefined, nul: null, t: true, sym,
 symd: Symbol(), symsp: Symbol("a b"), arr: [1,"a",[2,[3,[4]]],{}], empty: [], eobj: {}, hole: [1,,3], trail: a, prop: b, nested: {a:{b:{c:{d:1}}}}, keys: {1:2, "a b":1, $x:4, "é":5, [sym]:3},
 getter: { get g(){return 1}, set s(v){}, get gs(){return 1}, set gs(v){} }, circ, inst: new Foo(), cls: Foo, fn, arrow: ()=>1, anon: (()=>function(){})(), async: async()=>1, gen: function*g(){}, builtin: Math.max,
 map: new Map([[1,"a"],["k",{z:1}]]), set: new Set([1,"a"]), emap: new Map(), wm: new WeakMap(), ws: new WeakSet(), re: /a\/b[/]\n/gi, ere: new RegExp(""), date: new Date(0), bad: new Date(NaN), err, err2, err3,
 u8: new Uint8Array([1,2,255]), f64: new Float64Array([1.5,-0,NaN]), i64: new BigInt64Array([-5n]), u64: new BigUint64Array([5n]), f16: typeof Float16Array=="undefined"?0:new Float16Array([0.5]), eu8: new Uint8Array(0), ab: new ArrayBuffer(4), sab: new SharedArrayBuffer(4), dv: new DataView(new ArrayBuffer(2)),
 prom: Promise.resolve(1), proxy: new Proxy({a:1},{}), pf: new Proxy(function(){}, {}), nulproto: nul, boxed: new Number(5), bstr: new String("hi"), bbool: new Boolean(false), bsym: Object(Symbol("q")), bbig: Object(5n), math: Math, json: JSON, global: typeof globalThis, args: (function(){return arguments})(1,2),
 many: Array.from({length:105},(_, i)=>i), manyset: new Set(Array.from({length:103},(_, i)=>i)), manyu8: new Uint8Array(101), manyprops: Object.fromEntries(Array.from({length:102},(_, i)=>["k"+i,i])), long: ["x".repeat(1001)], long2:["x".repeat(1010)], weakref: new WeakRef({}), iter: [1][Symbol.iterator](), mapit: new Map().entries(), genobj: (function*(){})(), regsym: /x/y, hidden: Object.defineProperty({}, "h", {value:1}), accarr: Object.defineProperty([1], 0, {get(){return 5}, enumerable:true}), errobj: {e: err}, depth: [[[[1]]]], depthmap: {a:{b:new Map([[1,2]])}}, depthd: {a:{b:new Date(0)}}, depthf: {a:{b:{f(){}}}}, sub: new (class Sub extends Array{})(1,2), suberr: (()=>{class E2 extends Error{}; const e=new E2("q"); Object.defineProperty(e, "stack", { value: undefined }); return e})(), fnnoname: Object.defineProperty(function q(){}, "name", {value:5})};
for (const k in cases) print(k + ":", cases[k]);
print(); print("a", 1, "b"); print("s"); print(["s"]); console.log("x", {a:1}, [1]); print("a\0b");
print(["s\n\t\r\b\f\v\0\"q\"'\\\u0001\u007f\u0080é😀\ud800x\udc00"]); print({"0":3, "a\nb":1, "":2, "1x":4, "-1":5}); let e = new Error("x"); class A { get message(){ print("called"); return "m" } }; let q = new Error("zz"); Object.defineProperty(q, "stack", { value: undefined }); Object.defineProperty(q,"message",{get(){print("called"); return "gm"}}); print(q); Object.defineProperty(q,"name",{value:5});print(q); print([[,1]], Array(3), [undefined], (()=>{let a=[1,2,3]; delete a[1]; return a})(), (()=>{let a=[1]; a[5]=2; return a})());
function F(){}; print(new F, {__proto__:{a:1}}, {f(){}, g:()=>1, h:class{}}); print({a:undefined,b:null,c:"s",d:1n,e:Symbol("t")}); print(new Map([[{a:1},{b:{c:1}}]])); print([new Uint8Array(2)], {m:new Map()}); console.log(); console.log(""); print({a:[]}); print(new (class K extends Map{})([[1,2]]));print(Object.assign(new Date(0),{a:1}), Object.assign(/x/,{y:2}), Object.assign(()=>1,{a:1,b:2}));let mm=new Map([[1,2]]); mm.x=5; print(mm); 
