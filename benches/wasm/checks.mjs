// node checks.mjs MODULE: calls each check of `src/checks.rs` in an instance of its own. Each must return zero.
import { readFileSync } from "node:fs";

const compiled = new WebAssembly.Module(readFileSync(process.argv[2]));
for (const check of ["pages_first", "to_the_top"]) {
    const result = new WebAssembly.Instance(compiled).exports[check]();
    if (result !== 0) {
        throw new Error(`${check}: ${result}`);
    }
}
