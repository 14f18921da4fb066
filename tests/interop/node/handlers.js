'use strict';
// Handlers and events: the SDK registers them over a WebSocket of its own, and is called back on it.

const http = require('node:http');
const { assert, check, code_of, connected, good, same_bytes, sdk } = require('./lib');

const { RouterHandlerAction: Action, RouterHandlerChain: Chain, RouterHandlerCategory: Category } = sdk;

module.exports = async function handlers({ stack, system_stack, dec_id, owner_id, control_socket }) {
    const owner = good(sdk.ObjectId.from_base_58(owner_id));
    const service = stack.non_service();
    const own = stack.router_handlers();
    const system = system_stack.router_handlers();
    const common = (more) => ({ level: sdk.NONAPILevel.Router, flags: 0, ...more });
    const info_of = (header) => {
        const text = sdk.TextObject.create(sdk.Some(owner), 'handlers', header, `value of ${header}`);
        return new sdk.NONObjectInfo(text.desc().object_id(), good(text.to_vec()));
    };
    const post = (req_path, object) => connected(() => service.post_object({ common: common({ req_path }), object }));
    const put = (object) => service.put_object({ common: common(), object });
    const get = (object_id) => service.get_object({ common: common(), object_id });
    const remove = (object_id) => service.delete_object({ common: common(), object_id });
    const routine = (call) => ({ call: async (param) => sdk.Ok(await call(param)) });

    // The SDK tells success before its registration has been sent: asks until the answer fits.
    async function until(call, fits) {
        const limit = Date.now() + 10000;
        for (;;) {
            const result = await call();
            if (fits(result) || Date.now() > limit) {
                return result;
            }
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
    }
    const code = (result) => (result.err ? code_of(result) : 0);
    const registered = (req_path, object) => until(() => post(req_path, object), (result) => code(result) !== 262);

    await check('handler: post_object reaches the routine, and its answer the caller', async () => {
        const question = info_of('question');
        const answer = info_of('answer');
        let seen;
        const call = routine((param) => {
            seen = param.request;
            return { action: Action.Response, response: sdk.Ok({ object: answer }) };
        });
        good(await own.add_post_object_handler(Chain.Handler, 'ask', 0, undefined, '/ask', Action.Default, call));
        const reply = good(await registered('/ask/more?a=b', question));
        same_bytes(reply.object.object_raw, answer.object_raw, 'answer');
        same_bytes(seen.object.object_raw, question.object_raw, 'question');
        assert.equal(seen.common.req_path, '/ask/more?a=b');
        assert.equal(seen.common.source.dec.to_base_58(), dec_id);
        assert.equal(code(await post('/asked', question)), 262);
        assert.equal(good(await own.remove_handler(Chain.Handler, Category.PostObject, 'ask')), true);
        assert.equal(code(await until(() => post('/ask', question), (result) => result.err)), 262);
    });
    await check('handler: an answer without object, an error, reject, drop and default', async () => {
        const object = info_of('actions');
        const answers = {
            none: { action: Action.Response, response: sdk.Ok({}) },
            error: { action: Action.Response, response: sdk.Err(new sdk.BuckyError(5, 'it is there')) },
            reject: { action: Action.Reject },
            drop: { action: Action.Drop },
            default: { action: Action.Default },
            pass: { action: Action.Pass },
        };
        const call = routine(({ request }) => answers[request.common.req_path.split('/')[2]]);
        good(await own.add_post_object_handler(Chain.Handler, 'act', 0, undefined, '/act', Action.Default, call));
        assert.equal(good(await registered('/act/none', object)).object, undefined);
        const codes = { error: 5, reject: 30, drop: 31, default: 262, pass: 262 };
        for (const [name, expected] of Object.entries(codes)) {
            assert.equal(code(await post(`/act/${name}`, object)), expected, name);
        }
        good(await own.remove_handler(Chain.Handler, Category.PostObject, 'act'));
    });
    await check('handler: without a routine the default action decides', async () => {
        const object = info_of('no routine');
        good(await own.add_post_object_handler(Chain.Handler, 'closed', 0, undefined, '/closed', Action.Reject));
        assert.equal(code(await registered('/closed', object)), 30);
        good(await own.remove_handler(Chain.Handler, Category.PostObject, 'closed'));
    });
    await check('handler: a lower index is asked first, pass goes on to the next', async () => {
        const object = info_of('order');
        const asked = [];
        const answer = (name, action) =>
            routine(() => {
                asked.push(name);
                return { action, response: action === Action.Response ? sdk.Ok({}) : undefined };
            });
        const add = (id, index, action) =>
            own.add_post_object_handler(Chain.Handler, id, index, undefined, '/order', Action.Drop, answer(id, action));
        good(await add('last', 5, Action.Response));
        good(await registered('/order', object));
        good(await add('first', -5, Action.Pass));
        good(await until(() => post('/order', object), () => asked.includes('first')));
        assert.deepEqual(asked.slice(-2), ['first', 'last']);
        for (const id of ['first', 'last']) {
            good(await own.remove_handler(Chain.Handler, Category.PostObject, id));
        }
    });
    await check('handler: a filter chooses, on put, get and delete around the object cache', async () => {
        const chosen = info_of('chosen');
        const other = info_of('other');
        const seen = [];
        const call = (name) =>
            routine(({ request, response }) => {
                seen.push([name, (request.object_id || request.object.object_id).to_base_58(), response !== undefined]);
                return { action: Action.Default };
            });
        const filter = `object_id == '${chosen.object_id.to_base_58()}' && source.zone_category == current-device`;
        good(await system.add_put_object_handler(Chain.PreNOC, 'w', 0, filter, undefined, Action.Default, call('put')));
        good(await system.add_get_object_handler(Chain.PostNOC, 'w', 0, filter, undefined, Action.Default, call('get')));
        good(await system.add_delete_object_handler(Chain.PostRouter, 'w', 0, filter, undefined, Action.Default, call('delete')));
        const ask = async () => {
            seen.length = 0;
            for (const object of [chosen, other]) {
                good(await put(object));
                good(await get(object.object_id));
                good(await remove(object.object_id));
            }
        };
        await until(ask, () => seen.length === 3);
        const id = chosen.object_id.to_base_58();
        assert.deepEqual(seen, [
            ['put', id, false],
            ['get', id, true],
            ['delete', id, true],
        ]);
        good(await system.remove_handler(Chain.PreNOC, Category.PutObject, 'w'));
        good(await system.remove_handler(Chain.PostNOC, Category.GetObject, 'w'));
        good(await system.remove_handler(Chain.PostRouter, Category.DeleteObject, 'w'));
    });
    await check('handler: the answer of a handler before the router takes the place of the object', async () => {
        const held = info_of('held');
        const given = info_of('given');
        good(await put(held));
        const filter = `object_id == ${held.object_id.to_base_58()}`;
        const call = routine(() => ({ action: Action.Response, response: sdk.Ok({ object: given }) }));
        good(await system.add_get_object_handler(Chain.PreRouter, 'swap', 0, filter, undefined, Action.Default, call));
        const swapped = (result) => good(result).object.object_id.to_base_58() === given.object_id.to_base_58();
        assert.ok(swapped(await until(() => get(held.object_id), swapped)));
        good(await system.remove_handler(Chain.PreRouter, Category.GetObject, 'swap'));
        assert.ok(!swapped(await until(() => get(held.object_id), (result) => !swapped(result))));
        good(await remove(held.object_id));
    });
    await check('handler: sign_object passes the handlers around crypto', async () => {
        const object = info_of('signed');
        const seen = [];
        const call = routine(({ request }) => {
            seen.push(request.object.object_id.to_base_58());
            return { action: Action.Reject };
        });
        const filter = `object_id == ${object.object_id.to_base_58()}`;
        good(await system.add_sign_object_handler(Chain.PreCrypto, 'sign', 0, filter, undefined, Action.Default, call));
        const flags = sdk.CRYPTO_REQUEST_FLAG_SIGN_BY_DEVICE | sdk.CRYPTO_REQUEST_FLAG_SIGN_SET_DESC;
        const sign = () => system_stack.crypto().sign_object({ common: { flags: 0 }, object, flags });
        assert.equal(code(await until(() => connected(sign), (result) => result.err)), 30);
        assert.equal(seen[0], object.object_id.to_base_58());
        good(await system.remove_handler(Chain.PreCrypto, Category.SignObject, 'sign'));
    });

    const emit = () =>
        new Promise((resolve, reject) => {
            const options = { socketPath: control_socket, path: '/control/events/test_event', method: 'POST', headers: { host: 'x' } };
            const request = http.request(options, (reply) => {
                let text = '';
                reply.on('data', (data) => (text += data));
                reply.on('end', () => resolve(JSON.parse(text).handled));
            });
            request.on('error', reject);
            request.end();
        });
    await check('event: listeners are told in order until one wants no other to be told', async () => {
        const events = stack.router_events();
        const told = [];
        const tell = (name, handled, call_next) =>
            routine(() => {
                told.push(name);
                return { handled, call_next };
            });
        good(await events.add_test_event('second', 2, tell('second', true, false)));
        assert.equal(await until(emit, (handled) => handled), true);
        good(await events.add_test_event('first', 1, tell('first', false, true)));
        good(await events.add_test_event('third', 3, tell('third', true, true)));
        await until(emit, () => told.includes('first'));
        assert.deepEqual(told.slice(-2), ['first', 'second']);
        assert.ok(!told.includes('third'));
        for (const id of ['first', 'second', 'third']) {
            assert.equal(good(await events.remove_event(sdk.RouterEventCategory.TestEvent, id)), true);
        }
        assert.equal(await until(emit, (handled) => !handled), false);
        good(await events.add_zone_role_changed_event('role', 0, tell('role', true, true)));
        good(await events.remove_event(sdk.RouterEventCategory.ZoneRoleChanged, 'role'));
    });
};
