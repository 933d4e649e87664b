/* structuredClone, in JavaScript: it is compiled at start, with the runtime's own functions at hand. */
#include "host.h"

static const char source[] =
    "(() => { 'use strict';\n"
    "const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, keys } = Object;\n"
    "const call = Function.prototype.call.bind.bind(Function.prototype.call);\n"
    "const getter = (type, name) => call(getOwnPropertyDescriptor(type.prototype, name).get);\n"
    "const typed = getPrototypeOf(Uint8Array);\n"
    "const kind = getter(typed, Symbol.toStringTag), buffer = getter(typed, 'buffer'), start = getter(typed, 'byteOffset');\n"
    "const count = getter(typed, 'length'), slice = call(ArrayBuffer.prototype.slice), getTime = call(Date.prototype.getTime);\n"
    "const viewed = getter(DataView, 'buffer'), viewStart = getter(DataView, 'byteOffset'), viewBytes = getter(DataView, 'byteLength');\n"
    "const eachEntry = call(Map.prototype.forEach), eachValue = call(Set.prototype.forEach);\n"
    "const types = {}, errors = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };\n"
    "for (const type of [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,\n"
    "  BigInt64Array, BigUint64Array, Float32Array, Float64Array]) types[type.name] = type;\n"
    "const fail = (what) => { const error = new Error(what + ' cannot be cloned'); error.name = 'DataCloneError'; throw error; };\n"
    "const keep = (seen, value, copy) => { seen.set(value, copy); return copy; };\n"
    /* Own keys only, defined: neither setters nor __proto__ of the copy may run. */
    "const fill = (value, copy, seen) => { for (const key of keys(value)) defineProperty(copy, key,\n"
    "  { value: clone(value[key], seen), writable: true, enumerable: true, configurable: true }); return copy; };\n"
    "const special = [\n"
    "  [Date, (v, seen) => keep(seen, v, new Date(getTime(v)))],\n"
    "  [Map, (v, seen) => { const list = []; eachEntry(v, (item, key) => list.push([key, item])); const copy = keep(seen, v, new Map());\n"
    "    for (const [key, item] of list) copy.set(clone(key, seen), clone(item, seen)); return copy; }],\n"
    "  [Set, (v, seen) => { const list = []; eachValue(v, (item) => list.push(item)); const copy = keep(seen, v, new Set());\n"
    "    for (const item of list) copy.add(clone(item, seen)); return copy; }],\n"
    "  [ArrayBuffer, (v, seen) => keep(seen, v, slice(v, 0))],\n"
    "  [DataView, (v, seen) => keep(seen, v, new DataView(clone(viewed(v), seen), viewStart(v), viewBytes(v)))],\n"
    "  [RegExp, (v, seen) => keep(seen, v, new RegExp(v.source, v.flags))],\n"
    "  [Error, (v, seen) => { const copy = keep(seen, v, new (errors[v.name] ?? Error)(String(v.message)));\n"
    "    for (const key of ['stack', 'cause']) if (getOwnPropertyDescriptor(v, key)) defineProperty(copy, key,\n"
    "      { value: clone(v[key], seen), writable: true, configurable: true }); return copy; }],\n"
    "  ...[Boolean, Number, String, BigInt].map((type) => [type, (v, seen) => keep(seen, v, Object(type.prototype.valueOf.call(v)))]),\n"
    "  ...[Promise, WeakMap, WeakSet, WeakRef, Symbol, SharedArrayBuffer].map((type) => [type, () => fail('a ' + type.name)]),\n"
    "];\n"
    "const clone = (value, seen) => {\n"
    "  if (typeof value === 'function' || typeof value === 'symbol') fail('a ' + typeof value);\n"
    "  if (typeof value !== 'object' || value === null) return value;\n"
    "  const known = seen.get(value);\n"
    "  if (known) return known;\n"
    "  if (Array.isArray(value)) return fill(value, keep(seen, value, new Array(value.length)), seen);\n"
    "  const name = kind(value);\n"
    "  if (name) return keep(seen, value, new types[name](clone(buffer(value), seen), start(value), count(value)));\n"
    "  if (getPrototypeOf(value) !== Object.prototype)\n"
    "    for (const [type, copy] of special) if (value instanceof type) return copy(value, seen);\n"
    "  return fill(value, keep(seen, value, {}), seen);\n"
    "};\n"
    "return function structuredClone(value, options) {\n"
    "  if (arguments.length === 0) throw new TypeError('structuredClone needs a value');\n"
    "  if (options?.transfer?.length) throw new TypeError('structuredClone cannot transfer here');\n"
    "  return clone(value, new Map());\n"
    "};\n"
    "})()";

int edge_clone_init(JSContext *ctx, JSValueConst global) {
  JSValue function = JS_Eval(ctx, source, sizeof source - 1, "edge-run", JS_EVAL_TYPE_GLOBAL);
  if (JS_IsException(function)) return -1;
  const int flags = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
  return JS_DefinePropertyValueStr(ctx, global, "structuredClone", function, flags) < 0 ? -1 : 0;
}
