'use strict';
// The trans service in the SDK's own dialect: publish, create, start, query, state, stop and delete of tasks.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { assert, check, chunk_of, code_of, good, pattern, same_bytes, sdk } = require('./lib');

const { NDNAPILevel, TransTaskState, TransTaskStatus } = sdk;

module.exports = async function trans({ stack, other_stack, owner_id, device_id }) {
    const service = stack.trans();
    const common = { level: NDNAPILevel.NDC, flags: 0, referer_object: [] };
    const owner = sdk.ObjectId.from_base_58(owner_id).unwrap();
    const device = sdk.DeviceId.from_base_58(device_id).unwrap();
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cyfs-trans-'));
    const file = path.join(folder, 'file');
    const bytes = pattern(300000, 21);
    fs.writeFileSync(file, bytes);
    const create = (object_id, name, auto_start, device_list = [device]) =>
        service.create_task({ common, object_id, local_path: path.join(folder, name), device_list, auto_start });
    const state_of = async (task_id) => good(await service.get_task_state({ common, task_id }));

    let file_id = null;
    await check('trans: publish a file, again the same', async () => {
        const publish = () => service.publish_file({ common, owner, local_path: file, chunk_size: 65536 });
        file_id = good(await publish()).file_id;
        assert.equal(good(await publish()).file_id.to_base_58(), file_id.to_base_58());
        const ndn = stack.ndn_service();
        const { data } = good(await ndn.get_data({ common: { ...common, level: NDNAPILevel.NDN }, object_id: file_id }));
        same_bytes(data, bytes, 'published file');
    });
    await check('trans: publish what is not there', async () => {
        const local_path = path.join(folder, 'nothing');
        assert.equal(code_of(await service.publish_file({ common, owner, local_path, chunk_size: 65536 })), 2);
    });
    let task_id = null;
    await check('trans: create, state, start, state', async () => {
        task_id = good(await create(file_id, 'copy', false)).task_id;
        assert.equal((await state_of(task_id)).state, TransTaskState.Paused);
        good(await service.start_task({ common, task_id }));
        const state = await state_of(task_id);
        assert.equal(state.state, TransTaskState.Finished);
        same_bytes(fs.readFileSync(path.join(folder, 'copy')), bytes, 'downloaded file');
        good(await service.start_task({ common, task_id }));
    });
    await check('trans: a task that cannot be finished tells why', async () => {
        const chunk = chunk_of(pattern(10, 4321)).calculate_id();
        const id = good(await create(chunk, 'none', true)).task_id;
        const state = await state_of(id);
        assert.equal(state.state, TransTaskState.Err);
        good(await service.delete_task({ common, task_id: id }));
    });
    await check('trans: query', async () => {
        const all = good(await service.query_tasks({ common })).task_list;
        assert.deepEqual(all.map((task) => task.task_id), [task_id]);
        const finished = { common, task_status: TransTaskStatus.Finished, range: [0, 10] };
        assert.equal(good(await service.query_tasks(finished)).task_list.length, 1);
        const running = { common, task_status: TransTaskStatus.Running };
        assert.equal(good(await service.query_tasks(running)).task_list.length, 0);
    });
    await check('trans: a task is seen by its own app only', async () => {
        const others = other_stack.trans();
        assert.equal(good(await others.query_tasks({ common })).task_list.length, 0);
        assert.equal(code_of(await others.get_task_state({ common, task_id })), 4);
    });
    await check('trans: stop and delete', async () => {
        assert.equal(code_of(await service.stop_task({ common, task_id })), 7);
        good(await service.delete_task({ common, task_id }));
        assert.equal(code_of(await service.get_task_state({ common, task_id })), 4);
        good(await service.delete_task({ common, task_id }));
        assert.ok(fs.existsSync(path.join(folder, 'copy')));
    });
    fs.rmSync(folder, { recursive: true });
};
