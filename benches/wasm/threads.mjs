// node threads.mjs MODULE: several threads on one shared memory, one allocator.
import { readFileSync } from "node:fs";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

const threads = 4;
const steps = 200000;

async function instance(compiled, memory) {
    return (await WebAssembly.instantiate(compiled, { env: { memory } })).exports;
}

if (isMainThread) {
    const compiled = new WebAssembly.Module(readFileSync(process.argv[2]));
    const memory = new WebAssembly.Memory({ initial: 32, maximum: 16384, shared: true });
    const first = await instance(compiled, memory);
    const results = await Promise.all(Array.from({ length: threads }, (_, thread) => new Promise((done, failed) => {
        const worker = new Worker(new URL(import.meta.url), { workerData: { compiled, memory, thread, stack: first.stack(1 << 18) } });
        worker.on("message", done);
        worker.on("error", failed);
    })));
    const wrong = results.reduce((sum, result) => sum + result, 0) + first.soak(threads, steps);
    if (wrong !== 0) {
        throw new Error(`${wrong} bytes are not what they should be`);
    }
    console.log(`${threads} threads, ${steps} steps each: every byte as it should be; ${first.pages()} pages`);
} else {
    const { compiled, memory, thread, stack } = workerData;
    const exports = await instance(compiled, memory);
    exports.__stack_pointer.value = stack;
    parentPort.postMessage(exports.soak(thread, steps));
}
