'use strict';
// root-state and local-cache: op-envs of every kind, locks, iterators, conflicts, the accessor.

const { assert, check, code_of, connected, good, plain_code, same_bytes, sdk } = require('./lib');

const { ObjectMapSimpleContentType: Content, NONAPILevel, NONObjectInfo } = sdk;
const ms = (value) => sdk.JSBI.BigInt(value);

/** Ids to put into maps, and the objects themselves for who reads them. */
function texts(owner, prefix, count) {
    return Array.from({ length: count }, (_, index) => {
        const text = sdk.TextObject.create(sdk.Some(owner), `${prefix} ${index}`, 'state', `value ${index}`);
        return new NONObjectInfo(text.desc().object_id(), good(text.to_vec()));
    });
}

const id_text = (id) => (id === undefined ? undefined : id.to_base_58());
const map_entries = (list) => Object.fromEntries(list.map(({ map }) => [map.key, map.value.to_base_58()]));
const set_values = (list) => list.map(({ set }) => set.value.to_base_58()).sort();

async function envs({ stack, twin_stack, other_stack, plain, dec_id, owner_id }, category) {
    const owner = good(sdk.ObjectId.from_base_58(owner_id));
    const objects = texts(owner, category, 30);
    const ids = objects.map(({ object_id }) => object_id);
    const stub_of = (one, dec) => (category === 'root-state' ? one.root_state_stub(undefined, dec) : one.local_cache_stub(undefined, dec));
    const state = stub_of(stack);
    const path_env = async (from = state) => good(await connected(() => from.create_path_op_env()));
    const single_env = async () => good(await connected(() => state.create_single_op_env()));
    const in_env = async (work) => {
        const env = await path_env();
        await work(env);
        return good(await env.commit());
    };
    const name = (text) => `${category}: ${text}`;

    await check(name('a path env reads its own writes, others read them after the commit'), async () => {
        const env = await path_env();
        good(await env.insert_with_key('/a/b', 'first', ids[0]));
        good(await env.insert_with_path('/a/b/second', ids[1]));
        assert.equal(id_text(good(await env.get_by_key('/a/b', 'second'))), id_text(ids[1]));
        assert.equal(id_text(good(await env.get_by_path('/a/b/first'))), id_text(ids[0]));
        assert.equal(good(await env.get_by_path('/a/b/third')), undefined);
        const before = good(await state.get_dec_root());
        const committed = good(await env.commit());
        const after = good(await state.get_dec_root());
        assert.notEqual(id_text(before.dec_root), id_text(after.dec_root));
        assert.equal(id_text(committed.dec_root), id_text(after.dec_root)); // the SDK takes it for the root, too
        assert.equal(String(committed.revision), String(after.revision));
        assert.equal(id_text(good(await state.get_current_root()).root), id_text(after.root));
        const reader = await path_env(stub_of(twin_stack));
        assert.equal(id_text(good(await reader.get_by_path('/a/b/first'))), id_text(ids[0]));
        good(await reader.abort());
        assert.equal(code_of(await env.get_by_path('/a')), 4);
    });
    await check(name('set, remove and their conditions'), async () => {
        const env = await path_env();
        good(await env.set_with_key('/c', 'k', ids[0], undefined, true));
        assert.equal(id_text(good(await env.set_with_key('/c', 'k', ids[1]))), id_text(ids[0]));
        assert.equal(id_text(good(await env.set_with_path('/c/k', ids[2], ids[1]))), id_text(ids[1]));
        assert.equal(code_of(await env.set_with_path('/c/k', ids[3], ids[1])), 28);
        assert.equal(code_of(await env.set_with_key('/c', 'missing', ids[3])), 4);
        assert.equal(code_of(await env.insert_with_key('/c', 'k', ids[2])), 5);
        assert.equal(code_of(await env.remove_with_path('/c/k', ids[1])), 28);
        assert.equal(id_text(good(await env.remove_with_key('/c', 'k'))), id_text(ids[2]));
        assert.equal(good(await env.remove_with_path('/c/k')), undefined);
        assert.equal(code_of(await env.insert_with_path('no/slash', ids[0])), 8);
        good(await env.insert_with_path('/c/value', ids[0]));
        assert.equal(code_of(await env.insert_with_path('/c/value/below', ids[1])), 5);
        good(await env.abort());
    });
    await check(name('sets at a path, and calls that do not fit a kind of map'), async () => {
        const env = await path_env();
        assert.equal(code_of(await env.contains('/sets/s', ids[0])), 4);
        assert.equal(good(await env.insert('/sets/s', ids[0])), true);
        assert.equal(good(await env.insert('/sets/s', ids[0])), false);
        assert.equal(good(await env.insert('/sets/s', ids[1])), true);
        assert.equal(good(await env.contains('/sets/s', ids[1])), true);
        assert.equal(good(await env.remove('/sets/s', ids[0])), true);
        assert.equal(good(await env.remove('/sets/s', ids[0])), false);
        assert.deepEqual(set_values(good(await env.list('/sets/s'))), [id_text(ids[1])]);
        assert.equal(code_of(await env.insert_with_key('/sets/s', 'k', ids[0])), 6);
        assert.equal(code_of(await env.insert('/sets', ids[0])), 6);
        const { content_mode, content_type, count } = good(await env.metadata('/sets/s'));
        assert.deepEqual([content_mode, content_type, String(count)], ['simple', Content.Set, '1']);
        good(await env.abort());
    });
    await check(name('update keeps the session, abort drops what came after'), async () => {
        const env = await path_env();
        good(await env.insert_with_path('/u/kept', ids[0]));
        const first = good(await env.update());
        good(await env.insert_with_path('/u/dropped', ids[1]));
        assert.equal(id_text(good(await env.get_current_root()).dec_root), id_text(first.dec_root));
        good(await env.abort());
        const reader = await path_env();
        assert.deepEqual(map_entries(good(await reader.list('/u'))), { kept: id_text(ids[0]) });
        good(await reader.abort());
        assert.equal(code_of(await reader.abort()), 4);
    });
    await check(name('commits of other keys are merged, of the same key they conflict'), async () => {
        const pair = async () => [await path_env(), await path_env(stub_of(twin_stack))];
        const open_both = async (work) => {
            const both = await pair();
            for (const env of both) {
                await env.get_by_path('/x'); // a session begins at its first call
            }
            await work(...both);
            good(await both[0].commit());
            return both[1].commit();
        };
        good(
            await open_both(async (a, b) => {
                good(await a.insert_with_path('/x/mine', ids[0]));
                good(await b.insert_with_path('/x/yours', ids[1]));
            }),
        );
        const reader = await path_env();
        assert.deepEqual(map_entries(good(await reader.list('/x'))), { mine: id_text(ids[0]), yours: id_text(ids[1]) });
        good(await reader.abort());
        const inserts = await open_both(async (a, b) => {
            good(await a.insert_with_path('/x/same', ids[0]));
            good(await b.insert_with_path('/x/same', ids[1]));
        });
        assert.equal(code_of(inserts), 5);
        const changes = await open_both(async (a, b) => {
            good(await a.set_with_path('/x/same', ids[2]));
            good(await b.set_with_path('/x/same', ids[3]));
        });
        assert.equal(code_of(changes), 50);
        const after = await path_env();
        assert.equal(id_text(good(await after.get_by_path('/x/same'))), id_text(ids[2]));
        good(await after.abort());
    });
    await check(name('locks: tried, waited for, held against writes, released'), async () => {
        const a = await path_env();
        const b = await path_env(stub_of(twin_stack));
        good(await a.try_lock(['/l/x', '/l/y'], ms(0)));
        for (const taken of ['/l', '/l/x', '/l/x/below']) {
            assert.equal(code_of(await b.try_lock([taken], ms(0))), 5, taken);
        }
        assert.equal(code_of(await b.insert_with_path('/l/x/k', ids[0])), 26);
        good(await b.insert_with_path('/l/z', ids[0]));
        let waited = true;
        const lock = b.lock(['/l/x'], ms(0)).then((result) => {
            waited = false;
            return result;
        });
        good(await a.insert_with_path('/l/x/k', ids[1]));
        assert.equal(waited, true);
        good(await a.commit());
        good(await lock);
        good(await b.commit());
        const c = await path_env();
        good(await c.try_lock(['/l/x'], ms(30)));
        const d = await path_env(stub_of(twin_stack));
        good(await d.lock(['/l/x'], ms(0))); // after 30 ms
        for (const env of [c, d]) {
            good(await env.abort());
        }
    });
    await check(name('a new map at a path, by a plain request'), async () => {
        const env = await path_env();
        const headers = { 'cyfs-dec-id': dec_id, 'cyfs-op-env-sid': String(env.sid_) };
        const common = { flags: 0, sid: String(env.sid_) };
        for (const [key, content_type] of Object.entries({ m: 'map', s: 'set', dm: 'diffmap', ds: 'diffset' })) {
            const body = { common, path: '/new', key, content_type };
            const reply = await plain('POST', `/${category}/op-env/init/new`, { ...headers, 'cyfs-op-env-action': 'create-new' }, body);
            assert.equal(reply.status, 200, reply.body.toString());
            assert.equal(good(await env.metadata(`/new/${key}`)).content_type, content_type);
        }
        assert.equal(code_of(await env.insert_with_key('/new/dm', 'k', ids[0])), 6);
        assert.equal(code_of(await env.insert('/new/ds', ids[0])), 6);
        good(await env.abort());
    });
    for (const content of [Content.Map, Content.Set]) {
        await check(name(`a single env on a ${content}: calls, list, iterator`), async () => {
            const env = await single_env();
            assert.equal(code_of(await env.next(1)), 7);
            good(await env.create_new(content));
            assert.equal(code_of(await env.create_new(content)), 5);
            const is_map = content === Content.Map;
            for (const [index, id] of ids.slice(0, 25).entries()) {
                if (is_map) {
                    good(await env.insert_with_key(`key ${index}`, id));
                } else {
                    assert.equal(good(await env.insert(id)), true);
                }
            }
            if (is_map) {
                assert.equal(id_text(good(await env.set_with_key('key 3', ids[29]))), id_text(ids[3]));
                assert.equal(id_text(good(await env.remove_with_key('key 4'))), id_text(ids[4]));
                assert.equal(id_text(good(await env.get_by_key('key 3'))), id_text(ids[29]));
                good(await env.set_with_key('key 3', ids[3], ids[29]));
                good(await env.insert_with_key('key 4', ids[4]));
                assert.equal(code_of(await env.contains(ids[0])), 6);
            } else {
                assert.equal(good(await env.contains(ids[3])), true);
                assert.equal(good(await env.remove(ids[4])), true);
                assert.equal(good(await env.contains(ids[4])), false);
                assert.equal(good(await env.insert(ids[4])), true);
                assert.equal(code_of(await env.get_by_key('k')), 6);
            }
            const read = (list) => (is_map ? Object.entries(map_entries(list)) : set_values(list));
            const whole = read(good(await env.list())).sort();
            assert.equal(whole.length, 25);
            for (let round = 0; round < 2; round += 1) {
                const pieces = [];
                for (const length of [10, 10, 5, 0]) {
                    const piece = good(await env.next(10));
                    assert.equal(piece.length, length);
                    pieces.push(...read(piece));
                }
                assert.deepEqual(pieces.sort(), whole);
                good(await env.reset());
            }
            assert.equal(String(good(await env.metadata()).count), '25');
            const root = good(await env.update());
            assert.equal(id_text(good(await env.get_current_root())), id_text(root));
            good(await env.abort());

            const again = await single_env();
            good(await again.load(root));
            assert.deepEqual(read(good(await again.list())).sort(), whole);
            good(await again.abort());
            await in_env(async (path) => good(await path.set_with_path(`/single/${content}`, root, undefined, true)));
            const by_path = await single_env();
            good(await by_path.load_by_path(`/single/${content}`));
            assert.deepEqual(read(good(await by_path.list())).sort(), whole);
            good(await by_path.abort());
        });
    }
    await check(name('what a single env cannot load'), async () => {
        const env = await single_env();
        assert.equal(code_of(await env.load(ids[28])), 4);
        assert.equal(code_of(await env.load_by_path('/not/there')), 4);
        good(await env.abort());
    });
    await check(name('an isolate path env, by plain requests: a root of its own, linked with the SDK'), async () => {
        const headers = { 'cyfs-dec-id': dec_id };
        const send = async (method, path, action, more, body) =>
            plain(method, `/${category}/op-env/${path}`, { ...headers, 'cyfs-op-env-action': action, ...more }, body);
        const made = await plain(
            'POST',
            `/${category}/op-env`,
            { ...headers, 'cyfs-root-state-aciton': 'create-op-env' },
            { common: { flags: 0 }, op_env_type: 'isolate-path' },
        );
        const { sid } = JSON.parse(made.body.toString());
        const session = { 'cyfs-op-env-sid': sid };
        const common = { flags: 0, sid };
        const insert = (body) => send('POST', 'map', 'insert-with-key', session, { common, value: id_text(ids[0]), ...body });
        assert.equal(plain_code(await insert({ key: '/deep/er/k' })), 7);
        const new_root = () => send('POST', 'init/new', 'create-new', session, { common, content_type: 'map' });
        assert.equal((await new_root()).status, 200);
        assert.equal(plain_code(await new_root()), 5);
        assert.equal((await insert({ key: '/deep/er/k' })).status, 200);
        const lock = { common, path_list: ['/deep'], duration_in_millsecs: '0', try_lock: true };
        assert.equal(plain_code(await send('POST', 'lock', 'lock', session, lock)), 28);
        const committed = await send('POST', 'transaction', 'commit', session, { common, op_type: 'commit' });
        const { root, dec_root, revision } = JSON.parse(committed.body.toString());
        assert.deepEqual([dec_root, revision], [root, 0]);
        const linked = good(sdk.ObjectId.from_base_58(root));
        await in_env(async (env) => good(await env.set_with_path('/isolated', linked, undefined, true)));
        const reader = await path_env();
        assert.equal(id_text(good(await reader.get_by_path('/isolated/deep/er/k'))), id_text(ids[0]));
        good(await reader.abort());
    });
    await check(name('sessions and state of another dec are closed'), async () => {
        const own = good(sdk.ObjectId.from_base_58(dec_id));
        const foreign = stub_of(other_stack, own);
        assert.equal(code_of(await connected(() => foreign.create_path_op_env())), 12);
        assert.equal(code_of(await foreign.get_dec_root()), 12);
        const env = await path_env();
        const headers = { 'cyfs-dec-id': dec_id, 'cyfs-op-env-action': 'get-by-key', 'cyfs-op-env-key': '/a' };
        const with_sid = (sid) => plain('GET', `/${category}/op-env/map`, { ...headers, 'cyfs-op-env-sid': sid });
        assert.equal((await with_sid(String(env.sid_))).status, 200);
        assert.equal(plain_code(await with_sid('1')), 4);
        assert.equal(plain_code(await with_sid('x')), 8);
        good(await env.abort());
    });
    await check(name('the accessor: an object by its path, the entries of a map in pages'), async () => {
        const access = category === 'root-state' ? stack.root_state_access_stub() : stack.local_cache_access_stub();
        const request = { common: { level: NONAPILevel.NOC, flags: 0 }, object: objects[0] };
        good(await connected(() => stack.non_service().put_object(request)));
        const committed = await in_env(async (env) => {
            good(await env.insert_with_path('/read/a b/text', ids[0]));
            for (const [index, id] of ids.slice(0, 7).entries()) {
                good(await env.insert_with_path(`/read/many/key ${index}`, id));
            }
        });
        const found = good(await connected(() => access.get_object_by_path('/read/a b/text')));
        assert.equal(id_text(found.object.object_id), id_text(ids[0]));
        same_bytes(found.object.object_raw, objects[0].object_raw, 'text');
        const pages = [];
        for (const [page, length] of [3, 3, 1, 0].entries()) {
            const list = good(await access.list('/read/many', page, 3));
            assert.equal(list.length, length);
            pages.push(...list);
        }
        assert.deepEqual(Object.keys(map_entries(pages)).sort(), Array.from({ length: 7 }, (_, index) => `key ${index}`));
        assert.equal(code_of(await access.get_object_by_path('/read/nothing')), 4);
        assert.equal(code_of(await access.get_object_by_path('/read/many/key 1')), 4);
        const told = await plain('GET', `/${category}/read/many?action=list`, { 'cyfs-dec-id': dec_id });
        assert.equal(told.headers['cyfs-root'], id_text(good(await state.get_dec_root()).root));
        assert.equal(told.headers['cyfs-revision'], String(committed.revision));
    });
}

module.exports = async function state(context) {
    for (const category of ['root-state', 'local-cache']) {
        await envs(context, category);
    }
};
