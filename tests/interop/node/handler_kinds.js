'use strict';
// Handlers of every category on every chain of a request, with every action; answers that never come.

const { assert, check, chunk_of, code_of, connected, good, pattern, plain_code, same_bytes, sdk } = require('./lib');

const { RouterHandlerAction: Action, RouterHandlerChain: Chain, RouterHandlerCategory: Category } = sdk;
const AROUND = [Chain.PreRouter, Chain.PreNOC, Chain.PostNOC, Chain.PostRouter];

/** JSON as it is, for categories that the SDK has no types for. */
class Raw extends sdk.JsonCodec {
    encode_object(param) {
        return param;
    }

    decode_object(value) {
        return sdk.Ok(value);
    }
}

module.exports = async function handler_kinds(context) {
    const { stack, other_stack, twin_stack, system_stack, plain, dec_id, owner_id, system_dec, handler_timeout } = context;
    const owner = good(sdk.ObjectId.from_base_58(owner_id));
    const own = good(sdk.ObjectId.from_base_58(dec_id));
    const handlers = system_stack.router_handlers();
    const service = system_stack.non_service();
    const common = { level: sdk.NONAPILevel.Router, flags: 0 };
    const code = (result) => (result.err ? code_of(result) : 0);
    const info_of = (header) => {
        const text = sdk.TextObject.create(sdk.Some(owner), 'kinds', header, `value of ${header}`);
        return new sdk.NONObjectInfo(text.desc().object_id(), good(text.to_vec()));
    };

    // The answer of all routines here, and what they were asked; a registration is known once it was asked.
    const state = { answer: undefined, asked: [] };
    const routine = {
        call: async (param) => {
            state.asked.push(param);
            return sdk.Ok(state.answer);
        },
    };
    async function asked_after(answer, call) {
        state.answer = answer;
        state.asked = [];
        const result = await call();
        return { result, asked: state.asked };
    }
    async function until_asked(call) {
        const limit = Date.now() + 10000;
        for (;;) {
            const { asked } = await asked_after({ action: Action.Default }, call);
            if (asked.length || Date.now() > limit) {
                return;
            }
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
    }

    const object = info_of('the object');
    const given = info_of('given by a handler');
    const filter = `object_id == ${object.object_id.to_base_58()}`;
    const put = () => connected(() => service.put_object({ common, object }));
    const get = () => connected(() => service.get_object({ common, object_id: object.object_id }));
    // Flag 2 asks for the object that was deleted.
    const asking = { ...common, flags: 2 };
    const remove = (how = common) => connected(() => service.delete_object({ common: how, object_id: object.object_id }));
    const sign_flags = sdk.CRYPTO_REQUEST_FLAG_SIGN_BY_DEVICE | sdk.CRYPTO_REQUEST_FLAG_SIGN_SET_DESC;
    const crypto = system_stack.crypto();
    const sign = () => connected(() => crypto.sign_object({ common: { flags: 0 }, object, flags: sign_flags }));
    const signed = good(await sign()).object;
    const verify = () =>
        connected(() =>
            crypto.verify_object({
                common: { flags: 0 },
                sign_type: sdk.VerifySignType.Desc,
                object: signed,
                sign_object: sdk.VerifyObjectType.Owner(),
            }),
        );
    const plain_crypto = (path, headers, body) => async () => {
        const reply = await plain('POST', `/crypto/${path}`, { 'cyfs-dec-id': system_dec, ...headers }, body);
        return reply.status === 200 ? sdk.Ok(reply) : sdk.Err(new sdk.BuckyError(plain_code(reply), 'plain'));
    };
    const encrypt = plain_crypto('encrypt', { 'cyfs-encrypt-type': 'encrypt_data', 'cyfs-crypto-flags': '4' }, Buffer.from('a secret'));
    const cipher = good(await encrypt()).body;
    const decrypt = plain_crypto('decrypt', { 'cyfs-decrypt-type': 'decrypt_data', 'cyfs-crypto-flags': '4' }, cipher);
    const raw_handler = (category) => (chain, id, index, chosen, req_path, action, call) =>
        handlers.add_handler(chain, id, index, category, new Raw(), new Raw(), chosen, req_path, action, call);

    const id_of = (result) => good(result).object.object_id.to_base_58();
    const KINDS = [
        {
            category: Category.PutObject,
            chains: AROUND,
            add: (...args) => handlers.add_put_object_handler(...args),
            call: put,
            response: { result: sdk.NONPutObjectResult.AlreadyExists },
            answered: (result) => good(result).result === sdk.NONPutObjectResult.AlreadyExists,
        },
        {
            category: Category.GetObject,
            chains: AROUND,
            add: (...args) => handlers.add_get_object_handler(...args),
            call: get,
            response: { object: given },
            answered: (result) => id_of(result) === given.object_id.to_base_58(),
        },
        {
            category: Category.DeleteObject,
            chains: AROUND,
            add: (...args) => handlers.add_delete_object_handler(...args),
            call: () => remove(asking),
            response: { object: given },
            answered: (result) => id_of(result) === given.object_id.to_base_58(),
        },
        {
            category: Category.SignObject,
            chains: [Chain.PreCrypto, Chain.PostCrypto],
            add: (...args) => handlers.add_sign_object_handler(...args),
            call: sign,
            response: { result: sdk.SignObjectResult.Pending },
            answered: (result) => good(result).result === sdk.SignObjectResult.Pending,
        },
        {
            category: Category.VerifyObject,
            chains: [Chain.PreCrypto, Chain.PostCrypto],
            add: (...args) => handlers.add_verify_object_handler(...args),
            call: verify,
            response: { result: { valid: false, desc_signs: [], body_signs: [] } },
            answered: (result) => good(result).result.valid === false,
        },
        {
            category: 'encrypt_data',
            chains: [Chain.PreCrypto, Chain.PostCrypto],
            filter: 'encrypt_type == encrypt_data',
            add: raw_handler('encrypt_data'),
            call: encrypt,
            response: { data: '616263' },
            answered: (result) => good(result).body.toString() === 'abc',
        },
        {
            category: 'decrypt_data',
            chains: [Chain.PreCrypto, Chain.PostCrypto],
            filter: 'decrypt_type == decrypt_data',
            add: raw_handler('decrypt_data'),
            call: decrypt,
            response: { result: 'decrypted', data: '616263' },
            answered: (result) => good(result).body.toString() === 'abc',
        },
    ];
    for (const kind of KINDS) {
        const chosen = kind.filter ?? filter;
        await check(`handler kinds: ${kind.category} with every action on ${kind.chains.join(', ')}`, async () => {
            for (const chain of kind.chains) {
                const ready = () => ((kind.category === Category.PutObject ? remove() : put()));
                const is_post = chain.startsWith('post');
                good(await kind.add(chain, 'kind', 0, chosen, undefined, Action.Default, routine));
                await until_asked(async () => (await ready(), kind.call()));
                for (const [answer, expected] of [
                    [{ action: Action.Reject }, 30],
                    [{ action: Action.Drop }, 31],
                    [{ action: Action.Pass }, 0],
                    [{ action: Action.Default }, 0],
                    [{ action: Action.Response, response: sdk.Err(new sdk.BuckyError(5, 'told by a handler')) }, 5],
                ]) {
                    good(await ready());
                    const { result, asked } = await asked_after(answer, kind.call);
                    assert.equal(code(result), expected, `${chain} ${answer.action}`);
                    assert.equal(asked.length, 1);
                    assert.equal(asked[0].response !== undefined, is_post, `${chain} has a response`);
                }
                good(await ready());
                const answer = { action: Action.Response, response: sdk.Ok(kind.response) };
                const { result } = await asked_after(answer, kind.call);
                assert.ok(kind.answered(result), `${chain}: the reply is the handler's`);
                assert.equal(good(await handlers.remove_handler(chain, kind.category, 'kind')), true);
                const { asked } = await asked_after({ action: Action.Reject }, kind.call);
                assert.equal(asked.length, 0);
            }
        });
    }
    await check('handler kinds: data is served past its handlers, which are not asked', async () => {
        const bytes = pattern(3000, 4711);
        const chunk = chunk_of(bytes).calculate_id();
        const ndn = system_stack.ndn_service();
        const data_common = { level: sdk.NDNAPILevel.NDN, flags: 0, referer_object: [] };
        const categories = {
            put_data: (...args) => handlers.add_put_data_handler(...args),
            get_data: (...args) => handlers.add_get_data_handler(...args),
            delete_data: (...args) => handlers.add_delete_data_handler(...args),
        };
        for (const [name, add] of Object.entries(categories)) {
            for (const chain of AROUND) {
                good(await add(chain, `data ${name}`, 0, '*', undefined, Action.Default, routine));
            }
        }
        const { asked } = await asked_after({ action: Action.Reject }, async () => {
            good(await ndn.put_data({ common: data_common, object_id: chunk, length: bytes.length, data: bytes }));
            same_bytes(good(await ndn.get_data({ common: data_common, object_id: chunk })).data, bytes, 'chunk');
            good(await ndn.delete_data({ common: data_common, object_id: chunk }));
        });
        assert.equal(asked.length, 0);
        for (const name of Object.keys(categories)) {
            for (const chain of AROUND) {
                assert.equal(good(await handlers.remove_handler(chain, name, `data ${name}`)), true);
            }
        }
    });
    await check('handler kinds: a path whose access a handler decides', async () => {
        const rule = (method, path, item) =>
            plain(method, `/root-state/meta/${path}`, { 'cyfs-dec-id': dec_id }, { common: { flags: 0 }, item });
        assert.equal((await rule('PUT', 'access', { path: '/asked', access: 'Handler' })).status, 200);
        const env = good(await connected(() => stack.root_state_stub().create_path_op_env()));
        good(await env.set_with_path('/asked/text', object.object_id, undefined, true));
        good(await env.commit());
        good(await put());
        const read = () =>
            connected(() => other_stack.root_state_access_stub(undefined, own).list('/asked', 0, 10));
        assert.equal(code(await read()), 12); // nobody to ask
        const add = stack.router_handlers();
        good(await add.add_handler(Chain.Acl, 'acl', 0, Category.Acl, new Raw(), new Raw(), undefined, '/asked', Action.Default, routine));
        await until_asked(read);
        const accept = { action: Action.Response, response: sdk.Ok({ action: 'accept' }) };
        const { result, asked } = await asked_after(accept, read);
        assert.equal(good(result).length, 1);
        const { request } = asked[0];
        assert.equal(request.dec_id, dec_id);
        assert.equal(request.permissions, 'r--');
        assert.equal(request.req_path, `${dec_id}/asked`);
        assert.equal(request.source.dec, context.other_dec_id);
        const refusals = [
            { action: Action.Response, response: sdk.Ok({ action: 'reject' }) },
            { action: Action.Response, response: sdk.Err(new sdk.BuckyError(5, 'no')) },
            { action: Action.Default },
            { action: Action.Reject },
            { action: Action.Pass },
        ];
        for (const answer of refusals) {
            assert.equal(code((await asked_after(answer, read)).result), 12, JSON.stringify(answer));
        }
        assert.equal(good(await add.remove_handler(Chain.Acl, Category.Acl, 'acl')), true);
        assert.equal((await rule('DELETE', 'accesses')).status, 200);
    });
    await check('handler kinds: an answer that does not come is the default action', async () => {
        const silent = { call: () => new Promise(() => {}) };
        const add = stack.router_handlers();
        const post = (from, req_path) =>
            connected(() => from.non_service().post_object({ common: { ...common, req_path }, object }));
        good(await add.add_post_object_handler(Chain.Handler, 'late', 0, undefined, '/late', Action.Drop, silent));
        good(await handlers.add_get_object_handler(Chain.PreRouter, 'late', 0, filter, undefined, Action.Reject, silent));
        const began = Date.now();
        const [posted, got] = await Promise.all([post(twin_stack, `${dec_id}/late`), get()]);
        const seconds = (Date.now() - began) / 1000;
        assert.deepEqual([code(posted), code(got)], [31, 30]);
        assert.ok(seconds > handler_timeout - 0.2 && seconds < handler_timeout + 10, `${seconds} s`);
        assert.equal(good(await add.remove_handler(Chain.Handler, Category.PostObject, 'late')), true);
        assert.equal(good(await handlers.remove_handler(Chain.PreRouter, Category.GetObject, 'late')), true);
        assert.equal(code(await put()), 0);
        assert.equal(code(await get()), 0);
    });
};
