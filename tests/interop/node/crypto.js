'use strict';
// The crypto service: sign with the device's key, verify. Only the system dec may sign.

const { assert, check, code_of, connected, good, same_bytes, sdk } = require('./lib');
const { info_of } = require('./objects');

const { NONObjectInfo, SignObjectResult, VerifyObjectType, VerifySignType } = sdk;
const BY_DEVICE = sdk.CRYPTO_REQUEST_FLAG_SIGN_BY_DEVICE;
const BY_PEOPLE = sdk.CRYPTO_REQUEST_FLAG_SIGN_BY_PEOPLE;
const SET_BOTH = sdk.CRYPTO_REQUEST_FLAG_SIGN_SET_DESC | sdk.CRYPTO_REQUEST_FLAG_SIGN_SET_BODY;
const common = { flags: 0 };

module.exports = async function crypto({ stack, system_stack, device_id, owner_id }) {
    const service = system_stack.crypto();
    const device = sdk.ObjectId.from_base_58(device_id).unwrap();
    const owner = sdk.ObjectId.from_base_58(owner_id).unwrap();
    const object = info_of(sdk.TextObject.create(sdk.Some(device), 'to sign', 'interop', 'value'));
    const sign = (flags, what = object, by = service) => by.sign_object({ common, object: what, flags });
    const verify = (what, sign_object, sign_type = VerifySignType.Both) =>
        service.verify_object({ common, sign_type, object: what, sign_object });
    let signed = null;

    await check('crypto: sign desc and body by the device', async () => {
        const reply = good(await connected(() => sign(BY_DEVICE | SET_BOTH)));
        assert.equal(reply.result, SignObjectResult.Signed);
        assert.equal(reply.object.object_id.to_base_58(), object.object_id.to_base_58());
        assert.ok(reply.object.object_raw.length > object.object_raw.length);
        signed = reply.object;
        const signs = good(NONObjectInfo.new_from_object_raw(signed.object_raw)).object.signs();
        assert.equal(signs.desc_signs().unwrap().length, 1);
        assert.equal(signs.body_signs().unwrap().length, 1);
    });
    await check('crypto: the signature holds, for the owner and for a named signer', async () => {
        const named = VerifyObjectType.Object({ object_id: device });
        for (const sign_object of [VerifyObjectType.Owner(), named]) {
            const { result } = good(await connected(() => verify(signed, sign_object)));
            assert.equal(result.valid, true);
            assert.equal(result.desc_signs.length, 1);
            assert.equal(String(result.desc_signs[0].index), '0');
            assert.equal(result.desc_signs[0].sign_object_id.to_base_58(), device_id);
            assert.equal(result.body_signs.length, 1);
        }
    });
    await check('crypto: a changed body, another signer, no signature', async () => {
        const changed = signed.object_raw.slice();
        const at = Buffer.from(changed).indexOf('value');
        changed[at] ^= 1;
        const tampered = new NONObjectInfo(signed.object_id, changed);
        assert.equal(good(await verify(tampered, VerifyObjectType.Owner(), VerifySignType.Body)).result.valid, false);
        const people = VerifyObjectType.Object({ object_id: owner });
        assert.equal(good(await verify(signed, people)).result.valid, false);
        assert.equal(code_of(await verify(object, VerifyObjectType.Owner())), 4);
    });
    await check('crypto: the signed object can be stored', async () => {
        const request = { common: { level: sdk.NONAPILevel.NOC, flags: 0 }, object: signed };
        good(await connected(() => stack.non_service().put_object(request)));
        const ask = { common: request.common, object_id: signed.object_id };
        same_bytes(good(await stack.non_service().get_object(ask)).object.object_raw, signed.object_raw, 'signed');
    });
    await check('crypto: by people it is pending, without a signer refused, for other decs refused', async () => {
        const mine = info_of(sdk.TextObject.create(sdk.Some(owner), 'for people', 'interop', 'value'));
        assert.equal(good(await sign(BY_PEOPLE | SET_BOTH, mine)).result, SignObjectResult.Pending);
        assert.equal(code_of(await sign(SET_BOTH)), 2);
        assert.equal(code_of(await connected(() => sign(BY_DEVICE | SET_BOTH, object, stack.crypto()))), 12);
    });
};
