'use strict';
// Rules of a dec's paths and objects: who of the others may do what.

const { assert, check, code_of, connected, good, plain_code, sdk } = require('./lib');

const { AccessPermissions, AccessString, GlobalStatePathAccessItem: Item, NONAPILevel, NONObjectInfo } = sdk;

module.exports = async function rmeta({ stack, other_stack, plain, dec_id, other_dec_id, owner_id }) {
    const owner = good(sdk.ObjectId.from_base_58(owner_id));
    const own = good(sdk.ObjectId.from_base_58(dec_id));
    const other = good(sdk.ObjectId.from_base_58(other_dec_id));
    const text = sdk.TextObject.create(sdk.Some(owner), 'rmeta', stack.dec_id.to_base_58(), 'shared');
    const object = new NONObjectInfo(text.desc().object_id(), good(text.to_vec()));
    const meta = stack.root_state_meta_stub();
    const theirs = other_stack.root_state_access_stub(undefined, own);
    const read = (path) => connected(() => theirs.get_object_by_path(path));
    const code = (result) => (result.err ? code_of(result) : 0);
    const request = async (method, path, body, dec = dec_id) => {
        const reply = await plain(method, `/root-state/meta/${path}`, { 'cyfs-dec-id': dec }, { common: { flags: 0 }, ...body });
        return reply.status === 200 ? JSON.parse(reply.body.toString()) : plain_code(reply);
    };
    const none = new AccessString(0);

    await check('rmeta: paths to read', async () => {
        const put = { common: { level: NONAPILevel.NOC, flags: 0, access: none }, object, access: none };
        good(await connected(() => stack.non_service().put_object(put)));
        const env = good(await connected(() => stack.root_state_stub().create_path_op_env()));
        for (const path of ['/shared/a/text', '/shared/b/text', '/private/text']) {
            good(await env.insert_with_path(path, object.object_id));
        }
        good(await env.commit());
        assert.equal(code(await read('/shared/a/text')), 12);
    });
    await check('rmeta: access for all decs, taken back', async () => {
        const readable = AccessString.full();
        assert.equal(good(await connected(() => meta.add_access(Item.new('/shared', readable)))), true);
        assert.equal(good(await meta.add_access(Item.new('/shared', readable))), false);
        assert.equal(good(await read('/shared/a/text')).object.object_id.to_base_58(), object.object_id.to_base_58());
        assert.equal(code(await read('/private/text')), 12);
        assert.equal(code(await read('/shared/none')), 4);
        assert.deepEqual(good(await theirs.list('/shared')).map(({ map }) => map.key).sort(), ['a', 'b']);

        // A longer path decides before a shorter one.
        assert.equal(good(await meta.add_access(Item.new('/shared/b', none))), true);
        assert.equal(code(await read('/shared/b/text')), 12);
        assert.equal(code(await read('/shared/a/text')), 0);

        const removed = good(await meta.remove_access(Item.new('/shared', readable)));
        assert.equal(removed.path, '/shared/');
        assert.equal(removed.access.default, readable.value);
        assert.equal(good(await meta.remove_access(Item.new('/nothing', readable))), undefined);
        assert.equal(code(await read('/shared/a/text')), 12);
        assert.equal(good(await meta.clear_access()), 1);
        assert.equal(good(await meta.clear_access()), 0);
    });
    await check('rmeta: access for one dec, for reading and for writing', async () => {
        const grant = (permissions) => meta.add_access(Item.new_group('/shared', undefined, undefined, other, permissions));
        const state = other_stack.root_state_stub(undefined, own);
        const open = (path, access) => connected(() => state.create_path_op_env_with_access({ path, access }));
        assert.equal(good(await grant(AccessPermissions.ReadOnly)), true);
        assert.equal(code(await read('/shared/a/text')), 0);
        assert.equal(code(await open('/shared', AccessPermissions.ReadAndWrite)), 12);
        assert.equal(code(await open('/', AccessPermissions.ReadOnly)), 12);
        const reader = good(await open('/shared', AccessPermissions.ReadOnly));
        assert.equal(good(await reader.get_by_path('/shared/a/text')).to_base_58(), object.object_id.to_base_58());
        assert.equal(code(await reader.get_by_path('/private/text')), 12);
        assert.equal(code(await reader.insert_with_path('/shared/new', object.object_id)), 12);
        good(await reader.abort());

        assert.equal(good(await grant(AccessPermissions.ReadAndWrite)), true);
        const writer = good(await open('/shared', AccessPermissions.ReadAndWrite));
        good(await writer.insert_with_path('/shared/theirs', object.object_id));
        assert.equal(code(await writer.insert_with_path('/private/theirs', object.object_id)), 12);
        good(await writer.commit());
        const check_env = good(await stack.root_state_stub().create_path_op_env());
        assert.equal(good(await check_env.get_by_path('/shared/theirs')).to_base_58(), object.object_id.to_base_58());
        assert.equal(good(await check_env.get_by_path('/private/theirs')), undefined);
        good(await check_env.abort());
        good(await meta.clear_access());
    });
    await check('rmeta: an object through a path with access', async () => {
        const get = (req_path) =>
            connected(() => other_stack.non_service().get_object({ common: { level: NONAPILevel.Router, flags: 0, req_path }, object_id: object.object_id }));
        const path = `${dec_id}/shared/a/text`;
        assert.equal(code(await get(path)), 12);
        good(await meta.add_access(Item.new('/shared/a', AccessString.full())));
        assert.equal(code(await get(path)), 0);
        assert.equal(code(await get(`${dec_id}/private/text`)), 12);
        good(await meta.clear_access());
        assert.equal(code(await get(path)), 12);
    });
    await check('rmeta: links', async () => {
        assert.equal(good(await meta.add_link('/from', '/to')), true);
        assert.equal(good(await meta.add_link('/from', '/to')), false);
        assert.equal(code(await meta.add_link('/from', '/elsewhere')), 5);
        assert.equal(good(await meta.add_link('/to', '/from')), true); // a cycle is none of the node's affairs
        const removed = good(await meta.remove_link('/from'));
        assert.deepEqual([removed.source, removed.target], ['/from/', '/to/']);
        assert.equal(good(await meta.remove_link('/from')) ?? null, null);
        assert.equal(good(await meta.clear_link()), 1);
    });
    await check('rmeta: object-meta opens and closes objects, by plain requests', async () => {
        const get = () =>
            connected(() => other_stack.non_service().get_object({ common: { level: NONAPILevel.Router, flags: 0 }, object_id: object.object_id }));
        const item = { selector: `object.owner == ${owner_id} && obj_type == 41`, access: { Default: AccessString.full().value } };
        assert.equal(code(await get()), 12);
        assert.deepEqual(await request('PUT', 'object-meta', { item }), { updated: true });
        assert.deepEqual(await request('PUT', 'object-meta', { item }), { updated: false });
        assert.equal(code(await get()), 0);
        assert.deepEqual(await request('DELETE', 'object-meta', { item }), { item: { ...item, depth: null } });
        assert.deepEqual(await request('DELETE', 'object-meta', { item }), { item: null });
        assert.equal(code(await get()), 12);
        assert.equal(await request('PUT', 'object-meta', { item: { ...item, selector: 'obj_type ==' } }), 8);
        assert.deepEqual(await request('DELETE', 'object-metas', {}), { count: 0 });
    });
    await check('rmeta: path-config, by plain requests', async () => {
        const item = { path: '/cache', storage_state: 1, depth: 3 };
        assert.deepEqual(await request('PUT', 'path-config', { item }), { updated: true });
        assert.deepEqual(await request('PUT', 'path-config', { item }), { updated: false });
        const removed = await request('DELETE', 'path-config', { item });
        assert.deepEqual(removed, { item: { ...item, path: '/cache/' } });
        assert.deepEqual(await request('DELETE', 'path-configs', {}), { count: 0 });
    });
    await check('rmeta: the rules of another dec cannot be changed', async () => {
        const common = { flags: 0, target_dec_id: own };
        const foreign = other_stack.root_state_meta();
        const item = Item.new('/', AccessString.full());
        assert.equal(code(await connected(() => foreign.add_access({ common, item }))), 12);
        assert.equal(code(await foreign.remove_access({ common, item })), 12);
        assert.equal(code(await foreign.clear_access({ common })), 12);
        assert.equal(code(await foreign.add_link({ common, source: '/a', target: '/b' })), 12);
        assert.equal(code(await foreign.clear_link({ common })), 12);
    });
    await check('rmeta: local-cache has rules of its own', async () => {
        const cache_meta = stack.local_cache_meta_stub();
        good(await meta.add_access(Item.new('/shared', AccessString.full())));
        assert.equal(good(await connected(() => cache_meta.clear_access())), 0);
        assert.equal(good(await meta.clear_access()), 1);
    });
};
