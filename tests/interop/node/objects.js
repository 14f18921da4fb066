'use strict';
// The NON service: named objects of many kinds and sizes, put, read back byte for byte, replaced, refused, deleted.

const fs = require('node:fs');
const path = require('node:path');
const { assert, check, code_of, connected, good, pattern, same_bytes, sdk } = require('./lib');

const { NONAPILevel, NONObjectInfo, NONPutObjectResult } = sdk;
const time = (value) => sdk.JSBI.BigInt(value);

function common(more = {}) {
    return { level: NONAPILevel.Router, flags: 0, ...more };
}

function info_of(object) {
    return new NONObjectInfo(object.desc().calculate_id(), good(object.to_vec()));
}

function text_of(owner, id, value, update_time) {
    const text = sdk.TextObject.create(sdk.Some(owner), id, 'interop', value);
    if (update_time !== undefined) {
        text.body_expect().set_update_time(time(update_time));
    }
    return text;
}

function dir_of(owner, entries) {
    const map = new sdk.BuckyHashMap();
    for (const [name, node] of entries) {
        map.set(new sdk.BuckyString(name), new sdk.InnerNodeInfo(new sdk.Attributes(0), new sdk.InnerNode(node)));
    }
    const list = new sdk.NDNObjectInfo({ obj_list: new sdk.NDNObjectList(sdk.None, map) });
    return sdk.Dir.create(owner, new sdk.Attributes(0), list, { obj_list: new sdk.BuckyHashMap() });
}

/** Whether the SDK itself can take an object: it decodes all that it sends, and compares the id. */
function known_to_sdk(id, raw) {
    try {
        const object_id = good(sdk.ObjectId.from_base_58(id));
        return !new NONObjectInfo(object_id, new Uint8Array(raw)).verify().err;
    } catch {
        return false;
    }
}

/** An object that the SDK sends as it is, without checking it first. */
function unchecked(object_id, raw) {
    const info = new NONObjectInfo(object_id, raw);
    info.verify = () => sdk.Ok(null);
    return info;
}

/** Every object of the vector files that the SDK can take, as [name, id, raw], one per id. */
function vectors(folder) {
    const read = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'));
    const core = read('core-objects.json');
    const found = new Map();
    for (const entry of [...core.objects, ...core.made_with_ts_sdk]) {
        found.set(entry.object_id, [entry.name, entry.object_id, Buffer.from(entry.object_hex, 'hex')]);
    }
    const kinds = 'device people group file dir diff object_map object_map_hub typeless contract tx action app_group union_account proof_of_service';
    for (const entry of read('objects.json').vectors) {
        if (kinds.split(' ').includes(entry.kind) && entry.id && entry.hex && !found.has(entry.id)) {
            found.set(entry.id, [entry.name, entry.id, Buffer.from(entry.hex, 'hex')]);
        }
    }
    return [...found.values()].filter(([, id, raw]) => known_to_sdk(id, raw));
}

async function one_by_one(calls) {
    const replies = [];
    for (const call of calls) {
        replies.push(await call());
    }
    return replies;
}

