'use strict';
// The NDN service in the SDK's own dialect (ids in the URL path) and, for what the SDK cannot ask, by plain fetch.

const { assert, check, chunk_of, code_of, connected, good, hash_of, pattern, same_bytes, sdk } = require('./lib');
const { dir_of, info_of } = require('./objects');

const { NDNAPILevel, NDNPutDataResult, NONAPILevel } = sdk;
const MIB = 1024 * 1024;

function common(more = {}) {
    return { level: NDNAPILevel.NDN, flags: 0, referer_object: [], ...more };
}

function chunk_id(data) {
    return chunk_of(data).calculate_id();
}

module.exports = async function data({ stack, owner_id, dec_id, http_port, file_mib, large }) {
    const service = stack.ndn_service();
    const non = stack.non_service();
    const owner = sdk.ObjectId.from_base_58(owner_id).unwrap();

    const put = (object_id, bytes, more = {}) =>
        service.put_data({ common: common(more), object_id, length: bytes.length, data: bytes });
    const get = (object_id, more = {}, inner_path = undefined) =>
        service.get_data({ common: common(more), object_id, inner_path });

    async function put_file(size, chunk_size, seed) {
        const whole = pattern(size, seed);
        const chunks = [];
        for (let at = 0; at < size; at += chunk_size) {
            const part = whole.subarray(at, Math.min(at + chunk_size, size));
            const chunk = chunk_of(part);
            chunks.push(chunk);
            good(await put(chunk.calculate_id(), part));
        }
        const file = info_of(
            sdk.File.create(owner, sdk.JSBI.BigInt(size), hash_of(whole), new sdk.ChunkList(chunks)),
        );
        good(await non.put_object({ common: { level: NONAPILevel.NOC, flags: 0 }, object: file }));
        return { file, whole, chunks };
    }

    /** The 0.6.0 way: headers, and a Range. */
    async function fetch_range(object_id, range) {
        const headers = {
            'cyfs-dec-id': dec_id,
            'cyfs-ndn-action': 'get-data',
            'cyfs-api-level': 'ndn',
            'cyfs-flags': '0',
            'cyfs-object-id': object_id.to_base_58(),
            ...(range ? { range } : {}),
        };
        const reply = await fetch(`http://127.0.0.1:${http_port}/ndn/`, { headers });
        return { reply, body: new Uint8Array(await reply.arrayBuffer()) };
    }

    await check('ndn: ids of small chunks are those that the SDK makes', async () => {
        for (const size of [0, 1, 5000]) {
            const bytes = pattern(size, 77);
            assert.equal(chunk_of(bytes).to_base_58(), good(sdk.ChunkId.calculate(bytes)).to_base_58());
        }
    });
    await check('ndn: the service answers', async () => {
        assert.equal(code_of(await connected(() => get(chunk_id(pattern(10, 99)), { level: NDNAPILevel.NDC }))), 4);
    });
    for (const size of [0, 1, 4095, 4096, 65537, MIB, 4 * MIB]) {
        await check(`ndn: a chunk of ${size} bytes`, async () => {
            const bytes = pattern(size, size + 1);
            const id = chunk_id(bytes);
            assert.equal(good(await put(id, bytes)).result, NDNPutDataResult.Accept);
            assert.equal(good(await put(id, bytes)).result, NDNPutDataResult.AlreadyExists);
            const reply = good(await get(id));
            assert.equal(reply.length, size);
            assert.equal(reply.object_id.to_base_58(), id.to_base_58());
            same_bytes(reply.data, bytes, 'chunk');
        });
    }
    for (const level of [NDNAPILevel.NDC, NDNAPILevel.NDN, NDNAPILevel.Router]) {
        await check(`ndn: put, get and delete at level ${level}`, async () => {
            const bytes = pattern(5000, level.length + 50);
            const id = chunk_id(bytes);
            good(await put(id, bytes, { level }));
            same_bytes(good(await get(id, { level })).data, bytes, 'chunk');
            const gone = good(await service.delete_data({ common: common({ level }), object_id: id }));
            assert.equal(gone.object_id.to_base_58(), id.to_base_58());
            assert.equal(code_of(await get(id, { level: NDNAPILevel.NDC })), 4);
        });
    }
    await check('ndn: wrong data is refused and not stored', async () => {
        const bytes = pattern(300, 7);
        const id = chunk_id(bytes);
        const wrong = bytes.slice();
        wrong[150] ^= 1;
        assert.equal(code_of(await put(id, wrong)), 22);
        assert.equal(code_of(await put(id, bytes.subarray(0, 299))), 28);
        assert.equal(code_of(await put(owner, bytes)), 27);
        assert.equal(code_of(await get(id, { level: NDNAPILevel.NDC })), 4);
    });
    await check('ndn: what is not there is said at once', async () => {
        const began = Date.now();
        for (const level of [NDNAPILevel.NDC, NDNAPILevel.NDN, NDNAPILevel.Router]) {
            assert.equal(code_of(await get(chunk_id(pattern(10, 1234)), { level })), 4);
        }
        const text = sdk.TextObject.create(sdk.Some(owner), 'no data', '', '').desc().calculate_id();
        assert.equal(code_of(await get(text)), 2);
        assert.ok(Date.now() - began < 5000);
    });
    await check('ndn: a file of several chunks, whole, by referer and through a Dir', async () => {
        const { file, whole, chunks } = await put_file(300000, 100001, 5);
        same_bytes(good(await get(file.object_id)).data, whole, 'file');
        const referer_object = [new sdk.NDNDataRefererObject(file.object_id)];
        const part = good(await get(chunks[1].calculate_id(), { referer_object }));
        same_bytes(part.data, whole.subarray(100001, 200002), 'chunk by referer');

        const dir = info_of(dir_of(owner, [['docs/big.bin', { object_id: file.object_id }]]));
        good(await non.put_object({ common: { level: NONAPILevel.NOC, flags: 0 }, object: dir }));
        const inner = good(await get(dir.object_id, {}, '/docs/big.bin'));
        assert.equal(inner.object_id.to_base_58(), file.object_id.to_base_58());
        same_bytes(inner.data, whole, 'file through a dir');
        assert.equal(code_of(await get(dir.object_id)), 27);
    });
    await check('ndn: a file that lacks a chunk', async () => {
        const { file, chunks } = await put_file(200000, 100000, 6);
        good(await service.delete_data({ common: common(), object_id: chunks[1].calculate_id() }));
        assert.equal(code_of(await get(file.object_id)), 4);
    });
    await check('ndn: query_file', async () => {
        const { file } = await put_file(1000, 1000, 8);
        const param = { type: sdk.NDNQueryFileParamType.File, file_id: file.object_id };
        assert.ok(Array.isArray(good(await service.query_file({ common: common(), param })).list));
    });

    const size = file_mib * MIB + 12345;
    let big = null;
    await check(`ndn: a file of ${size} bytes`, async () => {
        big = await put_file(size, 4 * MIB, 11);
        if (large) {
            const { data: bytes, length } = good(await get(big.file.object_id));
            assert.equal(length, size);
            same_bytes(bytes, big.whole, 'file');
        }
    });
    await check('ndn: ranges of that file', async () => {
        const id = big.file.object_id;
        const edge = 4 * MIB;
        const cases = [
            ['bytes=0-0', 0, 0],
            ['bytes=0-99', 0, 99],
            [`bytes=${edge - 3}-${edge + 4}`, edge - 3, edge + 4],
            [`bytes=${edge}-${3 * edge - 1}`, edge, Math.min(3 * edge, size) - 1],
            ['bytes=-1', size - 1, size - 1],
            ['bytes=-70000', size - 70000, size - 1],
            [`bytes=${size - 5}-`, size - 5, size - 1],
            [`bytes=${size - 5}-${size + 100}`, size - 5, size - 1],
            ['0-4', 0, 4], // 0.6.0 sends its structured range without the unit
        ];
        for (const [range, first, last] of cases) {
            const { reply, body } = await fetch_range(id, range);
            assert.equal(reply.status, 206, range);
            assert.equal(reply.headers.get('content-range'), `bytes ${first}-${last}/${size}`);
            assert.equal(reply.headers.get('accept-ranges'), 'bytes');
            const told = JSON.parse(reply.headers.get('cyfs-data-range'));
            assert.deepEqual(told, { Range: [[{ start: first, end: last + 1 }], size] });
            same_bytes(body, big.whole.subarray(first, last + 1), range);
        }
    });
    await check('ndn: several ranges, and ranges that cannot be had', async () => {
        const id = big.file.object_id;
        const two = await fetch_range(id, `bytes=0-9,${4 * MIB}-${4 * MIB + 9}`);
        assert.equal(two.reply.status, 206);
        const parts = [big.whole.subarray(0, 10), big.whole.subarray(4 * MIB, 4 * MIB + 10)];
        same_bytes(two.body, Buffer.concat(parts), 'two ranges');
        for (const range of [`bytes=${size}-`, 'bytes=-0', 'bytes=9-2', 'bytes=a-b', 'items=0-1']) {
            const { reply, body } = await fetch_range(id, range);
            assert.equal(reply.status, 416, range);
            assert.equal(JSON.parse(Buffer.from(body).toString()).code, '43', range);
        }
        assert.equal((await fetch_range(id, '')).reply.status, 200);
    });
};
