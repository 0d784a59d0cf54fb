// Objects on V8's own heap, buffers and compressed data on malloc's.
const zlib = require("zlib");
const crypto = require("crypto");
const items = Array.from({ length: 60000 }, (_, n) => ({ n, name: `item ${n}`, tags: [n % 7, n % 11] }));
const text = JSON.stringify(items);
const hash = crypto.createHash("sha256").update(text);
let total = 0;
for (let round = 0; round < 30; round++) {
  const part = Buffer.from(text.slice(round * 50000, (round + 1) * 50000));
  const back = zlib.gunzipSync(zlib.gzipSync(part));
  total += back.length;
  hash.update(back);
}
const buffers = Array.from({ length: 2000 }, (_, n) => Buffer.alloc(n * 13, n & 255));
console.log(text.length, total, Buffer.concat(buffers).length, hash.digest("hex"));