module.exports = async function objects({ stack, other_stack, device_id, owner_id, vectors_folder, large }) {
    const service = stack.non_service();
    const other = other_stack.non_service();
    const owner = sdk.ObjectId.from_base_58(owner_id).unwrap();
    const device = sdk.ObjectId.from_base_58(device_id).unwrap();

    const put = (object, more = {}) => service.put_object({ common: common(more), object });
    const get = (object_id, more = {}, inner_path = undefined) =>
        service.get_object({ common: common(more), object_id, inner_path });
    const remove = (object_id, more = {}) => service.delete_object({ common: common(more), object_id });

    async function there_and_back(object, more) {
        good(await put(object, more));
        const reply = good(await get(object.object_id, more));
        assert.equal(reply.object.object_id.to_base_58(), object.object_id.to_base_58());
        same_bytes(reply.object.object_raw, object.object_raw, 'object');
        good(await remove(object.object_id, more));
        assert.equal(code_of(await get(object.object_id, more)), 4);
    }

    await check('non: the services answer', async () => {
        const unknown = info_of(text_of(owner, 'nothing', '')).object_id;
        assert.equal(code_of(await connected(() => get(unknown))), 4);
        assert.equal(
            code_of(await connected(() => other.get_object({ common: common(), object_id: unknown }))),
            4,
        );
    });

    for (const level of [NONAPILevel.NOC, NONAPILevel.NON, NONAPILevel.Router]) {
        await check(`non: put, get and delete at level ${level}`, () =>
            there_and_back(info_of(text_of(owner, `level ${level}`, 'value')), { level }),
        );
    }
    await check('non: with target, req_path, and names that need escapes', () =>
        there_and_back(info_of(text_of(owner, 'escapes', 'value')), { target: device, req_path: '/demo/a b/编码?x=1&y=%' }),
    );

    const key = good(sdk.PrivateKey.generate_rsa(1024));
    const kinds = {
        Text: () => text_of(owner, 'kind', 'häßlich 你好 😀'),
        Storage: () => sdk.Storage.create('kind', pattern(1000, 1)),
        People: () => sdk.People.create(sdk.None, [], key.public(), sdk.None, 'interop'),
        Device: () =>
            sdk.Device.create(
                sdk.Some(owner),
                sdk.UniqueId.create_with_hash(pattern(16, 2)),
                [],
                [],
                [],
                key.public(),
                new sdk.Area(0, 0, 0, 0),
                sdk.DeviceCategory.PC,
            ),
        DecApp: () => sdk.DecApp.create(owner, 'interop app'),
        Dir: () => dir_of(owner, [['a/b.txt', { object_id: owner }]]),
        File: () => {
            const data = pattern(100, 3);
            const chunks = new sdk.ChunkList([good(sdk.ChunkId.calculate(data))]);
            return sdk.File.create(owner, time(100), sdk.HashValue.hash_data(data), chunks);
        },
        'signed Text': () => {
            const text = text_of(owner, 'signed', 'value');
            good(sdk.sign_and_set_named_object(key, text, new sdk.SignatureRefIndex(0)));
            return text;
        },
    };
    for (const [name, make] of Object.entries(kinds)) {
        await check(`non: a ${name} object`, () => there_and_back(info_of(make())));
    }
    for (const size of [1, 4096, 65536, 1000000, ...(large ? [15 * 1024 * 1024] : [3 * 1024 * 1024])]) {
        await check(`non: an object with ${size} bytes of content`, () =>
            there_and_back(info_of(sdk.Storage.create(`size ${size}`, pattern(size, size)))),
        );
    }
    await check('non: every object of the vector files', async () => {
        const all = vectors(vectors_folder);
        assert.ok(all.length >= 160, `${all.length}`);
        for (const [name, id, raw] of all) {
            const object_id = sdk.ObjectId.from_base_58(id).unwrap();
            if (id === device_id || id === owner_id) {
                continue;
            }
            try {
                await there_and_back(new NONObjectInfo(object_id, new Uint8Array(raw)));
            } catch (error) {
                error.message = `${name}: ${error.message}`;
                throw error;
            }
        }
    });

    await check('non: same, newer and older puts', async () => {
        // The SDK reads times as doubles: only multiples of 16 come out as they went in.
        const at = (n) => 13300000000000000 + 16 * n;
        const [old, now, next] = [1, 2, 3].map((n) => info_of(text_of(owner, 'versions', `v${n}`, at(n))));
        const first = good(await put(now));
        assert.equal(first.result, NONPutObjectResult.Accept);
        assert.equal(String(first.object_update_time), String(at(2)));
        for (const again of [now, old]) {
            const reply = good(await put(again));
            assert.equal(reply.result, NONPutObjectResult.AlreadyExists);
            assert.equal(String(reply.object_update_time), String(at(2)));
        }
        same_bytes(good(await get(now.object_id)).object.object_raw, now.object_raw, 'after the older put');
        assert.equal(good(await put(next)).result, NONPutObjectResult.Updated);
        const reply = good(await get(now.object_id));
        same_bytes(reply.object.object_raw, next.object_raw, 'after the newer put');
        assert.equal(String(reply.object_update_time), String(at(3)));
    });
    await check('non: a signature that comes later is merged in', async () => {
        const text = text_of(owner, 'merge', 'value', 13300000000000000);
        assert.equal(good(await put(info_of(text))).result, NONPutObjectResult.Accept);
        good(sdk.sign_and_push_named_object(key, text, new sdk.SignatureRefIndex(0)));
        const reply = good(await put(info_of(text)));
        assert.equal(reply.result, NONPutObjectResult.Merged);
        same_bytes(good(await get(info_of(text).object_id)).object.object_raw, good(text.to_vec()), 'merged');
    });
    await check('non: corrupted puts are refused and store nothing', async () => {
        const whole = info_of(text_of(owner, 'corrupted', 'value'));
        const foreign = info_of(text_of(owner, 'another', 'value'));
        const raw = whole.object_raw;
        const cases = {
            'truncated object': [whole.object_id, raw.slice(0, raw.length - 5), [10, 22]],
            'half an object': [whole.object_id, raw.slice(0, 20), [10, 22]],
            junk: [whole.object_id, pattern(200, 9), [8, 10, 11, 22, 27, 28]],
            'one byte': [whole.object_id, new Uint8Array([0]), [10, 22]],
            'the id of another object': [foreign.object_id, raw, [28]],
        };
        for (const [name, [id, data, codes]] of Object.entries(cases)) {
            const code = code_of(await put(unchecked(id, data)));
            assert.ok(codes.includes(code), `${name}: code ${code}`);
        }
        assert.equal(code_of(await get(whole.object_id)), 4);
        assert.equal(code_of(await get(foreign.object_id)), 4);
    });
    await check('non: delete gives the object back when asked', async () => {
        const object = info_of(text_of(owner, 'delete', 'value'));
        good(await put(object));
        const reply = good(await remove(object.object_id, { flags: sdk.CYFS_REQUEST_FLAG_DELETE_WITH_QUERY }));
        same_bytes(reply.object.object_raw, object.object_raw, 'deleted object');
        good(await remove(object.object_id));
    });
    await check('non: post_object needs a req_path and a handler', async () => {
        const object = info_of(text_of(owner, 'post', 'value'));
        assert.equal(code_of(await service.post_object({ common: common(), object })), 12);
        const more = { req_path: '/nobody/there' };
        assert.equal(code_of(await service.post_object({ common: common(more), object })), 262);
    });
    await check('non: access of other decs', async () => {
        const closed = info_of(text_of(owner, 'closed', 'value'));
        const access = new sdk.AccessString(0o070777); // nothing for other decs of this device
        good(await service.put_object({ common: common(), object: closed, access }));
        const ask = { common: common(), object_id: closed.object_id };
        assert.equal(code_of(await other.get_object(ask)), 12);
        assert.equal(code_of(await other.delete_object(ask)), 12);
        good(await service.update_object_meta({ common: common(), object_id: closed.object_id, access: new sdk.AccessString(0o777777) }));
        good(await other.get_object(ask));
        good(await other.delete_object(ask));
    });
    await check('non: a path into a Dir', async () => {
        const inner = info_of(kinds.File());
        const dir = info_of(
            dir_of(owner, [
                ['docs/a b.txt', { object_id: inner.object_id }],
                ['other', { object_id: owner }],
            ]),
        );
        good(await put(inner));
        good(await put(dir));
        const reply = good(await get(dir.object_id, {}, '/docs/a b.txt'));
        assert.equal(reply.object.object_id.to_base_58(), inner.object_id.to_base_58());
        same_bytes(reply.object.object_raw, inner.object_raw, 'inner object');
        assert.equal(code_of(await get(dir.object_id, {}, '/docs/none')), 42);
    });
    await check('non: 64 requests', async () => {
        const many = [...Array(64).keys()].map((n) => info_of(text_of(owner, `many ${n}`, 'x'.repeat(n * 100))));
        // Over WebSocket one after the other: this SDK numbers all its requests 1 and loses all but the last answer.
        const each = large ? (calls) => Promise.all(calls.map((call) => call())) : one_by_one;
        for (const reply of await each(many.map((object) => () => put(object)))) {
            assert.equal(good(reply).result, NONPutObjectResult.Accept);
        }
        const replies = await each(many.map((object) => () => get(object.object_id)));
        replies.forEach((reply, n) => same_bytes(good(reply).object.object_raw, many[n].object_raw, `object ${n}`));
    });
};

module.exports.dir_of = dir_of;
module.exports.info_of = info_of;
