'use strict';
// node suite.js '{"transport":"http"|"ws", "http_port":N, "ws_port":N, "device_id":…, "owner_id":…, …}'
// Runs every check against a running gateway, one JSON line each, and ends with one that counts them.

const { good, open_stack, plain_client, report, sdk } = require('./lib');

async function main() {
    const setting = JSON.parse(process.argv[2]);
    const { transport, http_port, ws_port, owner_id } = setting;
    const owner = sdk.ObjectId.from_base_58(owner_id).unwrap();
    const dec = (name) => sdk.DecApp.generate_id(owner, name);
    const open = (dec_id) => open_stack(transport, http_port, ws_port, dec_id);
    const system = good(sdk.ObjectId.from_base_58(setting.system_dec));
    const context = {
        ...setting,
        stack: open(dec(`interop ${transport}`)),
        other_stack: open(dec(`interop other ${transport}`)),
        twin_stack: open(dec(`interop ${transport}`)), // the same dec on connections of its own
        system_stack: open(system),
        plain: plain_client(transport, http_port, ws_port),
        dec_id: dec(`interop ${transport}`).to_base_58(),
        other_dec_id: dec(`interop other ${transport}`).to_base_58(),
        large: transport === 'http', // the SDK's WebSocket refuses messages above 8 MiB
    };
    for (const service of ['util', 'objects', 'data', 'trans', 'crypto', 'state', 'storage', 'rmeta', 'handlers', 'handler_kinds']) {
        await require(`./${service}`)(context);
    }
    report({ done: true });
    process.exit(0); // the SDK keeps its sockets open
}

main().catch((error) => {
    report({ check: 'suite', ok: false, error: error.stack });
    process.exit(1);
});
