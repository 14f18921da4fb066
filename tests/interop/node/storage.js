'use strict';
// The SDK's StateStorage: a map or set at a path, loaded, changed, saved.

const { assert, check, code_of, connected, good, sdk } = require('./lib');

const { GlobalStateCategory: Category, ObjectMapSimpleContentType: Content } = sdk;

module.exports = async function storage({ stack, twin_stack, dec_id, owner_id }) {
    const owner = good(sdk.ObjectId.from_base_58(owner_id));
    const dec = good(sdk.ObjectId.from_base_58(dec_id));
    const ids = Array.from({ length: 6 }, (_, index) =>
        sdk.TextObject.create(sdk.Some(owner), `storage ${index}`, '', '').desc().object_id(),
    );
    const texts = (list) => list.map((id) => id.to_base_58()).sort();

    async function open(one, category, path, content) {
        const made = one.global_state_storage_ex(category, path, content, undefined, dec);
        good(await connected(() => made.init()));
        return made;
    }

    for (const category of [Category.RootState, Category.LocalCache]) {
        const map_at = async (path, one = stack) => new sdk.StateStorageMap(await open(one, category, path, Content.Map));
        await check(`storage in ${category}: a map is saved and loaded again`, async () => {
            const first = await map_at('/storage/map');
            assert.deepEqual(good(await first.list()), []);
            good(await first.insert('a', ids[0]));
            assert.equal(code_of(await first.insert('a', ids[1])), 5);
            good(await first.set('b', ids[1]));
            assert.equal(good(await first.set('b', ids[2])).to_base_58(), ids[1].to_base_58());
            good(await first.set('c', ids[3]));
            assert.equal(good(await first.remove('c')).to_base_58(), ids[3].to_base_58());
            assert.equal(first.storage().is_dirty(), true);
            good(await first.save());
            assert.equal(first.storage().is_dirty(), false);
            good(await first.set('lost', ids[4]));
            await first.abort();

            const second = await map_at('/storage/map');
            const expected = { a: ids[0].to_base_58(), b: ids[2].to_base_58() };
            const read = (list) => Object.fromEntries(list.map(([key, value]) => [key, value.to_base_58()]));
            assert.deepEqual(read(good(await second.list())), expected);
            assert.deepEqual(read(good(await second.next(10))), expected);
            assert.deepEqual(good(await second.next(10)), []);
            good(await second.reset());
            assert.equal(good(await second.next(1)).length, 1);
            good(await second.set('d', ids[5]));
            good(await second.save());
            good(await second.save()); // nothing to do
            await second.abort();
        });
        await check(`storage in ${category}: a set is saved and loaded again`, async () => {
            const set_at = async () => new sdk.StateStorageSet(await open(stack, category, '/storage/set', Content.Set));
            const first = await set_at();
            for (const id of ids.slice(0, 3)) {
                assert.equal(good(await first.insert(id)), true);
            }
            assert.equal(good(await first.insert(ids[0])), false);
            assert.equal(good(await first.remove(ids[1])), true);
            good(await first.save());
            await first.abort();
            const second = await set_at();
            assert.deepEqual(texts(good(await second.list())), texts([ids[0], ids[2]]));
            assert.equal(good(await second.contains(ids[2])), true);
            assert.equal(good(await second.contains(ids[1])), false);
            await second.abort();
        });
        await check(`storage in ${category}: of two that changed the same map the second is told`, async () => {
            const first = await map_at('/storage/race');
            good(await first.set('start', ids[0]));
            good(await first.save());
            const second = await map_at('/storage/race', twin_stack);
            good(await second.set('mine', ids[1]));
            good(await first.set('yours', ids[2]));
            good(await first.save());
            assert.ok([28, 50].includes(code_of(await second.save())));
            assert.equal(second.storage().is_dirty(), true);
            await second.abort();
            await first.abort();
            const third = await map_at('/storage/race');
            assert.deepEqual(good(await third.list()).map(([key]) => key).sort(), ['start', 'yours']);
            await third.abort();
        });
    }
};
