"""Pages in a real browser: an app's page acts as that app and as nobody else, a stored page does not act at all."""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.core.text_storage import make_text
from cyfs_edge.objects.dir import DirEntry, DirList, make_dir
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import make_file
from tests.gateway_process import GatewayProcess, running
from tests.node import DEC, DEC2, NOW, PEOPLE

from .recorded import Recording
from .replay import prepare_root

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt install chromium)"),
]
APP, APP2, OWNER = (ObjectId.from_text(text) for text in (DEC, DEC2, PEOPLE))
SECRET = make_text("secret", "of the app", "value", owner=OWNER, update_time=NOW)
SCRIPT = """<!doctype html><body><script>
const secret = {"cyfs-object-id": "SECRET"};
async function ask(name, url, headers, method) {
  let told;
  try { told = (await fetch(url, {method: method || "GET", headers: {...secret, ...headers}})).status; }
  catch (error) { told = "blocked"; }
  document.body.append(`[${name}=${told}]`);
}
(async () => {
  await ask("own", "/non/", {});
  await ask("named", "/non/", {"cyfs-dec-id": "APP"});
  await ask("system", "/non/", {"cyfs-dec-id": "SYSTEM"});
  await ask("other", "/non/", {"cyfs-dec-id": "SECOND"});
  await ask("node", "http://127.0.0.1:PORT/non/", {"cyfs-dec-id": "SYSTEM"});
  await ask("neighbour", "http://a.NEIGHBOUR.localhost:PORT/non/", {});
  document.body.append("[end]");
})();
</script>"""


@dataclass
class Site:
    """The gateway with two apps whose page is the script, and the script as a file that anybody may read."""

    gateway: GatewayProcess
    file_id: ObjectId
    profile: Path

    @property
    def port(self) -> int:
        return self.gateway.http[1]

    def show(self, url: str) -> str:
        """What stands in the page after its scripts have run."""
        command = [
            *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--virtual-time-budget=8000", f"--user-data-dir={self.profile}", "--dump-dom", url),
        ]
        done = subprocess.run(command, capture_output=True, timeout=90, check=True)
        return done.stdout.decode().split("</script>")[-1]


class Setup:
    """Calls of a program on the machine."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway

    def ask(self, method: str, path: str, dec: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
        connection = http.client.HTTPConnection(*self._gateway.http, timeout=20)
        connection.request(method, path, body, {"cyfs-dec-id": dec, **headers})
        reply = connection.getresponse()
        data = reply.read()
        assert reply.status == 200, (path, reply.status, data)
        connection.close()
        return data

    def put(self, obj: NamedObject, dec: str, access: str = "258559") -> ObjectId:
        self.ask("PUT", "/non/", dec, {"cyfs-object-id": str(obj.object_id), "cyfs-access": access}, obj.raw)
        return obj.object_id

    def put_file(self, data: bytes, dec: str) -> ObjectId:
        chunk_id = ChunkId.of_data(data)
        self.ask("PUT", "/ndn/", dec, {"cyfs-ndn-action": "put-data", "cyfs-object-id": str(chunk_id)}, data)
        return self.put(make_file(OWNER, len(data), hashlib.sha256(data).digest(), [chunk_id], update_time=NOW), dec)

    def link(self, path: str, object_id: ObjectId) -> None:
        system = str(SYSTEM_DEC_ID)
        common = {"common": {"flags": 0}}
        body = json.dumps({**common, "op_env_type": "path"}).encode()
        made = self.ask("POST", "/root-state/op-env", system, {"cyfs-root-state-aciton": "create-op-env"}, body)
        sid = {"cyfs-op-env-sid": json.loads(made)["sid"]}
        body = json.dumps({**common, "key": path, "value": str(object_id), "auto_insert": True}).encode()
        self.ask("PUT", "/root-state/op-env/map", system, {**sid, "cyfs-op-env-action": "set-with-key"}, body)
        body = json.dumps(common).encode()
        self.ask("POST", "/root-state/op-env/transaction", system, {**sid, "cyfs-op-env-action": "commit"}, body)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, recording: Recording) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("chromium") / "root"
    prepare_root(root, recording, browser_mode="strict")
    with running(root) as gateway:
        values = {
            "SECRET": SECRET.object_id,
            "APP": APP,
            "SYSTEM": SYSTEM_DEC_ID,
            "SECOND": APP2,
            "PORT": gateway.http[1],
            "NEIGHBOUR": APP2.base36,
        }
        text = SCRIPT
        for name, value in values.items():
            text = text.replace(name, str(value))
        setup = Setup(gateway)
        setup.put(SECRET, DEC, access="0")
        file_id = setup.put_file(text.encode(), DEC)
        pages = setup.put(make_dir(OWNER, DirList({"index.html": DirEntry(file_id)}), update_time=NOW), DEC)
        for dec in (DEC, DEC2):
            setup.link(f"/app/{dec}/versions/current", pages)
        yield Site(gateway, file_id, tmp_path_factory.mktemp("profile"))


def test_the_page_of_an_app_acts_as_that_app_only(site: Site) -> None:
    told = site.show(f"http://127.0.0.1:{site.port}/a/{DEC}/index.html")
    assert "[own=200][named=200][system=403][other=403][node=blocked][neighbour=blocked][end]" in told


def test_the_page_of_another_app_does_not_see_its_objects(site: Site) -> None:
    told = site.show(f"http://a.{APP2.base36}.localhost:{site.port}/")
    assert "[own=403][named=403][system=403][other=403][node=blocked][neighbour=403][end]" in told


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", f"a.{APP.base36}.localhost"])
def test_a_stored_page_does_nothing(site: Site, host: str) -> None:
    """Not even in the origin of the app that has put it."""
    shown = site.show(f"http://{host}:{site.port}/o/{site.file_id}")
    assert "[" not in shown
    assert "</body>" in shown
