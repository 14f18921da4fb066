// The page speaks for the app: its origin says which app that is, so no request names it.

import { makeText } from "./text_object.js";

const $ = (id) => document.getElementById(id);
const known = new Map(); // object id -> message: objects do not change, so each is asked for once
let shown = "";

async function ask(url, options) {
  const reply = await fetch(url, options);
  if (reply.ok) return reply;
  const error = await reply.json().catch(() => ({}));
  throw Object.assign(new Error(error.msg || `The box answers ${reply.status}.`), { status: reply.status });
}

/** The newest messages of the state, newest first. */
async function load() {
  let entries = [];
  try {
    entries = await (await ask("/root-state/posts?action=list&page_index=0&page_size=1000")).json();
  } catch (error) {
    if (error.status !== 404) throw error; // the first post makes the path
  }
  entries.sort((a, b) => (a.key < b.key ? 1 : -1));
  return Promise.all(entries.slice(0, 100).map(async ({ key, value }) => {
    if (!known.has(value)) known.set(value, await (await ask(`/o/${value}?format=json`)).json());
    const { desc, body } = known.get(value);
    return { at: new Date(Number(key) / 1000 - 11644473600000), name: desc.content.header, text: body.content.value };
  }));
}

function row({ at, name, text }) {
  const item = document.createElement("li");
  const head = item.appendChild(document.createElement("header"));
  head.appendChild(document.createElement("strong")).textContent = name || "Somebody";
  const time = head.appendChild(document.createElement("time"));
  time.dateTime = at.toISOString();
  time.textContent = at.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  item.appendChild(document.createElement("p")).textContent = text;
  return item;
}

async function refresh() {
  try {
    const posts = await load();
    const now = JSON.stringify(posts);
    if (now !== shown) $("posts").replaceChildren(...posts.map(row));
    shown = now;
    $("empty").hidden = posts.length > 0;
    if ($("status").dataset.from === "refresh") tell("");
  } catch (error) {
    tell(error.message, "refresh");
  }
}

function tell(text, from = "") {
  $("status").textContent = text;
  $("status").className = from ? "wrong" : "";
  $("status").dataset.from = from;
}

async function post() {
  const object = await makeText(String(Date.now()), $("name").value.trim(), $("text").value.trim());
  await ask("/non/", {
    method: "POST",
    headers: {
      "cyfs-non-action": "post-object",
      "cyfs-object-id": object.id,
      "cyfs-req-path": "/posts",
      "content-type": "application/octet-stream",
    },
    body: object.bytes,
  });
}

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  try {
    await post();
    localStorage.setItem("name", $("name").value);
    $("text").value = "";
    tell("Posted.");
    await refresh();
  } catch (error) {
    tell(error.message, "post");
  } finally {
    button.disabled = false;
  }
});

$("name").value = localStorage.getItem("name") || "";
await refresh();
setInterval(refresh, 2000);
