'use strict';
// The util service: what a client asks when it opens a stack.

const { assert, check, code_of, connected, good, same_bytes, sdk } = require('./lib');

const common = { flags: 0 };

module.exports = async function util({ stack, device_id, owner_id }) {
    await check('util: wait online, and the local device is known', async () => {
        good(await connected(() => stack.online()));
        good(await stack.wait_online(sdk.JSBI.BigInt(5000000)));
        assert.equal(stack.local_device_id().to_base_58(), device_id);
    });
    const service = stack.util();

    await check('util: get_device gives a Device object with its own id', async () => {
        const { device } = good(await service.get_device({ common }));
        assert.equal(device.desc().calculate_id().to_base_58(), device_id);
        assert.equal(device.desc().owner().unwrap().to_base_58(), owner_id);
    });
    await check('util: get_zone names the zone and its OOD', async () => {
        for (const object_id of [undefined, sdk.ObjectId.from_base_58(owner_id).unwrap()]) {
            const { zone, zone_id, device_id: ood } = good(await service.get_zone({ common, object_id }));
            assert.equal(ood.to_base_58(), device_id);
            assert.equal(zone.desc().calculate_id().to_base_58(), zone_id.to_base_58());
            assert.equal(zone.owner().to_base_58(), owner_id);
        }
    });
    await check('util: resolve_ood', async () => {
        const object_id = sdk.ObjectId.from_base_58(owner_id).unwrap();
        const { device_list } = good(await service.resolve_ood({ common, object_id }));
        assert.deepEqual(
            device_list.map((id) => id.to_base_58()),
            [device_id],
        );
        const unknown = sdk.TextObject.create(sdk.None, 'nobody', '', '').desc().calculate_id();
        assert.equal(code_of(await service.resolve_ood({ common, object_id: unknown })), 4);
    });
    await check('util: get_ood_status on the OOD itself is not supported', async () => {
        assert.equal(code_of(await service.get_ood_status({ common })), 6);
    });
    await check('util: get_noc_info has two figures', async () => {
        const { stat } = good(await service.get_noc_info({ common }));
        assert.equal(typeof stat.count, 'number');
        assert.equal(typeof stat.storage_size, 'number');
    });
    await check('util: get_network_access_info', async () => {
        const { info } = good(await service.get_network_access_info({ common }));
        assert.ok(Array.isArray(info.v4) && Array.isArray(info.v6) && Array.isArray(info.sn));
    });
    await check('util: get_device_static_info', async () => {
        const { info } = good(await service.get_device_static_info({ common }));
        assert.equal(info.device_id.to_base_58(), device_id);
        assert.equal(info.ood_device_id.to_base_58(), device_id);
        assert.equal(info.owner_id.to_base_58(), owner_id);
        const { device } = good(await service.get_device({ common }));
        same_bytes(good(info.device.to_vec()), good(device.to_vec()), 'device');
    });
    await check('util: get_system_info', async () => {
        const { info } = good(await service.get_system_info({ common }));
        for (const figure of ['uptime', 'boot_time', 'cpu_usage', 'total_memory', 'used_memory', 'hdd_disk_total']) {
            assert.equal(typeof info[figure], 'number', figure);
        }
        assert.equal(typeof info.name, 'string');
    });
    await check('util: get_version_info', async () => {
        const { info } = good(await service.get_version_info({ common }));
        assert.deepEqual(Object.keys(info).sort(), ['channel', 'target', 'version']);
    });
};
