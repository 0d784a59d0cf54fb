// node run.mjs MODULE...: runs every program of every module, in turns, and prints size, time and pages.
import { readFileSync } from "node:fs";
import { basename } from "node:path";

const programs = [
    ["churn, 10,000 live, up to 512 B", (m) => m.churn(10000, 9, 1000000)],
    ["churn, 2,000 live, up to 8 KiB", (m) => m.churn(2000, 13, 500000)],
    ["churn, 200 live, up to 256 KiB", (m) => m.churn(200, 18, 20000)],
    ["vectors growing side by side", (m) => m.grow(400, 1500)],
    ["map of boxes", (m) => m.map(100000)],
];
const rounds = 5;

const modules = process.argv.slice(2).map((path) => {
    const bytes = readFileSync(path);
    return { name: basename(path, ".wasm"), size: bytes.length, compiled: new WebAssembly.Module(bytes) };
});
for (const { name, compiled } of modules) {
    const wrong = new WebAssembly.Instance(compiled).exports.soak(0, 100000);
    if (wrong !== 0) {
        throw new Error(`${name}: ${wrong} bytes are not what they should be`);
    }
}
const results = [];
for (const [title, program] of programs) {
    const rows = modules.map(() => ({ ms: Infinity, pages: 0, sum: null }));
    for (let round = 0; round < rounds; round++) {
        modules.forEach((module, index) => {
            const instance = new WebAssembly.Instance(module.compiled).exports;
            const before = instance.pages();
            const start = process.hrtime.bigint();
            const sum = program(instance);
            const ms = Number(process.hrtime.bigint() - start) / 1e6;
            const row = rows[index];
            row.ms = Math.min(row.ms, ms);
            row.pages = instance.pages() - before;
            row.sum = sum;
        });
    }
    if (rows.some((row) => row.sum !== rows[0].sum)) {
        throw new Error(`${title}: checksums differ: ${rows.map((row) => row.sum)}`);
    }
    results.push({ title, rows });
}
const cells = (row) => row.map((cell, index) => (index ? String(cell).padStart(12) : cell.padEnd(34))).join("");
console.log(cells(["", ...modules.map((module) => module.name)]));
console.log(cells(["size of the module, bytes", ...modules.map((module) => module.size)]));
for (const { title, rows } of results) {
    console.log(cells([`${title}: ms`, ...rows.map((row) => row.ms.toFixed(1))]));
    console.log(cells([`${" ".repeat(title.length)}  pages grown`, ...rows.map((row) => row.pages)]));
}
