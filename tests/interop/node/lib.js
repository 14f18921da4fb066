'use strict';
// What every suite needs: the official SDK with its chatter off, checks that report as JSON lines, and a stack.

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');

for (const name of ['log', 'info', 'debug', 'warn', 'error', 'assert']) {
    console[name] = () => {};
}
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = () => true; // the SDK's own logger writes to standard output
const sdk = require('cyfs-sdk');
const { w3cwebsocket: WebSocketClient } = require('websocket');
process.stdout.write = write;
for (const name of ['log', 'info', 'debug', 'warn', 'error', 'assert']) {
    console[name] = () => {};
}

/** One JSON line for the test that started us. */
function report(entry) {
    write(`${JSON.stringify(entry)}\n`);
}

/** Runs one check; a failure is reported and the others go on. */
async function check(name, body) {
    const began = process.hrtime.bigint();
    let error = null;
    try {
        await body();
    } catch (caught) {
        error = caught && caught.stack ? caught.stack : String(caught);
    }
    const ms = Number((process.hrtime.bigint() - began) / 1000000n);
    report({ check: name, ok: error === null, ms, ...(error === null ? {} : { error }) });
}

/** The value of a BuckyResult, or an exception with its code and message. */
function good(result) {
    if (result.err) {
        throw new Error(`error ${code_of(result)}: ${result.val.msg}`);
    }
    return result.unwrap();
}

/** The BuckyErrorCode of a failed result; a successful one is an exception. */
function code_of(result) {
    assert.ok(result.err, 'the call succeeded');
    const code = result.val.code;
    return typeof code === 'object' ? code.value ?? code.m_code ?? code : Number(code);
}

/** A stack on the given ports. `transport`: "http" or "ws" (every service through HTTP over WebSocket). */
function open_stack(transport, http_port, ws_port, dec_id) {
    const param = sdk.SharedCyfsStackParam.new_with_ws_event_ports(http_port, ws_port, dec_id).unwrap();
    if (transport === 'ws') {
        param.requestor_config = sdk.SharedCyfsStackParam.ws_requestor_config();
    }
    return sdk.SharedCyfsStack.open(param);
}

/**
 * The SDK's WebSocket of each service connects on its own and its calls fail with ErrorState (7) until then: asks until
 * the answer is another one. Gives up after ten seconds.
 */
async function connected(call) {
    const limit = Date.now() + 10000;
    for (;;) {
        const result = await call();
        if (!result.err || code_of(result) !== 7 || Date.now() > limit) {
            return result;
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
}

/**
 * Plain requests over the transport of a suite, for what SDK 0.5.8 cannot ask: `(method, path, headers, body)` gives
 * `{ status, headers, body }`; header names are in lower case, a body that is no buffer is sent as JSON.
 */
function plain_client(transport, http_port, ws_port) {
    const bytes_of = (body) =>
        body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    if (transport === 'http') {
        return async (method, path, headers, body) => {
            const reply = await fetch(`http://127.0.0.1:${http_port}${path}`, { method, headers, body: bytes_of(body) });
            const found = Object.fromEntries(reply.headers.entries());
            return { status: reply.status, headers: found, body: Buffer.from(await reply.arrayBuffer()) };
        };
    }
    const socket = new WebSocketClient(`ws://127.0.0.1:${ws_port}`);
    socket.binaryType = 'arraybuffer';
    const opened = new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onerror = reject;
    });
    const waiting = new Map();
    socket.onmessage = ({ data }) => {
        const packet = Buffer.from(data);
        waiting.get(packet.readUInt16BE(2))(packet.subarray(10));
    };
    let sequence = 0;
    return async (method, path, headers, body) => {
        await opened;
        sequence += 1;
        const content = bytes_of(body) ?? Buffer.alloc(0);
        const lines = { host: `127.0.0.1:${ws_port}`, 'content-length': content.length, ...headers };
        const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
        const request = Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head.join('')}\r\n`), content]);
        const packet = Buffer.alloc(10);
        packet.writeUInt16BE(0x8801, 0);
        packet.writeUInt16BE(sequence, 2);
        packet.writeUInt16BE(21, 4);
        packet.writeUInt32BE(request.length, 6);
        const answered = new Promise((resolve) => waiting.set(sequence, resolve));
        socket.send(Buffer.concat([packet, request]));
        const answer = await answered;
        const end = answer.indexOf('\r\n\r\n');
        const [first, ...rest] = answer.subarray(0, end).toString('latin1').split('\r\n');
        const found = Object.fromEntries(rest.map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]));
        return { status: Number(first.split(' ')[1]), headers: found, body: answer.subarray(end + 4) };
    };
}

/** The protocol's error code of a plain reply, 0 of a success. */
function plain_code(reply) {
    return reply.status < 400 ? 0 : Number(JSON.parse(reply.body.toString()).code);
}

/** `length` bytes that depend on `seed`, different in every 4-byte word. */
function pattern(length, seed) {
    const data = Buffer.alloc(length);
    let state = (seed * 2654435761 + 1) >>> 0;
    const words = length - (length % 4);
    for (let at = 0; at < words; at += 4) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        data.writeUInt32LE(state, at);
    }
    for (let at = words; at < length; at += 1) {
        data[at] = at & 0xff;
    }
    return new Uint8Array(data.buffer, data.byteOffset, length);
}

/** SHA-256 as a HashValue: the SDK's own hash_data overflows the stack from about 100 KB on. */
function hash_of(data) {
    return sdk.HashValue.copy_from_slice(new Uint8Array(createHash('sha256').update(data).digest()));
}

/** The ChunkId of any number of bytes: type byte, length in four bytes, the first 27 bytes of the hash. */
function chunk_of(data) {
    const raw = Buffer.alloc(32);
    raw[0] = 0x5c;
    raw.writeUInt32LE(data.length, 1);
    createHash('sha256').update(data).digest().copy(raw, 5, 0, 27);
    return good(new sdk.ChunkIdDecoder().raw_decode(new Uint8Array(raw)))[0];
}

function same_bytes(actual, expected, what) {
    const equal = Buffer.compare(Buffer.from(actual), Buffer.from(expected)) === 0;
    assert.ok(equal, `${what}: ${actual.length} bytes that differ from the ${expected.length} expected`);
}

module.exports = {
    assert,
    check,
    chunk_of,
    code_of,
    connected,
    good,
    hash_of,
    open_stack,
    pattern,
    plain_client,
    plain_code,
    report,
    same_bytes,
    sdk,
};
